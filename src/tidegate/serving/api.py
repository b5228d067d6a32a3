"""The scoring API: pages and scoring routes around a service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from tidegate.access.keyring import Keyring
from tidegate.serving.feedback import add_feedback
from tidegate.serving.front.assembly import Plan, assembled
from tidegate.serving.front.authorization import scoring_needs
from tidegate.serving.front.gate import Surroundings
from tidegate.serving.front.limits import Limits
from tidegate.serving.front.request_log import RequestLog
from tidegate.serving.outcomes import add_outcomes
from tidegate.serving.pages import add_pages
from tidegate.serving.predictions import UPLOAD, add_predictions
from tidegate.serving.service import Service
from tidegate.serving.vitals import watch_vitals
from tidegate.serving.what_if import add_what_if


def create_app(
    service: Service, follow: Callable[[Service], Any] | None = None, keyring: Keyring | None = None, log: RequestLog | None = None
) -> FastAPI:
    """The application around a service. `follow` is an async function that keeps the champion fresh for as long as the app runs.

    Without a keyring nobody is asked for a key, without a log no request leaves a line.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(watch_vitals(service)), *([asyncio.create_task(follow(service))] if follow else [])]
        yield
        for task in tasks:
            task.cancel()

    def add_routes(app: FastAPI) -> None:
        add_predictions(app, service)
        add_what_if(app, service)
        add_outcomes(app, service)
        add_feedback(app, service)
        add_pages(app, service)
        app.add_middleware(Limits, settings=service.settings)

    about = "Churn probabilities, answered once they are recorded."
    plan = Plan("Tidegate scoring API", about, lifespan, scoring_needs, frozenset((UPLOAD,)))
    service.metrics.serves(service.scorer)
    around = Surroundings(service.metrics, service.settings, lambda: service.scorer.version, keyring, log)
    return assembled(plan, add_routes, around)
