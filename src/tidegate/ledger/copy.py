"""Copy a whole ledger: into one SQLite file while it is written to, and from such a file into an empty ledger."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from tidegate.errors import BackupRefused
from tidegate.ledger import schema
from tidegate.ledger.connections import reading, writing
from tidegate.ledger.failures import ledger_failures, place_of
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url

_TOGETHER = 2_000


def copy_to_file(ledger: Ledger, path: Path) -> None:
    """One moment of the ledger as a SQLite file of the same schema, without stopping anyone who writes. Raises LedgerUnavailable.

    SQLite is copied page by page with its own online backup; PostgreSQL table by table in one REPEATABLE READ transaction.
    """
    path.unlink(missing_ok=True)
    if ledger.engine.dialect.name == "sqlite":
        with ledger_failures(ledger.engine):
            copy_database(Path(str(ledger.engine.url.database)), path)
        return
    copy = open_ledger(sqlite_url(path))
    try:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with ledger_failures(ledger.engine), ledger.engine.connect().execution_options(**options) as source, source.begin():
            _copy_into(source, copy)
    finally:
        close_ledger(copy)
    _settle(path)


def copy_database(source: Path, target: Path) -> None:
    """One moment of a SQLite database as a file of its own, mode 0600, whoever writes meanwhile. Raises sqlite3.Error."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600))
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=30)) as reader,
        closing(sqlite3.connect(target)) as copy,
    ):
        reader.backup(copy)
    _settle(target)


def copy_into_empty(source: Ledger, target: Ledger) -> None:
    """All rows of a ledger into one without any, in one transaction. Raises BackupRefused where it has some, LedgerUnavailable."""
    with reading(source.engine) as rows, writing(target.engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE events IN EXCLUSIVE MODE")
        if not _is_empty(connection):
            raise BackupRefused(
                f"The ledger at {place_of(target.engine)} holds rows already.", "Name an empty database with TIDEGATE_LEDGER_URL."
            )
        _copy_tables(rows, connection)


def count_rows(ledger: Ledger) -> dict[str, int]:
    """How many rows each table holds."""
    with reading(ledger.engine) as connection:
        return {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in schema.metadata.sorted_tables
        }


def _is_empty(connection: sa.Connection) -> bool:
    tables = schema.metadata.sorted_tables
    return all(connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is None for table in tables)


def _copy_into(source: sa.Connection, target: Ledger) -> None:
    with writing(target.engine) as connection:
        _copy_tables(source, connection)


def _copy_tables(source: sa.Connection, target: sa.Connection) -> None:
    for table in schema.metadata.sorted_tables:
        found = source.execution_options(stream_results=True).execute(sa.select(table))
        for rows in found.mappings().partitions(_TOGETHER):
            target.execute(sa.insert(table), [dict(row) for row in rows])


def _settle(path: Path) -> None:
    """One file, without a log beside it."""
    with closing(sqlite3.connect(path)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE")
