"""What the routes that take a body share: a plain documented route, the JSON document and its fields, the idempotency key, the ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from tidegate.customers.admit import kind_of
from tidegate.errors import LedgerUnavailable, SettingRefused, WrongMediaType
from tidegate.ledger.store import Ledger
from tidegate.serving.documents import read_json
from tidegate.serving.schemas import REFUSALS
from tidegate.serving.service import LONGEST_KEY, Service

Route = Callable[[Service, Request], Awaitable[Response]]


class PlainRoute(APIRoute):
    """A documented route whose endpoint takes the request as it is: what the contract judges, FastAPI need not."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


def add_post(
    app: FastAPI,
    service: Service,
    route: Route,
    path: str,
    summary: str,
    body: dict[str, Any],
    answered: dict[str, Any],
    refused: Mapping[int | str, dict[str, Any]] | None = None,
) -> None:
    """A POST route. `body` is its part of the OpenAPI document, `answered` what that says of status 200, `refused` of its own refusals."""

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
        responses={200: answered, **REFUSALS, **(refused or {})},
        openapi_extra=body,
    )


async def json_document(request: Request) -> Any:
    """The body as JSON. Raises WrongMediaType, and InputRefused for what is no JSON."""
    media_type = header(request, b"content-type") or "application/json"
    if media_type != "application/json" and media_type.split(";")[0].strip().lower() != "application/json":
        raise WrongMediaType("The body is not application/json.", "Send JSON with the header Content-Type: application/json.")
    return read_json(await request.body())


def idempotency_key(request: Request) -> str | None:
    """The header Idempotency-Key. Raises SettingRefused where it is not 1 to 255 printable ASCII characters."""
    key = header(request, b"idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise SettingRefused(
            f"The header Idempotency-Key is not 1 to {LONGEST_KEY} printable ASCII characters.", "Send a UUID, for example."
        )
    return key


def asking(request: Request) -> str:
    """Who asks, for the audit trail: the name of the key, where one was asked for."""
    key = getattr(request.state, "key", None)
    return f"{key} (scoring API)" if key else "scoring API"


def header(request: Request, name: bytes) -> str | None:
    """The first header of this name (in lower case)."""
    return next((value.decode("latin-1") for key, value in request.scope["headers"] if key == name), None)


def ledger_of(service: Service) -> Ledger:
    """The service's ledger. Raises LedgerUnavailable where it runs without one."""
    if service.ledger is None:
        raise LedgerUnavailable("This service runs without a ledger, so nothing can be recorded.", "Send it to one that has a ledger.")
    return service.ledger


def misshapen(item: object, needed: Sequence[str], allowed: Sequence[str]) -> tuple[str, str, str] | None:
    """(field, rule, sentence) where this is no object, lacks a field or has a strange one."""
    if not isinstance(item, dict):
        return "", "object", f"Expected a JSON object, found {kind_of(item)}."
    absent = next((name for name in needed if name not in item), None)
    if absent is not None:
        return absent, "absent", f"{absent}: the field is absent; send it."
    strange = next((name for name in item if name not in allowed), None)
    if strange is None:
        return None
    shown = strange if strange.isascii() and strange.isprintable() and len(strange) <= 64 else "(unprintable)"
    return shown, "extra", f"{shown}: no such field; there are {', '.join(allowed)}."
