"""The outermost layer of an API: request ids, keys, origins, body limits, security headers, time and status of every answer."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.access.keyring import Keyring
from tidegate.serving.documents import refusal
from tidegate.serving.front.authorization import Denied, Policy, admitted
from tidegate.serving.front.cors import Cors, from_elsewhere
from tidegate.serving.front.headers import PLAIN, Headers
from tidegate.serving.front.linger import answer_unread
from tidegate.serving.front.logs import fault
from tidegate.serving.front.request_log import RequestLog
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings

CLIENT_LEFT = 499  # the caller hung up before the request was whole; nobody hears an answer
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_READ = frozenset(
    {b"content-length", b"authorization", b"x-api-key", b"x-request-id", b"origin", b"host", b"access-control-request-method"}
)
logger = logging.getLogger("tidegate.serving")


class BodyTooLarge(Exception):
    """More bytes arrived than the route reads."""


@dataclass(frozen=True)
class Surroundings:
    """What the gate needs. `version`: which model serves. Without a keyring nobody is asked for a key, without a log there is no line."""

    metrics: Metrics
    settings: Settings
    version: Callable[[], str]
    keyring: Keyring | None = None
    log: RequestLog | None = None


@dataclass(slots=True)
class _Answer:
    """What became of one request."""

    status: int = 0
    key: str | None = None


class Gate:
    """ASGI middleware around a whole application."""

    def __init__(self, app: ASGIApp, around: Surroundings, policy: Policy) -> None:
        self._app, self._policy = app, policy
        self._metrics, self._settings = around.metrics, around.settings
        self._version, self._keyring, self._log = around.version, around.keyring, around.log
        self._cors = Cors(self._settings.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, version = time.perf_counter(), self._version()
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        request_id, route, answer = _request_id(headers), self._policy.template(scope["path"]), _Answer()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        sending = _sending(send, answer, self._headers(request_id, route, headers))
        try:
            turned_away = self._turned_away(scope, headers, answer, request_id)
            if turned_away is None:
                await self._inside(scope, receive, sending, headers, answer)
            else:
                state["error"], response = turned_away
                await response(scope, receive, sending)
        except ClientDisconnect:
            answer.status = answer.status or CLIENT_LEFT
        except Exception as error:
            # The type and the place only: an exception's text may quote a customer.
            logger.error("a request failed", extra={"fields": {"id": request_id, "route": route, **fault(error)}})
            state["error"] = "internal"
            if answer.status:
                raise
            await refusal(500, "internal", f"A fault of ours, noted as {request_id}.", request_id)(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.answered(route, answer.status, seconds)
            if self._log is not None:
                self._log.answered(request_id, scope["method"], route, answer.status, seconds, version, answer.key, state.get("error"))

    def _headers(self, request_id: str, route: str, headers: Mapping[bytes, bytes]) -> Headers:
        ours = self._policy.headers.get(route, PLAIN)
        return ((b"x-request-id", request_id.encode()), *ours, *self._cors.headers(headers.get(b"origin")))

    def _turned_away(
        self, scope: Scope, headers: Mapping[bytes, bytes], answer: _Answer, request_id: str
    ) -> tuple[str | None, Response] | None:
        """(error, answer) to a request that does not get in: a preflight, one without a fitting key, one from a strange page."""
        method, origin = scope["method"], headers.get(b"origin")
        allowed = self._cors.preflight(method, origin, b"access-control-request-method" in headers)
        if allowed is not None:
            response = Response(status_code=204)
            response.raw_headers = list(allowed)
            return None, response
        denied = self._asked_for_key(method, scope["path"], headers, answer, scope["state"])
        if denied is not None:
            return denied.error, refusal(denied.status, denied.error, denied.detail, request_id, {"WWW-Authenticate": denied.challenge})
        # Without a key nothing else tells a page of ours from any other that is open in a browser on this machine.
        strange = origin is not None and not self._cors.listed(origin) and from_elsewhere(origin, headers.get(b"host", b""))
        if strange and answer.key is None and method not in SAFE_METHODS:
            sentence = "A page of another origin may not call this API. List its origin in TIDEGATE_CORS_ORIGINS if it should."
            return "origin_forbidden", refusal(403, "origin_forbidden", sentence, request_id)
        return None

    def _asked_for_key(
        self, method: str, path: str, headers: Mapping[bytes, bytes], answer: _Answer, state: dict[str, object]
    ) -> Denied | None:
        if self._keyring is None:
            return None
        self._keyring.follow()
        needed = self._policy.needs(method, path) if self._keyring.required else None
        if needed is None:
            return None
        found = admitted(self._keyring, needed, headers)
        if isinstance(found, Denied):
            return found
        answer.key = state["key"] = found.name
        return None

    async def _inside(self, scope: Scope, receive: Receive, send: Send, headers: Mapping[bytes, bytes], answer: _Answer) -> None:
        most = self._settings.max_upload_bytes if scope["path"] in self._policy.uploads else self._settings.max_body_bytes
        try:
            declared = headers.get(b"content-length", b"0")
            if declared.isdigit() and (len(declared) > 15 or int(declared) > most):
                raise BodyTooLarge
            await self._app(scope, _limited(receive, most), send)
        except BodyTooLarge:
            if answer.status:
                raise
            scope["state"]["error"] = "body_too_large"
            elsewhere = f", or a file to {min(self._policy.uploads)}" if self._policy.uploads else ""
            sentence = f"The body is larger than the {most:,} bytes that this route reads. Send less at a time{elsewhere}."
            refused = refusal(413, "body_too_large", sentence, scope["state"]["request_id"], {"Connection": "close"})
            await answer_unread(refused, scope, receive, send)


def _request_id(headers: Mapping[bytes, bytes]) -> str:
    """The caller's, where it is short and plain; else one of our own."""
    given = headers.get(b"x-request-id")
    return given.decode() if given is not None and _REQUEST_ID.fullmatch(given) else os.urandom(8).hex()


def _sending(send: Send, answer: _Answer, headers: Headers) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return sending


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
