"""Every way a database can fail, as one sentence of Tidegate without SQL and without values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from tidegate.disk import is_full
from tidegate.errors import LedgerFull, LedgerUnavailable


class UnstorableRow(LedgerUnavailable):
    """The database works but refuses a row: a duplicate, a null where none may be, a text it cannot hold."""


_FULL = ("The ledger's disk is full.", "Make room for {place}; from then on it records again.")
_READ_ONLY = ("The ledger cannot be written.", "Make {place} writable for this process; recording resumes by itself.")
_LOCKED = ("The ledger was locked by another process for too long.", "Find what holds {place} (a backup, an open shell) and end it.")
_ABSENT = ("The ledger's database is absent or cannot be opened.", "Check that {place} exists and is accessible, or restore it.")
_DAMAGED = ("The ledger's database is damaged or is not a database.", "Restore {place} from a backup.")
_DEVICE = ("The ledger's disk reported an error.", "Check the disk and its quota for {place}; recording resumes by itself.")
_REPLACED = ("The ledger's file was deleted or replaced while in use.", "Put {place} back, or restart to begin a new one.")
_TIMEOUT = ("The ledger has no free connection.", "Lower the load on {place}.")
_UNKNOWN = ("The ledger's database failed.", "Check {place}; recording resumes by itself.")

_SQLITE = {
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CANTOPEN: _ABSENT,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_IOERR: _DEVICE,
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES = {
    "53100": _FULL,
    "25006": _READ_ONLY,
    "42501": _READ_ONLY,
    "55P03": _LOCKED,
    "57014": _LOCKED,
    "3D000": _ABSENT,
    "58030": _DEVICE,
}


def place_of(engine: sa.Engine) -> str:
    """Name the database for a person: the file of SQLite, the URL without password of another."""
    return f"the file {engine.url.database}" if engine.dialect.name == "sqlite" else engine.url.render_as_string(hide_password=True)


def replaced(engine: sa.Engine) -> LedgerUnavailable:
    """Say that the file at the ledger's path is no longer the one that was opened."""
    return _failure(_REPLACED, engine)


@contextmanager
def ledger_failures(engine: sa.Engine) -> Iterator[None]:
    """Turn what the database raises inside into `LedgerUnavailable`, or `UnstorableRow` when only a row is at fault."""
    driver = engine.dialect.loaded_dbapi
    try:
        yield
    except (exc.SQLAlchemyError, driver.Error) as error:
        cause = getattr(error, "orig", None) or error
        if _row_is_at_fault(cause, driver):
            sentence = "The ledger refuses this row: it is a duplicate, or holds a value that cannot be stored."
            raise UnstorableRow(sentence) from _without_values(error, cause)
        raise _failure(_kind(error, cause), engine) from error


def _row_is_at_fault(cause: object, driver: Any) -> bool:
    if isinstance(cause, driver.IntegrityError | driver.DataError):
        return True
    # sqlite3 reports a parameter it cannot bind this way; other drivers use the same classes for a lost connection
    return isinstance(cause, sqlite3.InterfaceError | sqlite3.ProgrammingError)


def _without_values(error: Exception, cause: Any) -> Exception:
    """What may stand in a traceback: PostgreSQL's own message quotes the row that it refuses."""
    diagnosis = getattr(cause, "diag", None)
    return error if diagnosis is None else type(cause)(f"{cause.sqlstate} {diagnosis.constraint_name or diagnosis.column_name}")


def _kind(error: Exception, cause: object) -> tuple[str, str]:
    if isinstance(error, exc.TimeoutError):
        return _TIMEOUT
    if is_full(error):
        return _FULL
    if isinstance(cause, sqlite3.Error):
        # the low byte is the primary code, the rest says in which system call
        return _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, _UNKNOWN)
    state = getattr(cause, "sqlstate", None)
    if isinstance(error, exc.OperationalError) and state is None:
        return _ABSENT
    return _POSTGRES.get(str(state), _UNKNOWN)


def _failure(kind: tuple[str, str], engine: sa.Engine) -> LedgerUnavailable:
    if kind is _FULL:
        return full(place_of(engine))
    detail, remedy = kind
    return LedgerUnavailable(detail, remedy.format(place=place_of(engine)))


def full(place: str) -> LedgerFull:
    """Say that no room is left for the ledger at a place."""
    detail, remedy = _FULL
    return LedgerFull(detail, remedy.format(place=place))
