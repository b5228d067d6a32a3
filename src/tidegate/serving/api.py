"""The scoring API put together: pages, scoring routes, one envelope for every refusal, the gate around it all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tidegate import __version__
from tidegate.access.keyring import Keyring
from tidegate.errors import TidegateError
from tidegate.serving.authorization import ASSETS, DOCUMENTATION, OPENAPI, Policy, scoring_needs, scoring_template
from tidegate.serving.documentation import add_documentation, document_keys
from tidegate.serving.documents import error_name, refusal, refusal_of
from tidegate.serving.feedback import add_feedback
from tidegate.serving.gate import Gate
from tidegate.serving.headers import headers_by_route
from tidegate.serving.outcomes import add_outcomes
from tidegate.serving.pages import add_pages
from tidegate.serving.predictions import add_predictions
from tidegate.serving.request_log import RequestLog
from tidegate.serving.service import Service

# Nothing leaves this process unasked, whatever the environment says: what is measured stands in /metrics.
_NO_TELEMETRY = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
_SENTENCES = {
    404: ("not_found", "No such route; GET /docs lists them."),
    405: ("method_not_allowed", "This route takes another method."),
}


def create_app(
    service: Service, follow: Callable[[Service], Any] | None = None, keyring: Keyring | None = None, log: RequestLog | None = None
) -> FastAPI:
    """The application around a service. `follow` is an async function that keeps the champion fresh for as long as the app runs.

    Without a keyring nobody is asked for a key, without a log no request leaves a line.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(follow(service)) if follow else None
        yield
        if following:
            following.cancel()

    about = "Churn probabilities, answered once they are recorded."
    app = FastAPIOffline(
        title="Tidegate scoring API",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=OPENAPI,
        static_url=ASSETS,
        description=about,
        telemetry=_NO_TELEMETRY,
        redirect_slashes=False,
    )
    script = add_documentation(app)
    documentation = list(app.router.routes)
    add_predictions(app, service)
    add_outcomes(app, service)
    add_feedback(app, service)
    add_pages(app, service)
    # Routes are tried in order: the ones that matter first.
    app.router.routes[:] = [*app.router.routes[len(documentation) :], *documentation]
    _add_refusals(app)
    known = frozenset(str(getattr(route, "path", "")) for route in app.router.routes)
    policy = Policy(scoring_template(known), scoring_needs, headers_by_route(DOCUMENTATION, ASSETS, script))
    document_keys(app, policy, keyring)
    serving = lambda: service.scorer.version  # noqa: E731
    app.add_middleware(Gate, metrics=service.metrics, settings=service.settings, policy=policy, version=serving, keyring=keyring, log=log)
    service.metrics.serves(service.scorer)
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
