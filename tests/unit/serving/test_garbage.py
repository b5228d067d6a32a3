"""What a process is made of is not walked by every later collection; a server sees to that before it says that it is ready."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from tidegate.serving.garbage import settle
from tidegate.serving.server import _Server, configuration


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_lives_is_left_out_and_what_comes_later_is_not() -> None:
    lived = [["module"]]
    settle()
    assert gc.get_freeze_count() > 1_000
    later = [lived]
    walked = {id(one) for one in gc.get_objects()}
    assert id(lived) not in walked
    assert id(later) in walked


def test_a_server_has_settled_once_it_is_ready() -> None:
    frozen: list[int] = []
    made = configuration(FastAPI())
    made.load()
    server = _Server(made, lambda: frozen.append(gc.get_freeze_count()))
    server.lifespan = made.lifespan_class(made)

    async def begin() -> None:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            await server.startup([listening])
            await server.shutdown([listening])

    asyncio.run(begin())
    assert len(frozen) == 1
    assert frozen[0] > 1_000
