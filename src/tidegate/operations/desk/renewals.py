"""Routes about renewals: which there were, start one, and a person's word on one that is held."""

from __future__ import annotations

import tempfile
from pathlib import Path as Folder
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from pydantic import BaseModel, Field

from tidegate.operations.desk.answers import JobAnswer, RenewalAnswer, Renewals, RenewalShown
from tidegate.operations.desk.desk import Desk, asking, now
from tidegate.operations.desk.job_routes import add_job_routes
from tidegate.operations.renew import conclude
from tidegate.operations.renewal_list import one_renewal, renewal_list
from tidegate.registry.appoint import LONGEST_REASON, require_reason
from tidegate.serving.schemas import REFUSALS, Refusal

Number = Annotated[int, Path(ge=1, le=2**53)]


class RenewalOrder(BaseModel):
    """Whether to renew whatever monitoring found, and whether only to try."""

    reason: str = Field("", max_length=LONGEST_REASON, description="renew whatever monitoring found, for this reason")
    dry_run: bool = Field(False, description="train and judge, show who would change decision and why; promote nothing")


class Word(BaseModel):
    """Why."""

    reason: str = Field(min_length=1, max_length=LONGEST_REASON, description="in one line; kept in the audit trail")


def add_renewals(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/renewals", summary="Renewals, newest first, and the runs of this server's life", response_model=Renewals)
    def renewals(limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> dict[str, Any]:
        jobs = [job.document() for job in desk.renewals.newest_first()]
        return {"renewals": renewal_list(desk.ledger, limit), "jobs": jobs}

    @app.post("/renewals", status_code=202, summary="Renew where monitoring asks for it, or for a reason; or try", response_model=JobAnswer)
    def renew(request: Request, body: RenewalOrder) -> dict[str, Any]:
        reason = require_reason(body.reason)
        # An equals sign, so that a reason that begins with a dash stays one.
        words = [*([f"--reason={reason}"] if reason else []), *(["--dry-run"] if body.dry_run else [])]
        home = ["--home", str(desk.home.root.resolve())]
        folder = Folder(tempfile.mkdtemp(dir=desk.scratch, prefix="renewal."))
        try:
            return desk.renewals.start([*words, *home], words, asking(request), folder).document()
        except BaseException:
            folder.rmdir()
            raise

    @app.get("/renewals/{number}", summary="One renewal: decision, reasons, gates, what became of it", response_model=RenewalShown)
    def renewal(number: Number) -> dict[str, Any]:
        return one_renewal(desk.ledger, number)

    @app.post("/renewals/{number}/approve", summary="Promote the challenger of a renewal that is held", **_answer())
    def approved(request: Request, number: Number, body: Word) -> dict[str, Any]:
        return conclude(desk.home, desk.settings, desk.ledger, number, True, body.reason, asking(request), now()).document()

    @app.post("/renewals/{number}/refuse", summary="Refuse the challenger of a renewal that is held; the champion stays", **_answer())
    def refused(request: Request, number: Number, body: Word) -> dict[str, Any]:
        return conclude(desk.home, desk.settings, desk.ledger, number, False, body.reason, asking(request), now()).document()

    add_job_routes(app, desk.renewals, "/renewals/jobs", "Stop a run; the champion stays as it was")


def _answer() -> dict[str, Any]:
    statuses = {
        404: {"model": Refusal, "description": "There is no such renewal that is held"},
        409: {"model": Refusal, "description": "Somebody decided it before, or another renewal is at work"},
        422: REFUSALS[422],
        503: REFUSALS[503],
    }
    return {"response_model": RenewalAnswer, "responses": statuses}
