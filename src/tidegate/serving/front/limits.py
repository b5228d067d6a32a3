"""How much is done at once, and for how long: what is beyond it is refused at once, in the one envelope, before its body is read."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.serving.documents import refusal
from tidegate.serving.front.linger import answer_unread
from tidegate.settings import Settings

REQUESTS, BATCHES = ("/predict", "/explain", "/feedback", "/what-if"), ("/predict-batch", "/outcomes")
UPLOADS = ("/predict-csv",)
BURST_SECONDS = 0.1


@dataclass(slots=True)
class Lane:
    """The requests of one kind: how many may be at work at once, how many are, and the seconds that each may take.

    `pause_seconds`: the longest that its body may pause, None for no such limit. `again_seconds`: when a refused one may come again.
    """

    kind: str
    most: int
    seconds: float
    again_seconds: int
    pause_seconds: float | None = None
    busy: int = 0


class Bucket:
    """At most `rate` a second, on average from any moment on, and BURST_SECONDS' worth of them at once (a token bucket).

    `now` is a monotonic time in seconds.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * BURST_SECONDS)
        self._tokens, self._at = self._most, now

    def take(self, now: float) -> bool:
        """Whether one more may go now."""
        self._tokens, self._at = min(self._most, self._tokens + (now - self._at) * self._rate), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Limits:
    """ASGI middleware inside the gate. Routes that are not listed here, pages and health, are never refused and never timed."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        rate = settings.max_requests_per_second
        self._bucket = Bucket(rate, time.monotonic()) if rate else None
        one = Lane("requests", settings.max_concurrent_requests, settings.request_seconds, 1)
        many = Lane("batches", settings.max_concurrent_batches, settings.request_seconds, 1)
        file = Lane("files", settings.max_concurrent_uploads, settings.upload_seconds, 5, settings.request_seconds)
        self.lanes = {**dict.fromkeys(REQUESTS, one), **dict.fromkeys(BATCHES, many), **dict.fromkeys(UPLOADS, file)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through, or refuse it."""
        # The router takes "/predict\n" for "/predict": it must not be a way around.
        lane = self.lanes.get(scope["path"].rstrip("\n")) if scope["type"] == "http" and scope["method"] == "POST" else None
        if lane is None:
            await self._app(scope, receive, send)
        elif lane.busy >= lane.most:
            await _refuse(lane, f"{lane.most} {lane.kind} are being answered, as many as at once.", scope, receive, send)
        elif self._bucket and lane.pause_seconds is None and not self._bucket.take(time.monotonic()):
            await _refuse(lane, "More requests a second than this service is set to answer.", scope, receive, send)
        else:
            lane.busy += 1
            try:
                await _in_time(self._app, lane, scope, receive, send)
            finally:
                lane.busy -= 1


async def _refuse(lane: Lane, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    remedy = f"Send it again in {lane.again_seconds} s."
    headers = {"Retry-After": str(lane.again_seconds)}
    scope["state"]["error"] = "too_many_requests"
    response = refusal(429, "too_many_requests", f"{sentence} {remedy}", scope["state"]["request_id"], headers)
    await answer_unread(response, scope, receive, send)


async def _in_time(app: ASGIApp, lane: Lane, scope: Scope, receive: Receive, send: Send) -> None:
    """The application, ended after the lane's seconds. An answer that had begun is cut off: its caller sees a broken connection."""
    began = asyncio.get_running_loop().time()
    whole = started = False

    async def receiving() -> Message:
        nonlocal whole
        message = await receive()
        if not message.get("more_body"):
            whole = True
        if lane.pause_seconds is not None and message["type"] == "http.request":
            pause = lane.seconds if whole else asyncio.get_running_loop().time() - began + lane.pause_seconds
            deadline.reschedule(began + min(lane.seconds, pause))
        return message

    async def sending(message: Message) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        async with asyncio.timeout_at(began + min(lane.seconds, lane.pause_seconds or lane.seconds)) as deadline:
            await app(scope, receiving, sending)
    except TimeoutError:
        if not deadline.expired():
            raise
        if started:
            raise ClientDisconnect from None
        request_id = scope["state"]["request_id"]
        if whole:
            sentence = f"The work took longer than the {lane.seconds:g} s that it may take. Send less at a time, or send it again."
            scope["state"]["error"] = "overloaded"
            await refusal(503, "overloaded", sentence, request_id, {"Retry-After": str(lane.again_seconds)})(scope, receive, send)
        else:
            sentence = "The request did not arrive in time. Send it again, over a better connection or less at a time."
            scope["state"]["error"] = "request_timeout"
            await refusal(408, "request_timeout", sentence, request_id, {"Connection": "close"})(scope, receive, send)
