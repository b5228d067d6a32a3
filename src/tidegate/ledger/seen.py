"""What was seen of customers from a time on: in the ordinary outcomes, or in the audit sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.ledger import schema
from tidegate.ledger.connections import reading
from tidegate.ledger.outcomes import in_chunks
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text


@dataclass(frozen=True, slots=True)
class Seen:
    """Looks at one customer. `left`, `stayed`: some look within the window says so. `returned`: a look that says stayed is later than one
    that says left. `before`, `after`: looks outside the window.
    """

    left: bool
    stayed: bool
    returned: bool
    before: int
    after: int


def seen_within(ledger: Ledger, customers: Iterable[str], since: datetime, until: datetime, audit: bool = False) -> dict[str, Seen]:
    """Looks at customers (keyed hashes), both ends of the window included; who has none at all is not in the answer.

    Raises `LedgerUnavailable`, and `ValueError` for a time without zone.
    """
    table = schema.audit_outcomes if audit else schema.outcomes
    at, outcome = table.c.observed_at, table.c.outcome
    start, end = time_text(since), time_text(until)
    inside = sa.and_(at >= start, at <= end)
    query = sa.select(
        table.c.customer,
        sa.func.min(sa.case((sa.and_(inside, outcome == 1), at))),
        sa.func.max(sa.case((sa.and_(inside, outcome == 0), at))),
        sa.func.sum(sa.case((at < start, 1), else_=0)),
        sa.func.sum(sa.case((at > end, 1), else_=0)),
    ).group_by(table.c.customer)
    found: dict[str, Seen] = {}
    for chunk in in_chunks(sorted(set(customers))):
        with reading(ledger.engine) as connection:
            for customer, left, stayed, before, after in connection.execute(query.where(table.c.customer.in_(chunk))):
                returned = left is not None and stayed is not None and stayed > left
                found[customer] = Seen(left is not None, stayed is not None, returned, int(before), int(after))
    return found
