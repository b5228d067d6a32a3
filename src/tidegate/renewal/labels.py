"""Labels of a batch from the ledger, ordinary and audited, once their horizon has passed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from tidegate.customers.kept_rows import UNKNOWN_LABEL
from tidegate.ledger import schema
from tidegate.ledger.connections import reading
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

AUDIT_SOURCE = "audit:"
_CHUNK = 10_000
_outcomes = schema.outcomes


def labels_of(
    ledger: Ledger, customers: Sequence[str | None], seen_at: datetime, horizon_days: int, now: datetime
) -> tuple[NDArray[np.int8], bool]:
    """Labels int8 (n,) of customers (keyed hashes; None: no id) seen at one time, -1 not known, and whether they have matured.

    1 where they were seen to have left within the horizon, 0 where they were seen to stay and never to leave; before the horizon has
    passed all are -1. Raises LedgerUnavailable.
    """
    return _labels(ledger, customers, seen_at, horizon_days, now, audit=False)


def audit_labels_of(
    ledger: Ledger, customers: Sequence[str | None], seen_at: datetime, horizon_days: int, now: datetime
) -> tuple[NDArray[np.int8], bool]:
    """As `labels_of`, from outcomes that somebody checked."""
    return _labels(ledger, customers, seen_at, horizon_days, now, audit=True)


def _labels(
    ledger: Ledger, customers: Sequence[str | None], seen_at: datetime, horizon_days: int, now: datetime, audit: bool
) -> tuple[NDArray[np.int8], bool]:
    until = seen_at + timedelta(days=horizon_days)
    label = np.full(len(customers), UNKNOWN_LABEL, np.int8)
    if now < until:
        return label, False
    checked = _outcomes.c.source.startswith(AUDIT_SOURCE)
    inside = _outcomes.c.observed_at.between(time_text(seen_at), time_text(until)) & (checked if audit else ~checked)
    query = sa.select(_outcomes.c.customer, sa.func.max(_outcomes.c.outcome)).where(inside).group_by(_outcomes.c.customer)
    asked = sorted({one for one in customers if one is not None})
    found: dict[str, int] = {}
    with reading(ledger.engine) as connection:
        for start in range(0, len(asked), _CHUNK):
            chunk = _outcomes.c.customer.in_(asked[start : start + _CHUNK])
            found.update((customer, int(outcome)) for customer, outcome in connection.execute(query.where(chunk)))
    for place, one in enumerate(customers):
        if one is not None:
            label[place] = found.get(one, UNKNOWN_LABEL)
    return label, True
