from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from tidegate.serving.documents import answer
from tidegate.serving.front.limits import BATCHES, REQUESTS, UPLOADS, Bucket, Limits
from tidegate.serving.front.linger import answer_unread
from tidegate.settings import Settings

App = Callable[[Scope, Receive, Send], Awaitable[None]]
WHOLE: Message = {"type": "http.request", "body": b"{}", "more_body": False}
LEFT: Message = {"type": "http.disconnect"}


class Caller:
    """One request: what it sends, piece by piece, and what it gets."""

    def __init__(self, path: str = "/predict", method: str = "POST", headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.scope: Scope = {"type": "http", "path": path, "method": method, "headers": headers, "state": {"request_id": "r"}}
        self.pieces: list[Message] = [WHOLE]
        self.silent = False
        self.heard: list[Message] = []
        self.read = 0

    async def receive(self) -> Message:
        if not self.pieces and self.silent:
            await asyncio.Event().wait()
        message = self.pieces.pop(0) if self.pieces else LEFT
        self.read += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        self.heard.append(message)

    async def ask(self, app: App) -> int:
        await app(self.scope, self.receive, self.send)
        return self.status

    @property
    def status(self) -> int:
        return int(self.heard[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.heard[0]["headers"])

    @property
    def document(self) -> Any:
        return json.loads(b"".join(message["body"] for message in self.heard[1:]))


class Works:
    """An application that reads the body and answers when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.begun = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        while (await receive()).get("more_body"):
            pass
        await self.let.wait()
        await answer({})(scope, receive, send)


@pytest.mark.parametrize(
    ("paths", "setting", "again"),
    [(REQUESTS, "max_concurrent_requests", b"1"), (BATCHES, "max_concurrent_batches", b"1"), (UPLOADS, "max_concurrent_uploads", b"5")],
)
def test_beyond_the_most_at_once_is_429_and_the_place_is_free_again(paths: tuple[str, ...], setting: str, again: bytes) -> None:
    async def run() -> None:
        work = Works()
        app = Limits(work, Settings.model_validate({setting: 2}))
        first = [asyncio.ensure_future(Caller(paths[0]).ask(app)) for _ in range(2)]
        await asyncio.sleep(0)
        for path in paths:
            refused = Caller(path)
            assert await refused.ask(app) == 429
            assert refused.headers[b"retry-after"] == again
            assert (refused.document["error"], refused.document["id"]) == ("too_many_requests", "r")
            assert refused.read == 0
        assert work.begun == 2
        work.let.set()
        assert await asyncio.gather(*first) == [200, 200]
        assert await Caller(paths[-1]).ask(app) == 200

    asyncio.run(run())


def test_pages_and_other_kinds_of_request_have_room_when_one_kind_has_none() -> None:
    async def run() -> None:
        work = Works()
        app = Limits(work, Settings(max_concurrent_requests=1, max_requests_per_second=0.001))
        busy = asyncio.ensure_future(Caller().ask(app))
        await asyncio.sleep(0)
        assert await Caller().ask(app) == 429
        work.let.set()
        for path, method in (("/health", "GET"), ("/ready", "GET"), ("/metrics", "GET"), ("/", "GET"), ("/predict", "GET")):
            assert await Caller(path, method).ask(app) == 200
        assert await Caller(UPLOADS[0]).ask(app) == 200
        assert await busy == 200

    asyncio.run(run())


def test_a_failing_request_frees_its_place() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a fault of ours")

    async def run() -> None:
        app = Limits(fails, Settings(max_concurrent_requests=1))
        for _ in range(2):
            with pytest.raises(ValueError, match="of ours"):
                await Caller().ask(app)
        assert {lane.busy for lane in app.lanes.values()} == {0}

    asyncio.run(run())


def test_a_bucket_gives_its_rate_and_a_tenth_of_a_second_at_once() -> None:
    bucket = Bucket(200, now=0.0)
    assert [bucket.take(0.0) for _ in range(21)] == [True] * 20 + [False]
    taken = sum(bucket.take(step / 2000) for step in range(1, 20_001))
    assert taken == pytest.approx(2000, abs=1)
    assert [Bucket(0.5, now=0.0).take(now) for now in (0.0,)] == [True]


def test_beyond_the_rate_is_429() -> None:
    async def run() -> None:
        work = Works()
        work.let.set()
        app = Limits(work, Settings(max_requests_per_second=0.001))
        assert [await Caller().ask(app) for _ in range(3)] == [200, 429, 429]

    asyncio.run(run())


def test_a_body_that_does_not_come_is_408_and_the_connection_ends() -> None:
    async def run() -> None:
        caller = Caller()
        caller.pieces, caller.silent = [{"type": "http.request", "body": b"{", "more_body": True}], True
        assert await caller.ask(Limits(Works(), Settings(request_seconds=0.3))) == 408
        assert (caller.document["error"], caller.headers[b"connection"]) == ("request_timeout", b"close")

    asyncio.run(run())


def test_work_without_an_end_is_503_with_a_time_to_come_again() -> None:
    async def run() -> None:
        caller, app = Caller(), Limits(Works(), Settings(request_seconds=0.3))
        assert await caller.ask(app) == 503
        assert (caller.document["error"], caller.headers[b"retry-after"]) == ("overloaded", b"1")
        assert app.lanes["/predict"].busy == 0

    asyncio.run(run())


def test_an_answer_that_stops_half_way_is_cut_off() -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    async def run() -> None:
        caller = Caller()
        with pytest.raises(ClientDisconnect):
            await caller.ask(Limits(half, Settings(request_seconds=0.3)))
        assert len(caller.heard) == 1

    asyncio.run(run())


def test_an_upload_may_take_longer_but_not_pause() -> None:
    async def run() -> None:
        work = Works()
        work.let.set()
        app = Limits(work, Settings(request_seconds=1, upload_seconds=30))
        steady = Caller(UPLOADS[0])

        async def drip() -> Message:
            await asyncio.sleep(0.2)
            steady.read += 1
            return {"type": "http.request", "body": b".", "more_body": steady.read < 7}

        await app(steady.scope, drip, steady.send)
        assert steady.status == 200
        pausing = Caller(UPLOADS[0])
        pausing.pieces, pausing.silent = [{"type": "http.request", "body": b".", "more_body": True}], True
        assert await pausing.ask(app) == 408

    asyncio.run(run())


def test_a_timeout_of_the_work_itself_is_not_taken_for_ours() -> None:
    async def times_out(scope: Scope, receive: Receive, send: Send) -> None:
        raise TimeoutError("of a library")

    with pytest.raises(TimeoutError, match="of a library"):
        asyncio.run(Caller().ask(Limits(times_out, Settings())))


@pytest.mark.parametrize(
    ("headers", "drained"),
    [
        (((b"content-length", b"2"),), False),
        ((), False),
        (((b"content-length", b"3000000"),), True),
        (((b"content-length", b"nonsense"),), True),
        (((b"transfer-encoding", b"chunked"),), True),
    ],
)
def test_a_large_body_is_read_after_the_answer_and_before_the_end(headers: tuple[tuple[bytes, bytes], ...], drained: bool) -> None:
    async def run() -> None:
        caller = Caller(UPLOADS[0], headers=headers)
        caller.pieces = [{"type": "http.request", "body": bytes(1000), "more_body": True}] * 3 + [WHOLE]
        await answer_unread(answer({"a": 1}, 413), caller.scope, caller.receive, caller.send)
        assert caller.read == (3002 if drained else 0)
        assert caller.document == {"a": 1}
        assert [message.get("more_body", False) for message in caller.heard] == ([False, True, False] if drained else [False, False])
        assert (caller.headers.get(b"connection") == b"close") is drained

    asyncio.run(run())
