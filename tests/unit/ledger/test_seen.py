"""Looks at customers within a window, on both databases; the audit sample is kept apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from databases import Outsider
from tidegate.errors import InputRefused
from tidegate.ledger.events import list_events
from tidegate.ledger.outcomes import Outcome, RecordedOutcomes, first_recorded, record_outcomes
from tidegate.ledger.seen import Seen, seen_within
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = NOON + timedelta(days=30)


def record(ledger: Ledger, customer: str, outcome: int, at: datetime, audit: bool = False) -> RecordedOutcomes:
    return record_outcomes(ledger, [Outcome(customer, time_text(at), outcome, "file:a", time_text(NOON))], "ana", {}, NOON, audit)


def test_each_look_is_within_before_or_after(ledger: Ledger) -> None:
    for days, outcome in ((-2, 1), (-1, 0), (0, 0), (30, 1), (31, 0), (32, 1), (33, 1)):
        record(ledger, "a", outcome, NOON + timedelta(days=days))
    record(ledger, "b", 1, NOON)
    record(ledger, "b", 0, END)
    record(ledger, "other", 1, NOON)
    assert seen_within(ledger, ["a", "b", "c", "a"], NOON, END) == {
        "a": Seen(left=True, stayed=True, returned=False, before=2, after=3),
        "b": Seen(left=True, stayed=True, returned=True, before=0, after=0),
    }
    assert seen_within(ledger, [], NOON, END) == {}


def test_an_audit_may_contradict_the_outcomes_and_not_itself(ledger: Ledger, outsider: Outsider) -> None:
    assert record(ledger, "a", 0, NOON) == RecordedOutcomes(1, 0)
    assert record(ledger, "a", 1, NOON, audit=True) == RecordedOutcomes(1, 0)
    assert record(ledger, "a", 1, NOON, audit=True) == RecordedOutcomes(0, 1)
    with pytest.raises(InputRefused, match="another outcome in the ledger"):
        record(ledger, "a", 0, NOON, audit=True)
    assert [outsider.execute(f"SELECT outcome FROM {table}").fetchall() for table in ("outcomes", "audit_outcomes")] == [[(0,)], [(1,)]]
    assert seen_within(ledger, ["a"], NOON, END)["a"].left is False
    assert seen_within(ledger, ["a"], NOON, END, audit=True)["a"].left is True
    assert [event.what for event in list_events(ledger)] == ["recorded audit outcomes", "recorded outcomes"]


def test_a_source_is_known_for_each_kind_by_itself(ledger: Ledger) -> None:
    record(ledger, "a", 1, NOON, audit=True)
    assert first_recorded(ledger, "file:a", audit=True) == time_text(NOON)
    assert first_recorded(ledger, "file:a") is None
