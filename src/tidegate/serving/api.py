"""The scoring API's routes: each reads a request, calls the service and answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi_offline import FastAPIOffline
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from tidegate import __version__
from tidegate.errors import InputRefused, LedgerUnavailable, SettingRefused, TidegateError
from tidegate.ledger.predictions import Prediction
from tidegate.ledger.store import check_ledger
from tidegate.serving.documents import answer, read_json, refusal, refusal_of
from tidegate.serving.gate import Gate
from tidegate.serving.metrics import CONTENT_TYPE
from tidegate.serving.schemas import BatchAnswer, PredictionAnswer, Refusal, body, customer_schema, feature_page
from tidegate.serving.service import Service, answer_of, judge, one_valid, predict, request_digest
from tidegate.serving.upload import stream_scored

LONGEST_KEY = 255
OK = "ok"
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": text}
    for status, text in (
        (413, "More than the route reads"),
        (415, "Not the media type that the route reads"),
        (422, "Refused: the detail names the field, the rule and the remedy"),
        (503, "Not recorded, so not answered; send it again"),
    )
}


class UnsupportedMediaType(InputRefused):
    """The body is of another media type than the route reads."""

    status = 415


def create_app(service: Service, follow: Callable[[Service], Any] | None = None) -> FastAPI:
    """The application around a service. `follow` is an async function that keeps the champion fresh for as long as the app runs."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(follow(service)) if follow else None
        yield
        if following:
            following.cancel()

    app = FastAPIOffline(
        title="Tidegate scoring API", version=__version__, lifespan=lifespan, redoc_url=None, description="Churn probabilities, recorded."
    )
    _add_pages(app, service)
    _add_predictions(app, service)
    _add_refusals(app)
    routes = frozenset(str(getattr(route, "path", "")) for route in app.routes)
    app.add_middleware(Gate, metrics=service.metrics, settings=service.settings, routes=routes)
    service.metrics.serves(service.scorer)
    return app


def _add_pages(app: FastAPI, service: Service) -> None:
    @app.get("/", summary="What this is and where to go")
    async def root() -> dict[str, str]:
        name = service.scorer.manifest.name
        return {"service": "tidegate", "version": __version__, "model": name, "model_version": service.scorer.version, "docs": "/docs"}

    @app.get("/health", summary="Alive: the process answers")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/ready", summary="Ready: a verified model is loaded and the ledger records", responses={503: _REFUSALS[503]})
    async def ready() -> Response:
        state = OK
        if service.ledger is not None:
            state = await asyncio.get_running_loop().run_in_executor(None, partial(check_ledger, service.ledger, thorough=False))
        if state != OK:
            raise LedgerUnavailable(state, "Restore the ledger's database; nothing is answered that is not recorded.")
        return answer({"status": "ready", "model_version": service.scorer.version})

    @app.get("/model-info", summary="The serving version: algorithm, metrics, threshold, origin")
    async def model_info() -> dict[str, Any]:
        manifest = service.scorer.manifest
        known = manifest.model_dump(include={"name", "algorithm", "created_at", "threshold", "threshold_rule", "metrics", "training"})
        return {"model_version": service.scorer.version, "digest": service.scorer.digest, **known}

    @app.get("/features", summary="Columns that a customer must have, and the features computed from them")
    async def features() -> dict[str, Any]:
        return feature_page(service.scorer.contract.spec, service.scorer.plan.names)

    @app.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(service.metrics.page(), media_type=CONTENT_TYPE)


def _add_predictions(app: FastAPI, service: Service) -> None:
    customer = customer_schema(service.scorer.contract.spec)
    customers = {
        "type": "object",
        "properties": {"customers": {"type": "array", "items": customer, "minItems": 1, "maxItems": service.settings.max_batch_rows}},
        "required": ["customers"],
        "additionalProperties": False,
    }
    upload = {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary", "description": "CSV or Parquet"}},
        "required": ["file"],
    }
    form = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": upload}}}}

    @app.post(
        "/predict",
        summary="Score one customer",
        response_model=None,
        responses={200: {"model": PredictionAnswer}, **_REFUSALS},
        openapi_extra=body(customer),
    )
    async def predict_one(request: Request) -> Response:
        scorer, key = service.scorer, _key(request)
        document = await _document(request)
        valid, rows = one_valid(scorer, document)
        digest = request_digest("predict", document) if key else None
        recorded = await _recorded(service, predict(service, scorer, [valid], rows, "predict", key, digest))
        return answer(answer_of(scorer, recorded[0]))

    @app.post(
        "/predict-batch",
        summary="Score many customers; refused ones are listed beside the scored",
        response_model=None,
        responses={200: {"model": BatchAnswer}, **_REFUSALS},
        openapi_extra=body(customers),
    )
    async def predict_batch(request: Request) -> Response:
        scorer, key = service.scorer, _key(request)
        document = await _document(request)
        many = _customers(document, service.settings.max_batch_rows)
        found = await asyncio.get_running_loop().run_in_executor(None, lambda: judge(scorer, many))
        kept, rows, rejected = found
        predictions: list[Prediction] = []
        if rows is not None:
            digest = request_digest("predict-batch", document) if key else None
            valid = [many[index] for index in kept]
            predictions = await asyncio.get_running_loop().run_in_executor(
                None, lambda: predict(service, scorer, valid, rows, "predict-batch", key, digest)
            )
        recorded = await _recorded(service, predictions)
        answers = [{"index": index, **answer_of(scorer, one)} for index, one in zip(kept, recorded, strict=True)]
        return answer({"predictions": answers, "rejected": [asdict(one) for one in rejected]})

    @app.post(
        "/predict-csv",
        summary="Score a file; refused rows come back marked with their rule",
        response_model=None,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The file with its scores"}, **_REFUSALS},
        openapi_extra=form,
    )
    async def predict_csv(request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
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


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(TidegateError)
    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, TidegateError)
        return refusal_of(error, request.state.request_id)

    @app.exception_handler(HTTPException)
    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        names = {
            404: ("not_found", "No such route; GET /docs lists them."),
            405: ("method_not_allowed", "This route takes another method."),
        }
        name, sentence = names.get(error.status_code, ("bad_request", "The request cannot be read; GET /docs shows what each route takes."))
        return refusal(error.status_code, name, sentence, request.state.request_id, dict(error.headers or {}))


async def _document(request: Request) -> Any:
    media_type = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("The body is not application/json.", "Send JSON with the header Content-Type: application/json.")
    return read_json(await request.body())


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
        raise InputRefused(
            f"The body holds {len(many):,} customers; at most {most:,} are scored at once.", "Send less, or a file to /predict-csv."
        )
    return many


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise SettingRefused(
            f"The header Idempotency-Key is not 1 to {LONGEST_KEY} printable ASCII characters.", "Send a UUID, for example."
        )
    return key


async def _recorded(service: Service, predictions: list[Prediction]) -> list[Prediction]:
    """The predictions once they are in the ledger; for a repeated key, those recorded first."""
    if service.commit is None or not predictions:
        return predictions
    return await asyncio.wrap_future(service.commit.submit(predictions))
