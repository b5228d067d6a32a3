"""The audit trail: events that can be added, and whose chain of hashes shows every later change.

Each event's hash covers its own fields and the hash before it, so a changed byte, a missing or a moved row breaks the
chain at that place. What the chain alone cannot show is a tail cut off at the end, or a trail rewritten as a whole by
someone who can write the database: keep the newest `(sequence, hash)` elsewhere (a backup, a log) to notice those.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tidegate.ledger import schema
from tidegate.ledger.connections import reading, writing
from tidegate.ledger.store import Ledger

_table = schema.events
_FIRST_PREVIOUS = "0" * 64


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the trail; `at` is ISO-8601 in UTC with microseconds, `evidence` canonical JSON, hashes SHA-256 hex."""

    sequence: int
    at: str
    who: str
    what: str
    evidence: str
    previous: str
    hash: str

    def document(self) -> dict[str, Any]:
        """The evidence, read."""
        found: dict[str, Any] = json.loads(self.evidence)
        return found


_newest_first = sa.select(
    _table.c.sequence, _table.c.at, _table.c.who, _table.c.what, _table.c.evidence, _table.c.previous, _table.c.hash
).order_by(_table.c.sequence.desc())


def append_event(ledger: Ledger, who: str, what: str, evidence: Mapping[str, object], at: datetime) -> int:
    """Add one event and return its sequence number (from 1, without gaps), once it is durable.

    `evidence` must be JSON without NaN or infinity, and hold no customer's value; `at` must know its time zone.
    Raises `ValueError` or `TypeError` for either fault and `LedgerUnavailable` when the database fails.
    """
    with writing(ledger.engine) as connection:
        return add_event(connection, who, what, evidence, at)


def add_event(connection: sa.Connection, who: str, what: str, evidence: Mapping[str, object], at: datetime) -> int:
    """Add one event inside the caller's transaction, so that what happened and its trace are durable together; as `append_event`."""
    if at.tzinfo is None:
        raise ValueError("an event's time needs a time zone")
    at_text = at.astimezone(UTC).isoformat(timespec="microseconds")
    evidence_text = _canonical(dict(evidence))
    lock_events(connection)
    last = connection.execute(_newest_first.limit(1)).one_or_none()
    sequence, previous = (1, _FIRST_PREVIOUS) if last is None else (last.sequence + 1, last.hash)
    digest = _hash(previous, sequence, at_text, who, what, evidence_text)
    event = Event(sequence, at_text, who, what, evidence_text, previous, digest)
    connection.execute(sa.insert(_table).values({name: getattr(event, name) for name in _table.c.keys()}))  # noqa: SIM118
    return sequence


def lock_events(connection: sa.Connection) -> None:
    """Be the only writer of the trail until the transaction ends, so that what is read of it stays true; readers go on."""
    if connection.dialect.name == "postgresql":
        # what BEGIN IMMEDIATE is on SQLite
        connection.exec_driver_sql("LOCK TABLE events IN EXCLUSIVE MODE")


def events_of_kinds(connection: sa.Connection, kinds: Collection[str]) -> list[Event]:
    """All events of these kinds inside the caller's transaction, oldest first."""
    chosen = _newest_first.order_by(None).order_by(_table.c.sequence).where(_table.c.what.in_(tuple(kinds)))
    return [Event(*row) for row in connection.execute(chosen)]


def verify_events(ledger: Ledger) -> str:
    """Answer "ok", or one sentence that names the first broken sequence number; raises `LedgerUnavailable`."""
    expected, previous = 1, _FIRST_PREVIOUS
    with reading(ledger.engine) as connection:
        oldest_first = _newest_first.order_by(None).order_by(_table.c.sequence).execution_options(yield_per=1000)
        for row in connection.execute(oldest_first):
            if row.sequence != expected:
                return f"The audit trail is broken at event {expected}: it is missing."
            if row.previous != previous:
                return f"The audit trail is broken at event {expected}: it does not follow the event before it."
            if row.hash != _hash(previous, row.sequence, row.at, row.who, row.what, row.evidence):
                return f"The audit trail is broken at event {expected}: its content does not match its hash."
            expected, previous = expected + 1, row.hash
    return "ok"


def list_events(ledger: Ledger, what: str | None = None, limit: int = 100) -> list[Event]:
    """Newest events first, at most `limit`, only those of one kind when `what` is given."""
    chosen = _newest_first.limit(limit)
    if what is not None:
        chosen = chosen.where(_table.c.what == what)
    with reading(ledger.engine) as connection:
        return [Event(*row) for row in connection.execute(chosen)]


def newest_sequence(ledger: Ledger) -> int:
    """The number of the newest event, 0 where there is none: whoever keeps what the trail says reads it again only where it has grown."""
    with reading(ledger.engine) as connection:
        return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(_table.c.sequence), 0))).scalar_one())


def _hash(previous: str, sequence: int, at: str, who: str, what: str, evidence: str) -> str:
    fields = {"sequence": sequence, "at": at, "who": who, "what": what, "evidence": evidence}
    return hashlib.sha256((previous + _canonical(fields)).encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: Mapping[str, object]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
