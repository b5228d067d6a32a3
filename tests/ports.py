"""Ports of loopback for servers that a test starts."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

FIRST, BLOCK = 27_100, 600  # below the ports that Linux gives to outgoing connections, above those of `object_stores`
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw8").removeprefix("gw")) % 9
_NEXT = itertools.count(os.getpid())


def free_port() -> int:
    """One that nothing listens on. No two callers get the same, nor does a test beside these: a server binds it seconds later."""
    for number in itertools.islice(_NEXT, BLOCK):
        port = FIRST + _WORKER * BLOCK + number % BLOCK
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError("every port is taken")


@contextmanager
def closed_port() -> Iterator[int]:
    """One that refuses every connection, and that nobody else gets, until the block ends."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
