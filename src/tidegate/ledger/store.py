"""Open, close and check the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from tidegate.errors import HomeRefused, LedgerUnavailable
from tidegate.ledger.connections import connect_engine, reading
from tidegate.ledger.migrate import bring_to_head, stored_version
from tidegate.ledger.watch import watch_connections


@dataclass(frozen=True)
class Ledger:
    """An open ledger: its engine, safe to share between threads, and its URL (which may hold a password)."""

    engine: sa.Engine
    url: str = field(repr=False)


def sqlite_url(path: Path) -> str:
    """URL of a ledger in a file, with the characters escaped that mean something in a URL.

    >>> sqlite_url(Path("/srv/home #1/ledger.db"))
    'sqlite:////srv/home %231/ledger.db'
    """
    return sa.URL.create("sqlite", database=str(path)).render_as_string()


def open_ledger(url: str, longest_seconds: float | None = None) -> Ledger:
    """Open the ledger at `sqlite:///PATH` (see `sqlite_url`) or `postgresql://…`, creating or migrating its tables where needed.

    `longest_seconds` is for one who must not wait: a connection to PostgreSQL that is in use for longer is ended, and its user
    gets `LedgerUnavailable` (migrations excepted; SQLite has a time limit for locks, and nothing else to wait for but the disk).

    Raises `LedgerUnavailable` when it cannot be reached, `HomeRefused` when a newer Tidegate wrote it and
    `SettingRefused` for a URL of another kind.
    """
    engine = connect_engine(url)
    try:
        bring_to_head(engine)
        if longest_seconds is not None and engine.dialect.name == "postgresql":
            engine.dispose()
            engine = connect_engine(url, look_first=False)
            watch_connections(engine, longest_seconds)
    except BaseException:
        engine.dispose()
        raise
    return Ledger(engine=engine, url=url)


def close_ledger(ledger: Ledger) -> None:
    """Close the idle connections; the last one to close a SQLite file folds the write-ahead log into it."""
    ledger.engine.dispose()


def check_ledger(ledger: Ledger, *, thorough: bool = True) -> str:
    """Answer "ok", or one sentence with the reason why not; never raises.

    `thorough` lets SQLite read every page and index (seconds per gigabyte); without it, one quick query tells
    whether the database answers and holds a ledger.
    """
    try:
        with reading(ledger.engine) as connection:
            if stored_version(connection) is None:
                return "The database holds no ledger."
            if thorough and ledger.engine.dialect.name == "sqlite":
                verdict = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar())
                return "ok" if verdict == "ok" else f"The ledger's database fails its integrity check: {verdict}"
    except (LedgerUnavailable, HomeRefused) as error:
        return error.detail
    return "ok"
