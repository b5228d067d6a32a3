"""The outermost layer of the API: request ids, body limits, time and status of every answer."""

from __future__ import annotations

import logging
import os
import time
import traceback

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.serving.documents import refusal
from tidegate.serving.linger import answer_unread
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings

UPLOAD = "/predict-csv"
CLIENT_LEFT = 499  # the caller hung up before the request was whole; nobody hears an answer
logger = logging.getLogger("tidegate.serving")


class BodyTooLarge(Exception):
    """More bytes arrived than the route reads."""


class Gate:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, metrics: Metrics, settings: Settings, routes: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._settings = settings
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = os.urandom(8).hex()
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]
            await send(message)

        most = self._settings.max_upload_bytes if scope["path"] == UPLOAD else self._settings.max_body_bytes
        try:
            declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
            if declared.isdigit() and (len(declared) > 15 or int(declared) > most):
                raise BodyTooLarge
            await self._app(scope, _limited(receive, most), sending)
        except BodyTooLarge:
            if status:
                raise
            sentence = f"The body is larger than the {most:,} bytes that this route reads. Send less at a time, or a file to {UPLOAD}."
            await answer_unread(refusal(413, "body_too_large", sentence, request_id, {"Connection": "close"}), scope, receive, sending)
        except ClientDisconnect:
            status = status or CLIENT_LEFT
        except Exception as error:
            # The type and the place only: an exception's text may quote a customer.
            place = traceback.extract_tb(error.__traceback__)[-1]
            logger.error("request %s failed: %s at %s:%s", request_id, type(error).__name__, place.filename, place.lineno)
            if status:
                raise
            await refusal(500, "internal", f"A fault of ours, noted as {request_id}.", request_id)(scope, receive, sending)
        finally:
            route = scope["path"] if scope["path"] in self._routes else "other"
            self._metrics.answered(route, status, time.perf_counter() - began)


def _limited(receive: Receive, most: int) -> Receive:
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > most:
                raise BodyTooLarge
        return message

    return limited
