"""The routes that score: one customer, many, a file. Each reads a request, calls the service and answers what was recorded."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tidegate.errors import InputRefused, TooLarge, WrongMediaType
from tidegate.serving.documents import answer
from tidegate.serving.patience import recorded
from tidegate.serving.reasons import explained_by_arm, reasons_asked, require_room, source_count
from tidegate.serving.requests import add_post, header, idempotency_key, json_document
from tidegate.serving.schemas import (
    BatchAnswer,
    ExplanationAnswer,
    PredictionAnswer,
    customer_body,
    customers_body,
    file_body,
    with_parameters,
)
from tidegate.serving.service import Service, answer_of, judge, one_valid, predict, request_digest
from tidegate.serving.trial.arms import scorers_at_work, timed
from tidegate.serving.uploads.stream import ScoredFile, scored_pieces, spooled, unless_left

UPLOAD = "/predict-csv"
_CSV = {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The file with its scores"}


def add_predictions(app: FastAPI, service: Service) -> None:
    """The scoring routes, documented with the spec of the bundle that serves now."""
    spec, most, reasons = service.scorer.contract.spec, service.settings.max_batch_rows, source_count(service.scorer)
    one, many = with_parameters(customer_body(spec), reasons), with_parameters(customers_body(spec, most), reasons)
    file, explained_one = with_parameters(file_body()), with_parameters(customer_body(spec))
    add_post(app, service, predict_one, "/predict", "Score one customer", one, {"model": PredictionAnswer})
    add_post(app, service, predict_batch, "/predict-batch", "Score many customers", many, {"model": BatchAnswer})
    add_post(app, service, predict_csv, UPLOAD, "Score a file; refused rows come back marked with their rule", file, _CSV)
    add_post(app, service, explain_one, "/explain", "Score one customer and say why", explained_one, {"model": ExplanationAnswer})


async def predict_one(service: Service, request: Request) -> Response:
    """POST /predict."""
    scorer, key = service.scorer, idempotency_key(request)
    most, scorers = reasons_asked(request, scorer), scorers_at_work(service.arms, scorer)
    document = await json_document(request)
    valid, rows = one_valid(scorer, document)
    digest = request_digest(service.key, "predict", document) if key else None
    with timed(service.arms, scorer) as about:
        about += predict(service, scorer, [valid], rows, "predict", key, digest)
        lines = await recorded(service, about)
    if not most:
        return answer(answer_of(scorer, lines[0]))
    why = await explained_by_arm(service, scorers, lines, [valid], rows, most)
    return answer({**answer_of(scorer, lines[0]), **why[0]})


async def explain_one(service: Service, request: Request) -> Response:
    """POST /explain. It scores, so it records: an answer that is not in the ledger would be a score that nobody can account for."""
    scorer, key = service.scorer, idempotency_key(request)
    scorers = scorers_at_work(service.arms, scorer)
    document = await json_document(request)
    valid, rows = one_valid(scorer, document)
    digest = request_digest(service.key, "explain", document) if key else None
    with timed(service.arms, scorer) as about:
        about += predict(service, scorer, [valid], rows, "explain", key, digest)
        lines = await recorded(service, about)
    (why,) = await explained_by_arm(service, scorers, lines, [valid], rows, source_count(scorer))
    contributions = None if why["reasons"] is None else {one["column"]: one["contribution"] for one in why["reasons"]}
    return answer({**answer_of(scorer, lines[0]), **why, "contributions": contributions})


async def predict_batch(service: Service, request: Request) -> Response:
    """POST /predict-batch."""
    scorer, key = service.scorer, idempotency_key(request)
    most, scorers = reasons_asked(request, scorer), scorers_at_work(service.arms, scorer)
    document = await json_document(request)
    customers = _customers(document, service.settings.max_batch_rows)
    if most:
        for each in scorers:
            await require_room(service, each, len(customers), most)
    loop = asyncio.get_running_loop()
    kept, rows, rejected = await loop.run_in_executor(None, judge, scorer, customers)
    refused = [asdict(one) for one in rejected]
    if rows is None:
        return answer({"predictions": [], "rejected": refused})
    digest = request_digest(service.key, "predict-batch", document) if key else None
    valid = [customers[index] for index in kept]
    found = await loop.run_in_executor(None, predict, service, scorer, valid, rows, "predict-batch", key, digest)
    lines = await recorded(service, found)
    whys = await explained_by_arm(service, scorers, lines, valid, rows, most) if most else [{}] * len(kept)
    together = zip(kept, lines, whys, strict=True)
    return answer({"predictions": [{"index": at, **answer_of(scorer, one), **why} for at, one, why in together], "rejected": refused})


async def predict_csv(service: Service, request: Request) -> Response:
    """POST /predict-csv."""
    if not (header(request, b"content-type") or "").lower().startswith("multipart/form-data"):
        raise WrongMediaType("The body is not multipart/form-data.", 'Send the table as the form field "file".')
    scorer, key = service.scorer, idempotency_key(request)
    sent = await _form(request)
    with ExitStack() as work:
        try:
            file = sent.get("file")
            if not isinstance(file, UploadFile):
                raise InputRefused('The form holds no file named "file".', 'Send the table as the form field "file".')
            path = await spooled(service, file.file, work)
        finally:
            await sent.close()
        pieces = scored_pieces(service, scorer, path, key, work)
        # The first piece before the answer begins, so that a refused table is an error and not half an answer.
        first = await unless_left(request, anext(pieces))
        headers = {"Content-Disposition": 'attachment; filename="scored.csv"', "X-Model-Version": scorer.version}
        return ScoredFile(first, pieces, work.pop_all(), headers)
    raise AssertionError  # for mypy: a stack may swallow errors, this one does not


async def _form(request: Request) -> FormData:
    try:
        return await request.form(max_files=1, max_fields=1)
    except HTTPException:
        raise InputRefused("The form cannot be read.", 'Send multipart/form-data with one file field named "file".') from None


def _customers(document: Any, most: int) -> list[Any]:
    many = document.get("customers") if isinstance(document, dict) and set(document) == {"customers"} else None
    if not isinstance(many, list) or not many:
        raise InputRefused("The body holds no customers.", 'Send {"customers": [{…}, …]} with at least one customer and no other field.')
    if len(many) > most:
        raise TooLarge(f"The body holds {len(many):,} customers; at most {most:,} are scored at once.", "Send fewer, or a file.")
    return many
