"""Routes about campaigns: what a plan needs, plan one or only look at it, list them, and what outcomes prove of one."""

from __future__ import annotations

import asyncio
import csv
import shutil
from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request

from tidegate.bundle.champion import champion_pointer
from tidegate.campaign.plan import Terms
from tidegate.customers.spec import Money
from tidegate.errors import InputRefused, NotFound, SettingRefused
from tidegate.ledger.campaigns import find_campaign, list_campaigns
from tidegate.operations.campaign import Order, Planned, plan, preview, prove_campaign
from tidegate.operations.campaign_places import spec_of
from tidegate.operations.campaign_prices import value_columns
from tidegate.operations.campaign_words import plan_document, proof_document
from tidegate.operations.desk.campaign_answers import Campaigns, PlanAnswer, PricesAnswer, ProofAnswer
from tidegate.operations.desk.desk import Desk, asking, now
from tidegate.operations.desk.uploads import Upload, flag, form_body, received
from tidegate.storage.objects import open_storage

CAMPAIGNS = "/campaigns"
PREVIEW_ROWS = 1_000
PRICES = {name: f"instead of the spec's: {field.description or 'currency of all amounts'}" for name, field in Money.model_fields.items()}
FIELDS = {
    "name": "name of the campaign, used once; a preview needs none",
    "budget": "most that contacts and accepted offers may cost",
    "contacts": "most customers to contact, instead of budget",
    "control": "share of the chosen customers kept aside at random",
    "quiet_days": "leave out who was contacted within so many days",
    "seed": "of the control group's draw",
    "preview": f"true: record nothing and answer with the first {PREVIEW_ROWS:,} rows of each list; false (default)",
    **PRICES,
}
_PATHS = ("output", "control_output", "curve", "picture")


def add_campaigns(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/prices", summary="What the champion's spec says that a campaign needs: prices, id, columns", response_model=PricesAnswer)
    def prices() -> dict[str, Any]:
        return _prices(desk)

    @app.post(
        CAMPAIGNS,
        summary="Choose whom to contact, from what /predict-csv or `score` wrote; or only look at such a plan",
        openapi_extra=form_body(FIELDS, True),
        response_model=PlanAnswer,
    )
    async def planned(request: Request) -> dict[str, Any]:
        upload = await received(request, desk.scratch, FIELDS)
        try:
            work = partial(_planned, desk, upload, asking(request))
            return await asyncio.get_running_loop().run_in_executor(None, work)
        finally:
            shutil.rmtree(upload.folder, ignore_errors=True)

    @app.get(CAMPAIGNS, summary="Campaigns, newest first", response_model=Campaigns)
    def campaigns() -> dict[str, Any]:
        found = list_campaigns(desk.ledger)
        return {"campaigns": [{"name": one.name, "created_at": one.created_at, "who": one.who, **one.parameters} for one in found]}

    # a path, because a name may hold a slash
    @app.get("/campaigns/{name:path}", summary="What the outcomes known so far prove of a campaign", response_model=ProofAnswer)
    def proof(name: str) -> dict[str, Any]:
        if find_campaign(desk.ledger, name) is None:
            raise NotFound("There is no such campaign.", "GET /campaigns lists them.")
        return proof_document(prove_campaign(desk.ledger, name))


def _prices(desk: Desk) -> dict[str, Any]:
    version, spec = champion_pointer(open_storage(desk.home)).version, spec_of(desk.home)
    columns = [spec.columns[name] for name in value_columns(spec)]
    return {
        "model_version": version,
        "spec": spec.name,
        "id": spec.id,
        "prices": None if spec.money is None else spec.money.model_dump(),
        "value_columns": [{"name": column.name, "meaning": column.meaning, "unit": column.unit} for column in columns],
    }


def _planned(desk: Desk, upload: Upload, who: str) -> dict[str, Any]:
    if upload.file is None:
        raise InputRefused('The form holds no file named "file".', "Send the scored table.")
    fields = upload.fields
    only_look = flag(fields, "preview")
    if "name" not in fields and not only_look:
        raise InputRefused("The campaign has no name.", "Send the field name.")
    prices = {name: fields[name] for name in PRICES if fields.get(name)}
    terms, output = _terms(fields, desk.settings.seed), upload.folder / "plan" / "plan.csv"
    order, at = Order(upload.file, output, fields.get("name", ""), terms, prices=prices), now()
    if only_look:
        told = _told(preview(desk.home, desk.ledger, order, at, lambda _: None), PREVIEW_ROWS)
    else:
        told = _told(plan(desk.home, desk.ledger, order, who, at, lambda _: None), None)
    return {**told, "recorded": not only_look, "planned_at": at.isoformat(), "who": who}


def _terms(fields: Mapping[str, str], seed: int) -> Terms:
    return Terms(
        _number(fields.get("budget"), float, "budget", None),
        _number(fields.get("contacts"), int, "contacts", None),
        _number(fields.get("control"), float, "control", 0.1),
        _number(fields.get("quiet_days"), int, "quiet_days", 30),
        _number(fields.get("seed"), int, "seed", seed),
    )


def _told(done: Planned, most: int | None) -> dict[str, Any]:
    told = {name: value for name, value in plan_document(done).items() if name not in _PATHS}
    lists = {"contact": _table(done.files.contacts, most), "keep_aside": _table(done.files.control, most)}
    return {**told, **lists, "profit_curve": _table(done.files.curve, None), "prices": done.money.model_dump()}


def _table(path: Path, most: int | None) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(islice(csv.DictReader(file), most))


def _number(text: str | None, kind: Any, field: str, otherwise: Any) -> Any:
    if text is None or text == "":
        return otherwise
    try:
        return kind(text)
    except ValueError:
        raise SettingRefused(f"{field} is not a number.", "Send it as in 1500 or 0.1.") from None
