"""What became of customers: recorded once for a customer and a time, never changed.

Outcomes of an audit sample (`audit`) are kept beside the ordinary ones: the two may contradict each other, each for itself may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.errors import InputRefused
from tidegate.ledger import schema
from tidegate.ledger.connections import look_and_write, reading
from tidegate.ledger.events import add_event
from tidegate.ledger.store import Ledger

# One query names at most so many customers, below what SQLite (32,766) and PostgreSQL (65,535) take as parameters.
_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """A customer (keyed hash) was seen to have left (1) or stayed (0).

    `observed_at` and `recorded_at` are ISO-8601 in UTC with microseconds (`time_text`). `source` says where it came from: `file:` and
    the SHA-256 of a file, or the name of a route.
    """

    customer: str
    observed_at: str
    outcome: int
    source: str
    recorded_at: str


@dataclass(frozen=True)
class RecordedOutcomes:
    """How many were new, and how many the ledger held already."""

    added: int
    known: int


def record_outcomes(
    ledger: Ledger, outcomes: Sequence[Outcome], who: str, evidence: dict[str, object], now: datetime, audit: bool = False
) -> RecordedOutcomes:
    """Record outcomes and one event in one transaction; what the ledger holds already is counted and not written again.

    Raises `InputRefused`, and records nothing, where a customer has another outcome at the same time, here or in the ledger, and
    `LedgerUnavailable` when the database fails. Nothing new: no event either.
    """
    fresh, table = _without_repeats(outcomes), _table(audit)

    def record(connection: sa.Connection) -> int:
        added = _new_ones(connection, table, fresh)
        if added:
            connection.execute(sa.insert(table), [asdict(outcome) for outcome in added])
            add_event(connection, who, "recorded audit outcomes" if audit else "recorded outcomes", {**evidence, "added": len(added)}, now)
        return len(added)

    added = look_and_write(ledger.engine, record)
    return RecordedOutcomes(added, len(outcomes) - added)


def first_recorded(ledger: Ledger, source: str, audit: bool = False) -> str | None:
    """When outcomes of this source were recorded for the first time; None where they never were."""
    table = _table(audit)
    with reading(ledger.engine) as connection:
        return connection.execute(sa.select(sa.func.min(table.c.recorded_at)).where(table.c.source == source)).scalar()


def last_recorded(ledger: Ledger) -> str | None:
    """When the latest outcome came, an audit's included; None where none ever did. Raises LedgerUnavailable."""
    with reading(ledger.engine) as connection:
        times = [connection.execute(sa.select(sa.func.max(_table(audit).c.recorded_at))).scalar() for audit in (False, True)]
    return max((one for one in times if one is not None), default=None)


def known_customers(ledger: Ledger, customers: Iterable[str]) -> set[str]:
    """Those of the customers (keyed hashes) whom the ledger has a prediction or an assignment of."""
    asked = sorted(set(customers))
    found: set[str] = set()
    with reading(ledger.engine) as connection:
        for column in (schema.predictions.c.customer, schema.assignments.c.customer):
            for chunk in in_chunks(asked):
                found.update(connection.execute(sa.select(column).where(column.in_(chunk)).distinct()).scalars())
    return found


def _table(audit: bool) -> sa.Table:
    return schema.audit_outcomes if audit else schema.outcomes


def _without_repeats(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], Outcome]:
    fresh: dict[tuple[str, str], Outcome] = {}
    conflicts = set()
    for outcome in outcomes:
        key = (outcome.customer, outcome.observed_at)
        if fresh.setdefault(key, outcome).outcome != outcome.outcome:
            conflicts.add(key)
    _refuse(len(conflicts), "two different outcomes at one time")
    return fresh


def _new_ones(connection: sa.Connection, table: sa.Table, fresh: dict[tuple[str, str], Outcome]) -> list[Outcome]:
    stored: dict[tuple[str, str], int] = {}
    select = sa.select(table.c.customer, table.c.observed_at, table.c.outcome)
    for chunk in in_chunks(sorted({customer for customer, _ in fresh})):
        stored |= {(row.customer, row.observed_at): row.outcome for row in connection.execute(select.where(table.c.customer.in_(chunk)))}
    conflicts = sum(stored.get(key, new.outcome) != new.outcome for key, new in fresh.items())
    _refuse(conflicts, "another outcome in the ledger at the same time")
    return [outcome for key, outcome in fresh.items() if key not in stored]


def _refuse(conflicts: int, what: str) -> None:
    if conflicts:
        raise InputRefused(
            f"{conflicts:,} {'customer has' if conflicts == 1 else 'customers have'} {what}; nothing was recorded.",
            "Correct the outcomes, or say in `observed_at` at which later time the customer was seen again.",
        )


def in_chunks(customers: Sequence[str]) -> Iterator[Sequence[str]]:
    """Customers in pieces that one query may name."""
    return (customers[start : start + _CHUNK] for start in range(0, len(customers), _CHUNK))
