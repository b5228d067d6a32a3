"""Routes about campaigns: plan one, list them, and what outcomes prove of one."""

from __future__ import annotations

import asyncio
import csv
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request

from tidegate.campaign.plan import Terms
from tidegate.errors import InputRefused, NotFound, SettingRefused
from tidegate.ledger.campaigns import find_campaign, list_campaigns
from tidegate.operations.campaign import Order, plan, prove_campaign
from tidegate.operations.campaign_words import plan_document, proof_document
from tidegate.operations.desk.desk import Desk, asking, now
from tidegate.operations.desk.uploads import Upload, form_body, received

CAMPAIGNS = "/campaigns"
FIELDS = {
    "name": "name of the campaign, used once",
    "budget": "most that contacts and accepted offers may cost",
    "contacts": "most customers to contact, instead of budget",
    "control": "share of the chosen customers kept aside at random",
    "quiet_days": "leave out who was contacted within so many days",
    "seed": "of the control group's draw",
}
_PATHS = ("output", "control_output", "curve", "picture")


def add_campaigns(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.post(CAMPAIGNS, summary="Choose whom to contact, from what /predict-csv or `score` wrote", openapi_extra=form_body(FIELDS, True))
    async def planned(request: Request) -> dict[str, Any]:
        upload = await received(request, desk.scratch, FIELDS)
        try:
            work = partial(_planned, desk, upload, asking(request))
            return await asyncio.get_running_loop().run_in_executor(None, work)
        finally:
            shutil.rmtree(upload.folder, ignore_errors=True)

    @app.get(CAMPAIGNS, summary="Campaigns, newest first")
    def campaigns() -> dict[str, Any]:
        found = list_campaigns(desk.ledger)
        return {"campaigns": [{"name": one.name, "created_at": one.created_at, "who": one.who, **one.parameters} for one in found]}

    @app.get("/campaigns/{name}", summary="What the outcomes known so far prove of a campaign")
    def proof(name: str) -> dict[str, Any]:
        if find_campaign(desk.ledger, name) is None:
            raise NotFound("There is no such campaign.", "GET /campaigns lists them.")
        return proof_document(prove_campaign(desk.ledger, name))


def _planned(desk: Desk, upload: Upload, who: str) -> dict[str, Any]:
    if upload.file is None:
        raise InputRefused('The form holds no file named "file".', "Send the scored table.")
    fields = upload.fields
    if "name" not in fields:
        raise InputRefused("The campaign has no name.", "Send the field name.")
    terms = Terms(
        _number(fields.get("budget"), float, "budget", None),
        _number(fields.get("contacts"), int, "contacts", None),
        _number(fields.get("control"), float, "control", 0.1),
        _number(fields.get("quiet_days"), int, "quiet_days", 30),
        _number(fields.get("seed"), int, "seed", desk.settings.seed),
    )
    order = Order(upload.file, upload.folder / "plan" / "plan.csv", fields["name"], terms)
    done = plan(desk.home, desk.ledger, order, who, now(), lambda _: None)
    told = {name: value for name, value in plan_document(done).items() if name not in _PATHS}
    lists = {"contact": done.files.contacts, "keep_aside": done.files.control, "profit_curve": done.files.curve}
    return {**told, **{name: _table(path) for name, path in lists.items()}}


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _number(text: str | None, kind: Any, field: str, otherwise: Any) -> Any:
    if text is None or text == "":
        return otherwise
    try:
        return kind(text)
    except ValueError:
        raise SettingRefused(f"{field} is not a number.", "Send it as in 1500 or 0.1.") from None
