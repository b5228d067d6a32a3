"""Engines whose every connection is durable, and the two kinds of transaction: reading and writing."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc

from tidegate.disk import is_full
from tidegate.errors import LedgerUnavailable, MissingDependency, SettingRefused
from tidegate.ledger.failures import UnstorableRow, full, ledger_failures, replaced

BUSY_TIMEOUT_MS = 5_000
CONNECT_SECONDS = 3
# Another process on PostgreSQL may insert between our look and our insert; the second look then finds it.
ATTEMPTS = 3
_FILE_IDENTITY = "file_identity"
_Answer = TypeVar("_Answer")


def connect_engine(url: str, look_first: bool = True) -> sa.Engine:
    """Engine for `sqlite:///PATH` or `postgresql://…`; a SQLite file that is absent is created with mode 0600.

    `look_first`: whether a connection to PostgreSQL is tried before it is used again.

    Raises `SettingRefused` for another kind of URL, `MissingDependency` without the PostgreSQL driver and
    `LedgerUnavailable` when the file cannot be created.
    """
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError as error:
        raise SettingRefused("The ledger's URL is not readable.", "Write sqlite:///PATH or postgresql://USER@HOST/NAME.") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:" and not parsed.query:
        return _sqlite_engine(Path(parsed.database).resolve())
    if backend == "postgresql":
        return _postgres_engine(parsed, look_first)
    raise SettingRefused(
        "The ledger needs a file or a PostgreSQL database.", "Write sqlite:///PATH (`?` as %3F) or postgresql://USER@HOST/NAME."
    )


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One consistent view of the ledger; raises `LedgerUnavailable`."""
    with ledger_failures(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that is on disk when the block has ended, or has left nothing.

    SQLite takes its write lock at the start, so that what is read inside stays true until the commit.
    Raises `LedgerUnavailable`, and `UnstorableRow` when only a row is at fault.
    """
    with ledger_failures(engine), engine.connect().execution_options(writes=True) as connection:
        with connection.begin():
            yield connection
        # A commit into a deleted file succeeds, and is lost when the last handle closes.
        identity = connection.info.get(_FILE_IDENTITY)
        if identity is not None and identity != _identity(engine.url.database):
            raise replaced(engine)


def look_and_write(engine: sa.Engine, act: Callable[[sa.Connection], _Answer]) -> _Answer:
    """What `act` answers, in one `writing` transaction; from the start again where a row it writes came in meanwhile.

    Raises what `act` raises, `LedgerUnavailable`, and `UnstorableRow` where the row is refused at every attempt.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            with writing(engine) as connection:
                return act(connection)
        except UnstorableRow:
            continue
    with writing(engine) as connection:
        return act(connection)


def _sqlite_engine(path: Path) -> sa.Engine:
    try:
        # SQLite would create it readable for all; the -wal and -shm files take the mode of this one.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        if is_full(error):
            raise full(f"the file {path}") from error
        raise LedgerUnavailable(
            "The ledger's file cannot be opened for writing.", f"Check that the folder of {path} exists and is writable."
        ) from error

    def connect() -> sqlite3.Connection:
        # mode=rw: a file that vanished is a failure, never silently replaced by an empty one
        return sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )

    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), creator=connect, poolclass=sa.QueuePool, pool_timeout=5, hide_parameters=True
    )

    def prepare(connection: sqlite3.Connection, record: Any) -> None:
        record.info[_FILE_IDENTITY] = _identity(str(path))
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=FULL")
        # An entry that moves from page to page otherwise leaves a copy behind, which outlives an erasure.
        connection.execute("PRAGMA secure_delete=ON")
        # An INSERT of many rows keeps an undo file while it runs; in memory it saves half of the system time.
        connection.execute("PRAGMA temp_store=MEMORY")

    def require_same_file(_connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        if record.info[_FILE_IDENTITY] != _identity(str(path)):
            raise exc.DisconnectionError("the file was deleted or replaced")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "checkout", require_same_file)
    event.listen(engine, "begin", _begin)
    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL; the switch ignores the busy timeout, so two processes that open a new file need patience of ours."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: sa.Connection) -> None:
    # on the driver's cursor: through SQLAlchemy this line would cost 35 µs of every group of predictions
    connection.connection.cursor().execute("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _identity(path: str | None) -> tuple[int, int] | None:
    try:
        found = os.stat(path or "")  # noqa: PTH116  (on the path of every group: no Path object)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _postgres_engine(url: sa.URL, look_first: bool) -> sa.Engine:
    try:
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            paramstyle="format",
            pool_pre_ping=look_first,
            pool_timeout=5,
            hide_parameters=True,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                # a network that swallows everything: noticed in some 15 s, where the system's own patience is a quarter of an hour
                "tcp_user_timeout": 15_000,
                "keepalives_idle": 5,
                "keepalives_interval": 5,
                "keepalives_count": 2,
                "options": f"-c synchronous_commit=on -c lock_timeout={BUSY_TIMEOUT_MS}",
                # a database made with the locale C would otherwise answer every text as bytes
                "client_encoding": "utf8",
            },
        )
    except ModuleNotFoundError as error:
        raise MissingDependency("The PostgreSQL driver is not installed.", "Run `pip install 'psycopg[binary]'`.") from error
