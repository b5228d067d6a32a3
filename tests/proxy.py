"""A TCP proxy on loopback that stands between a client and a server, and misbehaves when told to."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PASS, REFUSED, RESET, SWALLOWED, SLOW = "pass", "refused", "reset", "swallowed", "slow"


class Proxy:
    """Forwards bytes to `port` on loopback. `behave` changes how, at once and for every connection:

    PASS; REFUSED (nobody listens, connections are closed); RESET (accepted and torn down, with RST); SWALLOWED (accepted, and
    what comes gets no answer, ever: a connection that was used meanwhile stays silent);
    SLOW (each piece is passed on after `delay_seconds`).
    """

    def __init__(self, port: int, delay_seconds: float) -> None:
        self._target, self._delay_seconds = port, delay_seconds
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._mode = PASS
        self._closed = False
        self._listening = self._listen(0)
        self.port: int = self._listening.getsockname()[1]

    def behave(self, mode: str) -> None:
        with self._lock:
            before, self._mode = self._mode, mode
        if mode == REFUSED:
            # shutdown wakes the thread that accepts, close alone would not
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
        elif before == REFUSED:
            self._listening = self._listen(self.port)
        if mode in (REFUSED, RESET):
            self._drop_all()

    def close(self) -> None:
        self._closed = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._drop_all()

    def _listen(self, port: int) -> socket.socket:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(64)
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()
        return listening

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            if self._mode == RESET:
                _tear_down(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # the server itself is away
                _tear_down(client)
                continue
            with self._lock:
                self._open |= {client, server}
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while piece := one.recv(1 << 16):
                if self._mode == SLOW:
                    time.sleep(self._delay_seconds)
                if self._mode == SWALLOWED:
                    while one.recv(1 << 16):
                        pass
                    break
                other.sendall(piece)
        for end in (one, other):
            _tear_down(end)
            with self._lock:
                self._open.discard(end)

    def _drop_all(self) -> None:
        with self._lock:
            found, self._open = self._open, set()
        for one in found:
            _tear_down(one)


def _tear_down(one: socket.socket) -> None:
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def proxy(port: int, delay_seconds: float = 5.0) -> Iterator[Proxy]:
    """A proxy before the server at `port`, until the block ends."""
    opened = Proxy(port, delay_seconds)
    try:
        yield opened
    finally:
        opened.close()
