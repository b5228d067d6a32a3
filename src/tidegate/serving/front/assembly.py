"""What every API of ours is put together from: documentation without internet, one envelope for every refusal, the gate around it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from tidegate import __version__
from tidegate.errors import TidegateError
from tidegate.serving.documents import error_name, refusal, refusal_of
from tidegate.serving.front.authorization import ASSETS, DOCUMENTATION, OPENAPI, Needs, Policy, template_of
from tidegate.serving.front.documentation import add_documentation, document_keys
from tidegate.serving.front.gate import Gate, Surroundings
from tidegate.serving.front.headers import Headers, headers_by_route

# Nothing leaves this process unasked, whatever the environment says: what is measured stands in /metrics.
_NO_TELEMETRY = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
_SENTENCES = {
    404: ("not_found", "No such route; GET /docs lists them."),
    405: ("method_not_allowed", "This route takes another method."),
}


@dataclass(frozen=True)
class Plan:
    """One API: what it is called, what it does while it lives, the roles its routes need, which of them take files, and the headers of
    those that answer pages.
    """

    title: str
    about: str
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]
    needs: Needs
    uploads: frozenset[str]
    pages: Mapping[str, Headers] = field(default_factory=dict)


def assembled(plan: Plan, add_routes: Callable[[FastAPI], None], around: Surroundings) -> FastAPI:
    """The application, its routes added by `add_routes`."""
    app = FastAPIOffline(
        title=plan.title,
        version=__version__,
        lifespan=plan.lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=OPENAPI,
        static_url=ASSETS,
        description=plan.about,
        telemetry=_NO_TELEMETRY,
        redirect_slashes=False,
    )
    script = add_documentation(app)
    documentation = list(app.router.routes)
    add_routes(app)
    # Routes are tried in order: the ones that matter first.
    app.router.routes[:] = [*app.router.routes[len(documentation) :], *documentation]
    _add_refusals(app)
    routes = [route for route in app.router.routes if isinstance(route, Route)]
    headers = {**headers_by_route(DOCUMENTATION, ASSETS, script), **plan.pages}
    policy = Policy(template_of(routes), plan.needs, headers, plan.uploads)
    document_keys(app, policy, around.keyring)
    app.add_middleware(Gate, around=around, policy=policy)
    return app


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(TidegateError)
    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, TidegateError)
        request.state.error = error_name(error)
        return refusal_of(error, request.state.request_id)

    @app.exception_handler(HTTPException)
    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        unreadable = ("bad_request", "The request cannot be read; GET /docs shows what each route takes.")
        name, sentence = _SENTENCES.get(error.status_code, unreadable)
        request.state.error = name
        return refusal(error.status_code, name, sentence, request.state.request_id, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def misshapen(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        request.state.error = "input_refused"
        return refusal(422, "input_refused", _first_fault(error.errors()), request.state.request_id)


def _first_fault(faults: Any) -> str:
    """Field and rule of the first fault. Never what was sent: pydantic's own sentences may quote it."""
    first = faults[0]
    named = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    field = ".".join(named) if all(part.isidentifier() for part in named) and named else "the request"
    rule = str(first["type"]).replace("_", " ")
    return f"{field}: does not fit (rule: {rule}). GET /docs shows what this route takes."
