"""Callers of a service at once, for as long as a test lasts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 60


@contextmanager
def calling(count: int, send: Callable[[int], None], ending: threading.Event) -> Iterator[None]:
    """`count` threads, each in `send` with its own number, which returns once `ending` is set: at the end of the block."""
    callers = [threading.Thread(target=send, args=(number,)) for number in range(count)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        ending.set()
        for caller in callers:
            caller.join()


def wait_until(holds: Callable[[], bool], seen: Callable[[], object], patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Until it holds; else the test fails with what was `seen`."""
    deadline = time.monotonic() + patience_seconds
    while not holds():
        assert time.monotonic() < deadline, seen()
        time.sleep(0.02)
