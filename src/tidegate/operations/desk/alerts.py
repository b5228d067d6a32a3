"""Routes about alerts: what is open and what was told, and whether the channels work."""

from __future__ import annotations

from threading import Lock
from typing import Any

from fastapi import FastAPI, Request

from tidegate.errors import Busy
from tidegate.ledger.events import append_event
from tidegate.operations.alerts import standing, try_channels
from tidegate.operations.desk.answers import Standing, Tried
from tidegate.operations.desk.desk import Desk, asking, now
from tidegate.serving.schemas import REFUSALS

TESTED = "tested alert channels"


def add_alerts(app: FastAPI, desk: Desk) -> None:
    """The routes."""
    testing = Lock()

    @app.get("/alerts", summary="Open alerts, what has not reached its channel, and the newest deliveries", response_model=Standing)
    def alerts() -> dict[str, Any]:
        return standing(desk.ledger, desk.settings).document()

    # A slow channel holds up one thread, however often it is asked for.
    @app.post(
        "/alerts/test",
        summary="Send a test message through every channel; which of them took it",
        response_model=Tried,
        responses={422: REFUSALS[422]},
    )
    def tested(request: Request) -> dict[str, Any]:
        if not testing.acquire(blocking=False):
            raise Busy("A test message is being sent.", "Wait until it has arrived.")
        try:
            told = try_channels(desk.settings, now()).document()
            append_event(desk.ledger, asking(request), TESTED, told, now())
        finally:
            testing.release()
        return told
