"""Routes about versions: which there are, what each is, who is champion, and how that came about."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response

from tidegate.bundle.local import local_bundle, stored_versions
from tidegate.bundle.manifest import read_manifest
from tidegate.errors import AlreadyDecided, NotFound, TidegateError
from tidegate.operations.champion import earlier_versions, promote, rollback
from tidegate.operations.desk.answers import Evaluation
from tidegate.operations.desk.desk import Desk, asking, now
from tidegate.operations.evaluated import evaluation_of
from tidegate.operations.history import history
from tidegate.registry.appoint import LONGEST_REASON, present_champion, required_digest
from tidegate.serving.schemas import Refusal
from tidegate.storage.objects import Storage, open_storage
from tidegate.storage.pointer import Pointer

_EVALUATION_REFUSALS: dict[int | str, dict[str, Any]] = {
    404: {"model": Refusal, "description": "This home has no such version, no evaluation of it, or that has no such model"},
    503: {"model": Refusal, "description": "A file of the evaluation is damaged"},
}
_SHOWN = {"name", "algorithm", "kind", "created_at", "threshold", "threshold_rule", "metrics", "training"}


class Promotion(BaseModel):
    """Which version, and why."""

    version: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=1, max_length=LONGEST_REASON, description="in one line; kept in the audit trail")
    instead_of: str | None = Field(None, max_length=64, description="the champion that was looked at: 409 where another one serves by now")


class Rollback(BaseModel):
    """Why."""

    reason: str = Field("", max_length=LONGEST_REASON)
    instead_of: str | None = Field(None, max_length=64, description="the champion that was looked at: 409 where another one serves by now")


def add_versions(app: FastAPI, desk: Desk) -> None:
    """The routes."""
    storage = open_storage(desk.home)

    @app.get("/models", summary="Versions in storage, newest first; which of them serves")
    def models() -> dict[str, Any]:
        champion = present_champion(storage)
        return {
            "champion": None if champion is None else asdict(champion),
            "earlier_versions": [] if champion is None else earlier_versions(desk.ledger, champion.version),
            "models": [_model(desk, version, champion) for version in stored_versions(storage)],
        }

    @app.get("/models/{version}", summary="One version: what it is, and its card")
    def model(version: str) -> dict[str, Any]:
        _require(storage, version)
        told = _model(desk, version, present_champion(storage))
        return {**told, "card": None if "damaged" in told else _card(_folder(desk, storage, version))}

    @app.get("/models/{version}/card", summary="The model card as a page", response_class=FileResponse)
    def card_page(version: str) -> Response:
        _require(storage, version)
        folder = _folder(desk, storage, version)
        if not (folder / "card.html").exists():
            raise NotFound(f"Version {version} has no card.", "Train again.")
        return FileResponse(folder / "card.html", media_type="text/html; charset=utf-8")

    @app.get(
        "/models/{version}/evaluation",
        summary="What the training of a version left in this home: all models compared, curves of one, money",
        response_model=Evaluation,
        responses=_EVALUATION_REFUSALS,
    )
    def evaluation(version: str, model: Annotated[str | None, Query(max_length=128)] = None) -> dict[str, Any]:
        _require(storage, version)
        return evaluation_of(desk.home, version, model)

    _add_acts(app, desk, storage)


def _add_acts(app: FastAPI, desk: Desk, storage: Storage) -> None:
    """Who shall serve, and who did."""

    @app.post("/promote", summary="Make a version the champion; running servers follow")
    def promoted(request: Request, body: Promotion) -> dict[str, Any]:
        seen = _require_champion(storage, body.instead_of)
        against = seen if body.instead_of is not None else None  # whoever is faster from here on, between two looks, is noticed as well
        return promote(desk.home, desk.ledger, body.version, body.reason, asking(request), now(), against).document()

    @app.post("/rollback", summary="Back to the champion before the present one")
    def rolled_back(request: Request, body: Rollback) -> dict[str, Any]:
        _require_champion(storage, body.instead_of)
        return rollback(desk.home, desk.ledger, body.reason, asking(request), now()).document()

    @app.get("/history", summary="When, by whom and why versions were trained, promoted, rolled back to or refused; newest first")
    def events(limit: Annotated[int, Query(ge=1, le=10_000)] = 20) -> dict[str, Any]:
        return history(desk.home, desk.ledger, limit).document()


def _require(storage: Storage, version: str) -> None:
    if version not in stored_versions(storage):
        raise NotFound("There is no such version in this home.", "GET /models lists them.")


def _require_champion(storage: Storage, looked_at: str | None) -> Pointer | None:
    """The champion. Raises AlreadyDecided where somebody made another version champion since this one was looked at."""
    champion = present_champion(storage)
    serving = champion.version if champion else None
    if looked_at is not None and looked_at != serving:
        sentence = f"Version {serving} is champion by now, not version {looked_at}."
        raise AlreadyDecided(sentence, "Look at it again; nothing was changed.")
    return champion


def _folder(desk: Desk, storage: Storage, version: str) -> Path:
    """The version's bundle on this machine, every digest checked. Raises BundleRefused, StorageUnavailable."""
    digest = required_digest(desk.home, desk.ledger, version)
    folder = local_bundle(storage, version, digest)
    read_manifest(folder, digest)
    return folder


def _model(desk: Desk, version: str, champion: Pointer | None) -> dict[str, Any]:
    """What a version's manifest says, every digest checked, and its card's measures with intervals; of a damaged one, that it is."""
    told: dict[str, Any] = {"version": version, "champion": champion is not None and champion.version == version}
    try:
        folder = _folder(desk, open_storage(desk.home), version)
        manifest = read_manifest(folder)
    except TidegateError as error:
        return {**told, "damaged": str(error)}
    card = _card(folder) or {}
    return {**told, **manifest.model_dump(include=_SHOWN), "intervals": card.get("metrics", {})}


def _card(folder: Path) -> dict[str, Any] | None:
    """The card of a bundle whose digests were checked; None where it has none."""
    path = folder / "card.json"
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found
