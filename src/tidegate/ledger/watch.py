"""A connection that hangs is ended, so that whoever waits for it goes on.

PostgreSQL's own time limits do not help against a server, or a proxy before it, that takes everything and answers nothing: they are kept
by the very server that is silent, and the driver waits as long as the connection stands.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

_FRESH = "fresh"
_LOOKS = 20  # in the time that a connection may take


def watch_connections(engine: sa.Engine, longest_seconds: float) -> None:
    """End every connection to PostgreSQL that is in use for longer than this, and first look whether the server is still there.

    `engine` has no connection yet and does not look by itself: that look would be unwatched. The server gives up a statement after the
    same time, so that nothing goes on for a client that has left. The thread that watches ends with `engine.dispose()`.
    """
    watch = _Watch(longest_seconds)

    def limit(_dialect: Any, _record: Any, _given: Any, named: dict[str, Any]) -> None:
        named["options"] = f"{named.get('options', '')} -c statement_timeout={int(longest_seconds * 1000)}"

    def made(_connection: Any, record: Any) -> None:
        record.info[_FRESH] = True

    def begin(connection: Any, record: Any, _proxy: Any) -> None:
        watch.begin(record, connection.fileno())
        if record.info.pop(_FRESH, False):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise exc.InvalidatePoolError("the connection is gone") from error

    event.listen(engine, "do_connect", limit)
    event.listen(engine, "connect", made)
    event.listen(engine, "checkout", begin)
    event.listen(engine, "checkin", lambda _connection, record: watch.end(record))
    event.listen(engine, "engine_disposed", lambda _engine: watch.stop())


class _Watch:
    """The connections in use, each with the time at which it is ended, and the thread that does it."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest_seconds = longest_seconds
        self._used: dict[Any, tuple[float, socket.socket]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="ledger-watch", daemon=True).start()

    def begin(self, record: Any, descriptor: int) -> None:
        # A descriptor of our own: the driver closes its own on errors, and the number would soon be another connection's.
        mine = socket.socket(fileno=os.dup(descriptor))
        self.end(record)
        with self._lock:
            self._used[record] = time.monotonic() + self._longest_seconds, mine

    def end(self, record: Any) -> None:
        with self._lock:
            found = self._used.pop(record, None)
        if found is not None:
            found[1].close()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._longest_seconds / _LOOKS):
            now = time.monotonic()
            with self._lock:
                for due, used in self._used.values():
                    if now > due:
                        with suppress(OSError):
                            used.shutdown(socket.SHUT_RDWR)
