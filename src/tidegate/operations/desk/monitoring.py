"""Routes about monitoring: the batches that were monitored, everything about one, and monitor one now."""

from __future__ import annotations

import shutil
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse

from tidegate.errors import InputRefused
from tidegate.monitoring.pictures import MONITORING_PAGE, PERFORMANCE_PAGE
from tidegate.operations.desk.answers import JobAnswer, Monitored
from tidegate.operations.desk.desk import Desk, asking
from tidegate.operations.desk.job_routes import add_job_routes
from tidegate.operations.desk.uploads import Upload, form_body, received
from tidegate.operations.monitored import drawn_page, monitored_batch, monitored_batches
from tidegate.serving.schemas import REFUSALS

MONITORING = "/monitoring"
REPORT, PERFORMANCE = "/monitoring/{name}/report", "/monitoring/{name}/performance"
PAGES = (REPORT, PERFORMANCE)
# Options of `tidegate monitor`, by the same names; the batch itself comes as the file.
FIELDS = {
    "since": "instead of a file, what the service scored from this time (ISO) on",
    "until": "and before this time; default: now",
    "pictures": "true (default) or false: draw Evidently's pages, which takes some seconds",
}
_PICTURES = {"": "--pictures", "true": "--pictures", "false": "--no-pictures"}
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


def add_monitoring(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get(MONITORING, summary="Monitored batches, newest first, and the runs of this server's life", response_model=Monitored)
    def batches(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
        jobs = [job.document() for job in desk.monitorings.newest_first()]
        return {"batches": monitored_batches(desk.home, desk.settings, limit), "jobs": jobs}

    @app.get("/monitoring/{name}", summary="Everything that was found about one batch, by its folder", responses=_refusals(422, 503))
    def batch(name: str) -> dict[str, Any]:
        return monitored_batch(desk.home, name)

    _add_pages(app, desk)
    _add_run(app, desk)
    add_job_routes(app, desk.monitorings, "/monitoring/jobs", "Stop a run; nothing of it is kept")


def _add_pages(app: FastAPI, desk: Desk) -> None:
    """Evidently's, as they were drawn."""

    @app.get(
        REPORT,
        summary="Evidently's page of one batch: its columns beside the reference",
        response_class=HTMLResponse,
        responses=_refusals(503),
    )
    def report(name: str) -> HTMLResponse:
        return HTMLResponse(drawn_page(desk.home, name, MONITORING_PAGE))

    @app.get(
        PERFORMANCE,
        summary="Evidently's page of one batch: its customers whose outcome is known",
        response_class=HTMLResponse,
        responses=_refusals(503),
    )
    def performance(name: str) -> HTMLResponse:
        return HTMLResponse(drawn_page(desk.home, name, PERFORMANCE_PAGE))


def _add_run(app: FastAPI, desk: Desk) -> None:
    """Monitor now."""

    @app.post(
        MONITORING,
        status_code=202,
        summary="Monitor a batch now: the file, a window of the ledger, or the newest of the inbox",
        openapi_extra={"requestBody": {**_body(), "required": False}},
        response_model=JobAnswer,
        responses=_refusals(413, 422),
    )
    async def monitor(request: Request) -> dict[str, Any]:
        if request.headers.get("content-type", _FORMS[0]).partition(";")[0].strip().lower() not in _FORMS:
            raise InputRefused("The request is not a form.", "Send multipart/form-data, or nothing for the newest batch.")
        upload = await received(request, desk.scratch, FIELDS)
        try:
            words, shown = _words(upload)
            home = ["--home", str(desk.home.root.resolve())]
            return desk.monitorings.start([*words, *home], shown, asking(request), upload.folder).document()
        except BaseException:
            shutil.rmtree(upload.folder, ignore_errors=True)
            raise


def _body() -> dict[str, Any]:
    body: Any = form_body(FIELDS, False)["requestBody"]
    return dict(body)


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: REFUSALS[status] for status in statuses}


def _words(upload: Upload) -> tuple[list[str], list[str]]:
    """The words for the child, and the same without paths of this machine. Raises InputRefused."""
    fields = dict(upload.fields)
    pictures = fields.pop("pictures", "")
    if pictures not in _PICTURES:
        raise InputRefused("pictures is neither true nor false.", "Send one of them, or leave it out.")
    # An equals sign, so that a value that begins with a dash stays a value.
    options = [*(f"--{field}={value}" for field, value in fields.items() if value), _PICTURES[pictures]]
    if upload.file is None:
        return options, options
    return [str(upload.file), *options], [upload.file.name, *options]
