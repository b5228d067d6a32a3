"""Labels of a batch, as late as they come: who left within the horizon, who stayed, of whom nothing is known.

The rule is that of `ledger.joins.matured_predictions`: a customer has a label once the horizon has passed since the batch was seen, from
looks within it. A look after the horizon says nothing either way: of those who left, it is not known whether they did so in time, and
counting only those who stayed would make the bank look faithful.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.kept_rows import UNKNOWN_LABEL
from tidegate.ledger.seen import Seen, seen_within
from tidegate.ledger.store import Ledger

Customers = Sequence[str | None]


def labels_of(ledger: Ledger, customers: Customers, seen_at: datetime, horizon_days: int, now: datetime) -> tuple[NDArray[np.int8], bool]:
    """Labels of n customers (keyed hashes, None for one without id) of a batch seen at one time, and whether they have matured.

    int8 (n,): 1 seen to have left from `seen_at` on and within the horizon, 0 seen to stay and by no look to have left, -1 not known.
    Before `seen_at` + horizon nothing has matured and all are -1, even where an outcome is known: those who leave early are known early,
    and would count too often. A missing label is never "stayed". Raises `LedgerUnavailable`, and `ValueError` for a negative horizon or a
    time without zone.
    """
    return _labels(ledger, customers, seen_at, horizon_days, now, audit=False)


def audit_labels_of(
    ledger: Ledger, customers: Customers, seen_at: datetime, horizon_days: int, now: datetime
) -> tuple[NDArray[np.int8], bool]:
    """As `labels_of`, from the audit sample alone (`tidegate outcomes FILE --audit`): most customers are -1."""
    return _labels(ledger, customers, seen_at, horizon_days, now, audit=True)


def label_warnings(ledger: Ledger, customers: Customers, seen_at: datetime, horizon_days: int, now: datetime) -> list[str]:
    """What is odd about the outcomes of a batch, counted, a sentence each: no outcome is lost by it, and none is counted on a guess."""
    if now < seen_at:
        return [f"The clock went backwards: the batch was seen at {seen_at.isoformat()}, after now. Its labels wait. Check the clock."]
    asked = [one for one in customers if one is not None]
    until = seen_at + _horizon(horizon_days)
    ordinary, audited = (seen_within(ledger, asked, seen_at, until, audit) for audit in (False, True))
    return [sentence for count, sentence in _odd(ordinary, audited, len(customers) - len(asked), horizon_days, now >= until) if count]


def _odd(ordinary: dict[str, Seen], audited: dict[str, Seen], nameless: int, days: int, matured: bool) -> list[tuple[int, str]]:
    unseen = [one for one in ordinary.values() if not (one.left or one.stayed)]
    before = sum(one.before > 0 and not one.after for one in unseen)
    late = sum(one.after > 0 for one in unseen) if matured else 0
    returned = sum(one.returned for one in ordinary.values())
    common = [(ordinary[name], one) for name, one in audited.items() if name in ordinary]
    against = sum(_label(one) != _label(other) for one, other in common if UNKNOWN_LABEL not in (_label(one), _label(other)))
    return [
        (nameless, f"{nameless:,} customers of the batch have no id, so their labels can never come."),
        (before, f"{before:,} customers have outcomes from before the batch was seen only; these say nothing of it."),
        (
            late,
            f"{late:,} customers were looked at only after the {days} days of the horizon: say in observed_at when they left or stayed.",
        ),
        (returned, f"{returned:,} customers were seen to have left and later to have stayed; they count as left."),
        (against, f"The audit sample contradicts the outcomes of {against:,} customers; both are kept, and neither replaces the other."),
    ]


def _labels(
    ledger: Ledger, customers: Customers, seen_at: datetime, horizon_days: int, now: datetime, audit: bool
) -> tuple[NDArray[np.int8], bool]:
    until = seen_at + _horizon(horizon_days)
    label = np.full(len(customers), UNKNOWN_LABEL, np.int8)
    if now < until:
        return label, False
    found = seen_within(ledger, (one for one in customers if one is not None), seen_at, until, audit)
    for place, one in enumerate(customers):
        if one is not None and one in found:
            label[place] = _label(found[one])
    return label, True


def _label(seen: Seen) -> int:
    if seen.left:
        return 1
    return 0 if seen.stayed else UNKNOWN_LABEL


def _horizon(days: int) -> timedelta:
    if days < 0:
        raise ValueError("a horizon is not negative")
    return timedelta(days=days)
