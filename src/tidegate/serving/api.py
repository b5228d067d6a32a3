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
from tidegate.errors import TidegateError
from tidegate.serving.documents import refusal, refusal_of
from tidegate.serving.feedback import add_feedback
from tidegate.serving.gate import Gate
from tidegate.serving.limits import Limits
from tidegate.serving.outcomes import add_outcomes
from tidegate.serving.pages import add_pages
from tidegate.serving.predictions import add_predictions
from tidegate.serving.service import Service

# Nothing leaves this process unasked, whatever the environment says: what is measured stands in /metrics.
_NO_TELEMETRY = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
_SENTENCES = {
    404: ("not_found", "No such route; GET /docs lists them."),
    405: ("method_not_allowed", "This route takes another method."),
}


def create_app(service: Service, follow: Callable[[Service], Any] | None = None) -> FastAPI:
    """The application around a service. `follow` is an async function that keeps the champion fresh for as long as the app runs."""

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
        redoc_url=None,
        description=about,
        telemetry=_NO_TELEMETRY,
        redirect_slashes=False,
    )
    documentation = list(app.router.routes)
    add_predictions(app, service)
    add_outcomes(app, service)
    add_feedback(app, service)
    add_pages(app, service)
    # Routes are tried in order: the ones that matter first.
    app.router.routes[:] = [*app.router.routes[len(documentation) :], *documentation]
    _add_refusals(app)
    known = frozenset(str(getattr(route, "path", "")) for route in app.router.routes)
    app.add_middleware(Limits, settings=service.settings)
    app.add_middleware(Gate, metrics=service.metrics, settings=service.settings, routes=known)
    service.metrics.serves(service.scorer)
    return app


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(TidegateError)
    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, TidegateError)
        return refusal_of(error, request.state.request_id)

    @app.exception_handler(HTTPException)
    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        unreadable = ("bad_request", "The request cannot be read; GET /docs shows what each route takes.")
        name, sentence = _SENTENCES.get(error.status_code, unreadable)
        return refusal(error.status_code, name, sentence, request.state.request_id, dict(error.headers or {}))
