"""Work for a caller goes on while the caller waits, and ends when the caller hangs up."""

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from tidegate.serving.uploads.stream import unless_left


def request_of(*messages: dict[str, Any]) -> Request:
    """A request whose body was read, and whose caller then says these things, or nothing more."""
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_a_caller_who_hangs_up_ends_work_that_has_no_first_piece_yet() -> None:
    ended: list[str] = []

    async def working() -> bytes:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return b"late"

    async def ask() -> None:
        await asyncio.wait_for(unless_left(request_of({"type": "http.disconnect"}), working()), 5)

    with pytest.raises(ClientDisconnect):
        asyncio.run(ask())
    assert ended == ["cancelled"]


def test_a_caller_who_waits_gets_what_the_work_comes_to() -> None:
    async def working() -> bytes:
        await asyncio.sleep(0.01)
        return b"piece"

    async def ask() -> bytes:
        return await unless_left(request_of(), working())

    assert asyncio.run(ask()) == b"piece"


def test_what_the_work_raises_reaches_the_caller() -> None:
    async def working() -> bytes:
        raise ValueError("no rows")

    async def ask() -> bytes:
        return await unless_left(request_of(), working())

    with pytest.raises(ValueError, match="no rows"):
        asyncio.run(ask())
