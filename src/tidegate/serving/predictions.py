"""The routes that score: one customer, many, a file. Each reads a request, calls the service and answers what was recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from tidegate.errors import InputRefused, SettingRefused
from tidegate.ledger.predictions import Prediction
from tidegate.serving.documents import answer, read_json
from tidegate.serving.schemas import REFUSALS, BatchAnswer, PredictionAnswer, customer_body, customers_body, file_body
from tidegate.serving.service import Service, answer_of, judge, one_valid, predict, request_digest
from tidegate.serving.upload import stream_scored

LONGEST_KEY = 255
Route = Callable[[Service, Request], Awaitable[Response]]
_CSV = {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The file with its scores"}


class UnsupportedMediaType(InputRefused):
    """The body is of another media type than the route reads."""

    status = 415


class PlainRoute(APIRoute):
    """A documented route whose endpoint takes the request as it is: what the contract judges, FastAPI need not."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


def add_predictions(app: FastAPI, service: Service) -> None:
    """The scoring routes, documented with the spec of the bundle that serves now."""
    spec, most = service.scorer.contract.spec, service.settings.max_batch_rows
    _add(app, service, predict_one, "/predict", "Score one customer", customer_body(spec), {"model": PredictionAnswer})
    _add(app, service, predict_batch, "/predict-batch", "Score many customers", customers_body(spec, most), {"model": BatchAnswer})
    _add(app, service, predict_csv, "/predict-csv", "Score a file; refused rows come back marked with their rule", file_body(), _CSV)


def _add(app: FastAPI, service: Service, route: Route, path: str, summary: str, body: dict[str, Any], answered: dict[str, Any]) -> None:
    async def endpoint(request: Request) -> Response:
        return await route(service, request)

    app.router.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        route_class_override=PlainRoute,
        name=path[1:],
        summary=summary,
        response_model=None,
        responses={200: answered, **REFUSALS},
        openapi_extra=body,
    )


async def predict_one(service: Service, request: Request) -> Response:
    """POST /predict."""
    scorer, key = service.scorer, _key(request)
    document = await _document(request)
    valid, rows = one_valid(scorer, document)
    digest = request_digest("predict", document) if key else None
    recorded = await _recorded(service, predict(service, scorer, [valid], rows, "predict", key, digest))
    return answer(answer_of(scorer, recorded[0]))


async def predict_batch(service: Service, request: Request) -> Response:
    """POST /predict-batch."""
    scorer, key = service.scorer, _key(request)
    document = await _document(request)
    customers = _customers(document, service.settings.max_batch_rows)
    loop = asyncio.get_running_loop()
    kept, rows, rejected = await loop.run_in_executor(None, judge, scorer, customers)
    found: list[Prediction] = []
    if rows is not None:
        digest = request_digest("predict-batch", document) if key else None
        valid = [customers[index] for index in kept]
        found = await loop.run_in_executor(None, predict, service, scorer, valid, rows, "predict-batch", key, digest)
    recorded = await _recorded(service, found)
    answers = [{"index": index, **answer_of(scorer, one)} for index, one in zip(kept, recorded, strict=True)]
    return answer({"predictions": answers, "rejected": [asdict(one) for one in rejected]})


async def predict_csv(service: Service, request: Request) -> Response:
    """POST /predict-csv."""
    if not (_header(request, b"content-type") or "").lower().startswith("multipart/form-data"):
        raise UnsupportedMediaType("The body is not multipart/form-data.", 'Send the table as the form field "file".')
    scorer, key = service.scorer, _key(request)
    sent = await _form(request)
    try:
        file = sent.get("file")
        if not isinstance(file, UploadFile):
            raise InputRefused('The form holds no file named "file".', 'Send the table as the form field "file".')
        start = partial(stream_scored, service, scorer, file.file, file.filename or "upload.csv", key)
        pieces = await asyncio.get_running_loop().run_in_executor(None, start)
    finally:
        await sent.close()
    headers = {"Content-Disposition": 'attachment; filename="scored.csv"', "X-Model-Version": scorer.version}
    return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)


async def _document(request: Request) -> Any:
    media_type = _header(request, b"content-type") or "application/json"
    if media_type != "application/json" and media_type.split(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType("The body is not application/json.", "Send JSON with the header Content-Type: application/json.")
    return read_json(await request.body())


def _header(request: Request, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in request.scope["headers"] if key == name), None)


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
        raise InputRefused(f"The body holds {len(many):,} customers; at most {most:,} are scored at once.", "Send fewer, or a file.")
    return many


def _key(request: Request) -> str | None:
    key = _header(request, b"idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise SettingRefused(
            f"The header Idempotency-Key is not 1 to {LONGEST_KEY} printable ASCII characters.", "Send a UUID, for example."
        )
    return key


async def _recorded(service: Service, found: list[Prediction]) -> list[Prediction]:
    """The predictions once they are in the ledger; for a repeated key, those recorded first."""
    if service.commit is None or not found:
        return found
    return await asyncio.wrap_future(service.commit.submit(found))
