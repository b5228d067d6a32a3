"""Routes about experiments: start one, raise its share, see what it shows, end it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field

from tidegate.ledger.experiments import list_experiments
from tidegate.operations.desk.desk import Desk, asking, now
from tidegate.operations.experiment import experiment_document, start, stop
from tidegate.operations.experiment_status import status
from tidegate.operations.experiment_words import status_document
from tidegate.registry.appoint import LONGEST_REASON

DEFAULT_HORIZON_DAYS = 30


class Start(BaseModel):
    """Which version is tried on whom; the same version again with a higher share raises it."""

    treatment: str = Field(min_length=1, max_length=64)
    share: float | None = Field(None, description="percent of the customers; default by mode")
    mode: str = Field("ab", description="ab, canary or shadow")
    horizon_days: int = Field(DEFAULT_HORIZON_DAYS, description="after how many days a prediction's outcome counts")


class Stop(BaseModel):
    """Why."""

    reason: str = Field("", max_length=LONGEST_REASON)


def add_experiments(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.post("/experiments", summary="Try a version beside the champion, or raise its share; running servers follow")
    def started(request: Request, body: Start) -> dict[str, Any]:
        return start(desk.home, desk.ledger, body.treatment, body.share, body.mode, body.horizon_days, asking(request), now()).document()

    @app.get("/experiments", summary="Experiments, newest first")
    def experiments() -> dict[str, Any]:
        return {"experiments": [experiment_document(one) for one in list_experiments(desk.ledger)]}

    @app.get("/experiments/status", summary="Versions compared on matured outcomes; what it says stays true at every look")
    def shown(number: Annotated[int | None, Query(ge=1)] = None) -> dict[str, Any]:
        return status_document(status(desk.ledger, number, now()))

    @app.post("/experiments/stop", summary="End the running experiment")
    def stopped(request: Request, body: Stop) -> dict[str, Any]:
        return stop(desk.ledger, body.reason, asking(request), now()).document()
