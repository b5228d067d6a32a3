"""Everything the ledger holds of one customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tidegate.ledger import schema
from tidegate.ledger.connections import reading
from tidegate.ledger.store import Ledger

# What is asked for by a customer's hash, with the column that says when: newest first in every list.
_HELD = {
    "predictions": (schema.predictions, schema.predictions.c.created_at),
    "outcomes": (schema.outcomes, schema.outcomes.c.observed_at),
    "audit_outcomes": (schema.audit_outcomes, schema.audit_outcomes.c.observed_at),
    "feedback": (schema.feedback, schema.feedback.c.at),
    "assignments": (schema.assignments, schema.assignments.c.assigned_at),
}
# Digests and hashes of the ids are nobody's business outside the ledger.
_LEFT_OUT = frozenset({"customer", "idempotency_key", "request_digest"})


@dataclass(frozen=True)
class Held:
    """Rows of one kind, newest first, at most as many as were asked for; `total` is how many there are."""

    total: int
    rows: tuple[dict[str, Any], ...]


def held_of(ledger: Ledger, customer: str, limit: int) -> dict[str, Held]:
    """Predictions, outcomes, audit outcomes, feedback and assignments of a customer (keyed hash), at most `limit` of each.

    All are of one moment. Raises LedgerUnavailable.
    """
    found = {}
    with reading(ledger.engine) as connection:
        for name, (table, at) in _HELD.items():
            mine = table.c.customer == customer
            total = connection.execute(sa.select(sa.func.count()).select_from(table).where(mine)).scalar_one()
            columns = [column for column in table.c if column.name not in _LEFT_OUT]
            rows = connection.execute(sa.select(*columns).where(mine).order_by(at.desc()).limit(limit)).mappings()
            found[name] = Held(total, tuple(dict(row) for row in rows))
    return found
