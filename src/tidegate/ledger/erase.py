"""Take customers out of the ledger: their rows in every table that knows them, and the bytes that deleted rows leave behind."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import sqlalchemy as sa

from tidegate.errors import LedgerUnavailable
from tidegate.ledger import schema
from tidegate.ledger.connections import reading
from tidegate.ledger.failures import ledger_failures, place_of
from tidegate.ledger.store import Ledger

ALWAYS = "9999-12-31T23:59:59.999999+00:00"
SCRUB_SECONDS = 60.0
MOST_SEARCHED = 100
_BUSY_MS = 30_000
_CHUNK, _CHUNK_BYTES = 10_000, 8 << 20
_predictions, _feedback, _shadows = schema.predictions, schema.feedback, schema.shadows

# Every table with a column `customer`, and when a row of it was written. A new one is added here.
PERSONAL: tuple[tuple[sa.Table, sa.ColumnElement[str]], ...] = (
    (schema.feedback, schema.feedback.c.recorded_at),
    (schema.outcomes, schema.outcomes.c.recorded_at),
    (schema.audit_outcomes, schema.audit_outcomes.c.recorded_at),
    (schema.assignments, schema.assignments.c.assigned_at),
    (schema.predictions, schema.predictions.c.created_at),
)


def erase_customers(connection: sa.Connection, customers: Mapping[str, str]) -> dict[str, int]:
    """Delete all rows of customers (keyed hash → the latest time, as `time_text`, of a row to go; `ALWAYS` for all); counts by table.

    What was heard about a prediction, and its shadow score, go with the prediction. Inside the caller's transaction, which on SQLite
    overwrites what it deletes.
    """
    _overwrite(connection)
    counts = {table.name: 0 for table in (*(table for table, _ in PERSONAL), _shadows)}
    if not customers:
        return counts
    values = [{"who": one, "until": until} for one, until in customers.items()]
    who, until = sa.bindparam("who", type_=sa.Text), sa.bindparam("until", type_=sa.Text)
    theirs = sa.select(_predictions.c.prediction_id).where(_predictions.c.customer == who, _predictions.c.created_at <= until)
    for about in (_feedback, _shadows):
        counts[about.name] += _deleted(connection, sa.delete(about).where(about.c.prediction_id.in_(theirs)), values)
    for table, written in PERSONAL:
        counts[table.name] += _deleted(connection, sa.delete(table).where(table.c.customer == who, written <= until), values)
    return counts


def erase_predictions(connection: sa.Connection, predictions: Iterable[str]) -> dict[str, int]:
    """Delete predictions by id, what was heard about them and their shadow scores; counts by table. As `erase_customers`."""
    _overwrite(connection)
    values = [{"which": one} for one in predictions]
    which = sa.bindparam("which", type_=sa.Text)
    return {
        table.name: _deleted(connection, sa.delete(table).where(table.c.prediction_id == which), values) if values else 0
        for table in (_feedback, _shadows, _predictions)
    }


def prediction_ids(ledger: Ledger) -> Iterable[str]:
    """Every prediction id the ledger names, of predictions and of what was heard about them."""
    with reading(ledger.engine) as connection:
        for column in (_predictions.c.prediction_id, _feedback.c.prediction_id, _shadows.c.prediction_id):
            yield from connection.execute(sa.select(column).where(column.is_not(None)).execution_options(yield_per=5_000)).scalars()


def predictions_of(connection: sa.Connection, customers: Iterable[str]) -> set[str]:
    """Ids of all predictions of customers (keyed hashes)."""
    asked = sorted(customers)
    found: set[str] = set()
    for start in range(0, len(asked), _CHUNK):
        chosen = sa.select(_predictions.c.prediction_id).where(_predictions.c.customer.in_(asked[start : start + _CHUNK]))
        found.update(connection.execute(chosen).scalars())
    return found


def scrub(ledger: Ledger, erased: Collection[str]) -> None:
    """Leave no byte of deleted rows in a SQLite ledger's file, its free pages and its log; a server may be at work meanwhile.

    The log is emptied. Then the file is searched for the erased hashes and ids: an entry that SQLite moved from page to page while
    `secure_delete` was off (older ledgers) has left copies that no later deletion overwrites. Where one is found, or more than
    `MOST_SEARCHED` would have to be searched for, the file is written anew (VACUUM; writers wait for it, readers do not). Raises
    LedgerUnavailable where something holds the log for more than a minute. Does nothing on PostgreSQL, whose dead rows are its
    administrator's: docs/erasure.md.
    """
    if ledger.engine.dialect.name != "sqlite":
        return
    with ledger_failures(ledger.engine):
        connection = ledger.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
            _empty_log(ledger, cursor)
            if len(erased) > MOST_SEARCHED or _holds(Path(str(ledger.engine.url.database)), erased):
                cursor.execute("PRAGMA temp_store=FILE")  # in memory, as elsewhere, the copy could be larger than the machine
                cursor.execute("VACUUM")
                _empty_log(ledger, cursor)
        finally:
            connection.invalidate()


def _holds(path: Path, texts: Collection[str]) -> bool:
    wanted = [text.encode() for text in texts if text]
    overlap = max((len(one) for one in wanted), default=1) - 1
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            searched = before + chunk
            if any(one in searched for one in wanted):
                return True
            before = searched[-overlap:] if overlap else b""
    return False


def _empty_log(ledger: Ledger, cursor: sa.engine.interfaces.DBAPICursor) -> None:
    deadline = time.monotonic() + SCRUB_SECONDS
    while True:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy = cursor.fetchall()[0][0]
        if not busy:
            return
        if time.monotonic() > deadline:
            raise LedgerUnavailable(
                "The rows are deleted, but another process holds the ledger's log, where their bytes may still be.",
                f"End what reads {place_of(ledger.engine)} for so long (a backup, an open shell); then erase again.",
            )
        time.sleep(0.1)


def _overwrite(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")


def _deleted(connection: sa.Connection, statement: sa.Delete, values: list[dict[str, str]]) -> int:
    return max(connection.execute(statement, values).rowcount, 0)
