"""The recorded predictions: insert, find, count and sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from math import isfinite
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor

from tidegate.ledger import schema
from tidegate.ledger.connections import reading
from tidegate.ledger.failures import UnstorableRow
from tidegate.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered prediction, with the row as it was scored.

    `prediction_id` should begin with its time (as UUID version 7 does): ordered ids touch fewer pages and halve the cost
    of an insert. `customer` is already a keyed hash. `row` is the JSON of the typed row as sent. `source` is `predict`,
    `predict-batch`, `predict-csv` or `explain`. `created_at` is ISO-8601 in UTC with microseconds. `request_digest` is a keyed
    digest of the canonical request body, compared when `idempotency_key` comes back. `experiment_phase` is None outside experiments.
    """

    prediction_id: str
    idempotency_key: str | None
    request_digest: str | None
    customer: str | None
    model_version: str
    bundle_digest: str
    variant: str
    probability: float
    threshold: float
    prediction: int
    row: str
    source: str
    created_at: str
    experiment_phase: int | None = None


_COLUMNS = tuple(field.name for field in fields(Prediction))
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_KEY_POSITION = _COLUMNS.index("idempotency_key")
_values_of = attrgetter(*_COLUMNS)
_table = schema.predictions
_select = sa.select(*(_table.c[name] for name in _COLUMNS))

# Largest statement; 512 rows are 7,168 parameters, below the 32,766 of SQLite and the 65,535 of PostgreSQL.
_LARGEST_CHUNK = 512


def insert_predictions(connection: sa.Connection, predictions: Sequence[Prediction]) -> None:
    """Insert inside the caller's transaction; raises `UnstorableRow` for a value no database can hold.

    One statement carries many rows, because `executemany` gives up the interpreter lock at each row and, beside a busy
    event loop, waits 5 ms to get it back: 148 ms for 32 rows against 16 ms this way. Chunks are powers of two, so that
    ten prepared statements serve every size.
    """
    start = 0
    for size in _chunk_sizes(len(predictions)):
        values: list[object] = []
        for prediction in predictions[start : start + size]:
            if not isfinite(prediction.probability):  # SQLite would refuse NaN as a null, PostgreSQL would keep it
                raise UnstorableRow("The ledger refuses this row: its probability is not a number.")
            values += _values_of(prediction)
        start += size
        try:
            _execute(connection, _insert_statement(_placeholder(connection), size), values)
        except (UnicodeError, OverflowError) as error:
            raise UnstorableRow("The ledger refuses this row: it holds a text or a number that cannot be stored.") from error


def find_keys(connection: sa.Connection, keys: Sequence[str]) -> dict[str, Prediction]:
    """Predictions recorded under these idempotency keys, by key; absent keys are left out."""
    found: dict[str, Prediction] = {}
    for start in range(0, len(keys), _LARGEST_CHUNK):
        chunk = list(keys[start : start + _LARGEST_CHUNK])
        # rounded up to a power of two with the last key repeated: few prepared statements, as above
        size = 1 << (len(chunk) - 1).bit_length()
        chunk += [chunk[-1]] * (size - len(chunk))
        rows = _execute(connection, _find_statement(_placeholder(connection), size), chunk).fetchall()
        found.update((row[_KEY_POSITION], Prediction(*row)) for row in rows)
    return found


def find_by_key(ledger: Ledger, key: str) -> Prediction | None:
    """Prediction recorded under an idempotency key, or None."""
    return _find_one(ledger, _table.c.idempotency_key == key)


def find_by_id(ledger: Ledger, prediction_id: str) -> Prediction | None:
    """Prediction with this id, or None."""
    return _find_one(ledger, _table.c.prediction_id == prediction_id)


def count_predictions(ledger: Ledger) -> int:
    """Number of recorded predictions."""
    with reading(ledger.engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(_table)).scalar_one()


def predictions_by_hour(ledger: Ledger, since: str) -> dict[str, int]:
    """How many were recorded since this time (as `created_at` is written), by the hour as `2026-11-24T14`. Read from an index alone."""
    hour = sa.func.substr(_table.c.created_at, 1, 13)
    query = sa.select(hour, sa.func.count()).where(_table.c.created_at >= since).group_by(hour)
    with reading(ledger.engine) as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def sample_predictions(ledger: Ledger, n: int) -> list[Prediction]:
    """Up to `n` predictions spread evenly over the ledger's whole time, oldest first; the same ledger gives the same sample."""
    with reading(ledger.engine) as connection:
        total = connection.execute(sa.select(sa.func.count()).select_from(_table)).scalar_one()
        order = (_table.c.created_at, _table.c.prediction_id)
        if n >= total:
            chosen = _select.order_by(*order)
        else:
            position = sa.func.row_number().over(order_by=order)
            numbered = sa.select(_table.c.prediction_id, position.label("position")).subquery()
            # n of total positions: those where floor(position * n / total) steps up
            step = (numbered.c.position * n) // total > ((numbered.c.position - 1) * n) // total
            chosen = _select.join(numbered, numbered.c.prediction_id == _table.c.prediction_id).where(step).order_by(*order)
        return [Prediction(*row) for row in connection.execute(chosen)]


def predictions_between(ledger: Ledger, since: str, until: str, most: int) -> list[Prediction]:
    """Predictions made from `since` to before `until` (times as the ledger writes them), the newest `most` of them, newest first."""
    chosen = _select.where(_table.c.created_at >= since, _table.c.created_at < until)
    with reading(ledger.engine) as connection:
        order = (_table.c.created_at.desc(), _table.c.prediction_id.desc())
        return [Prediction(*row) for row in connection.execute(chosen.order_by(*order).limit(most))]


def _find_one(ledger: Ledger, condition: sa.ColumnElement[bool]) -> Prediction | None:
    with reading(ledger.engine) as connection:
        row = connection.execute(_select.where(condition)).one_or_none()
    return None if row is None else Prediction(*row)


def _chunk_sizes(total: int) -> Iterator[int]:
    while total:
        size = min(_LARGEST_CHUNK, 1 << (total.bit_length() - 1))
        yield size
        total -= size


def _execute(connection: sa.Connection, statement: str, values: list[Any]) -> DBAPICursor:
    """Run a statement on the driver's own cursor: SQLAlchemy's layers cost 35 µs a statement on the way to every answer."""
    cursor = connection.connection.cursor()
    cursor.execute(statement, values)
    return cursor


def _placeholder(connection: sa.Connection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


# Both statements are made of constants of this module and placeholders: nothing from outside enters their text.
@lru_cache(maxsize=64)
def _insert_statement(placeholder: str, size: int) -> str:
    one = "(" + ", ".join([placeholder] * len(_COLUMNS)) + ")"
    return f"INSERT INTO predictions ({_NAMES}) VALUES " + ", ".join([one] * size)  # noqa: S608


@lru_cache(maxsize=64)
def _find_statement(placeholder: str, size: int) -> str:
    return f"SELECT {_NAMES} FROM predictions WHERE idempotency_key IN (" + ", ".join([placeholder] * size) + ")"  # noqa: S608
