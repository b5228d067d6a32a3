"""The route that takes a file of outcomes: who left and who stayed."""

from __future__ import annotations

import asyncio
import csv
import shutil
from functools import partial
from itertools import islice
from typing import Any

from fastapi import FastAPI, Request

from tidegate.errors import InputRefused
from tidegate.operations.desk.campaign_answers import OutcomesFileAnswer
from tidegate.operations.desk.desk import Desk, asking, now
from tidegate.operations.desk.uploads import Upload, flag, form_body, received
from tidegate.operations.outcomes import record_file

OUTCOMES = "/outcomes"
REFUSED_ROWS = 1_000
FIELDS = {"audit": "true: people checked these, they are kept beside the ordinary outcomes; false (default)"}


def add_outcomes(app: FastAPI, desk: Desk) -> None:
    """The route."""

    @app.post(
        OUTCOMES,
        summary="Record who left and who stayed, from a file; the same file again adds nothing",
        openapi_extra=form_body(FIELDS, True),
        response_model=OutcomesFileAnswer,
    )
    async def recorded(request: Request) -> dict[str, Any]:
        upload = await received(request, desk.scratch, FIELDS)
        try:
            return await asyncio.get_running_loop().run_in_executor(None, partial(_recorded, desk, upload, asking(request)))
        finally:
            shutil.rmtree(upload.folder, ignore_errors=True)


def _recorded(desk: Desk, upload: Upload, who: str) -> dict[str, Any]:
    if upload.file is None:
        raise InputRefused('The form holds no file named "file".', "Send a table of customers and whether they left.")
    audit = flag(upload.fields, "audit")
    done = record_file(desk.home, desk.ledger, upload.file, desk.settings.max_bad_share, who, now(), lambda _: None, audit)
    told = {name: value for name, value in done.document().items() if name != "quarantine"}
    if done.quarantine is None:
        return {**told, "refused": []}
    with done.quarantine.open(encoding="utf-8", newline="") as file:
        return {**told, "refused": list(islice(csv.DictReader(file), REFUSED_ROWS))}
