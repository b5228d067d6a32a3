"""Labels of a batch: matured or not, within the horizon or not, and never a guess."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.ledger.times import time_text
from tidegate.monitoring.performance.labels import audit_labels_of, label_warnings, labels_of

SEEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = 30
END = SEEN + timedelta(days=DAYS)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(sqlite_url(tmp_path / "ledger.db"))
    yield opened
    close_ledger(opened)


def look(ledger: Ledger, customer: str, outcome: int, at: datetime, audit: bool = False) -> None:
    record_outcomes(ledger, [Outcome(customer, time_text(at), outcome, "test", time_text(at))], "ana", {}, at, audit=audit)


def label(ledger: Ledger, now: datetime = END, customer: str | None = "a") -> int:
    found, matured = labels_of(ledger, [customer], SEEN, DAYS, now)
    assert matured == (now >= END)
    assert found.dtype == np.int8
    return int(found[0])


def test_nothing_seen_is_not_stayed(ledger: Ledger) -> None:
    assert label(ledger) == -1
    assert label(ledger, customer=None) == -1
    found, matured = labels_of(ledger, [], SEEN, DAYS, END)
    assert (found.size, matured) == (0, True)


@pytest.mark.parametrize("outcome", [0, 1])
@pytest.mark.parametrize(
    ("at", "counts"),
    [(SEEN - INSTANT, False), (SEEN, True), (SEEN + timedelta(days=9), True), (END, True), (END + INSTANT, False)],
)
def test_looks_within_the_horizon_count_both_ends_included(ledger: Ledger, outcome: int, at: datetime, counts: bool) -> None:
    look(ledger, "a", outcome, at)
    assert label(ledger, END + timedelta(days=300)) == (outcome if counts else -1)


def test_before_the_horizon_nothing_has_matured_even_who_is_known_to_have_left(ledger: Ledger) -> None:
    look(ledger, "a", 1, SEEN + timedelta(days=1))
    assert label(ledger, END - INSTANT) == -1
    assert label(ledger, END) == 1


def test_who_stayed_in_one_look_and_left_in_the_next_has_left(ledger: Ledger) -> None:
    look(ledger, "a", 0, SEEN + timedelta(days=10))
    assert label(ledger) == 0
    look(ledger, "a", 1, SEEN + timedelta(days=20))
    assert label(ledger) == 1


def test_who_leaves_after_the_horizon_stayed_within_it_if_seen(ledger: Ledger) -> None:
    look(ledger, "a", 0, SEEN + timedelta(days=10))
    look(ledger, "a", 1, END + timedelta(days=1))
    assert label(ledger, END + timedelta(days=2)) == 0


def test_a_customer_who_is_twice_in_a_batch_has_one_label_and_many_are_asked_in_pieces(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.ledger.outcomes._CHUNK", 3)
    names = [f"c{number:02d}" for number in range(20)]
    for number, name in enumerate(names[:15]):
        look(ledger, name, number % 2, SEEN)
    found, _ = labels_of(ledger, [*names, None, names[1]], SEEN, DAYS, END)
    assert found.tolist() == [number % 2 for number in range(15)] + [-1] * 5 + [-1, 1]


def test_the_audit_sample_is_apart(ledger: Ledger) -> None:
    look(ledger, "a", 0, SEEN + timedelta(days=3))
    look(ledger, "a", 1, SEEN + timedelta(days=3), audit=True)
    look(ledger, "b", 0, SEEN + timedelta(days=3), audit=True)
    assert labels_of(ledger, ["a", "b", "c"], SEEN, DAYS, END)[0].tolist() == [0, -1, -1]
    assert audit_labels_of(ledger, ["a", "b", "c"], SEEN, DAYS, END)[0].tolist() == [1, 0, -1]
    assert audit_labels_of(ledger, ["a"], SEEN, DAYS, END - INSTANT) == (np.array([-1]), False)
    assert label_warnings(ledger, ["a", "b", "c"], SEEN, DAYS, END) == [
        "The audit sample contradicts the outcomes of 1 customers; both are kept, and neither replaces the other."
    ]


def test_odd_outcomes_are_counted(ledger: Ledger) -> None:
    look(ledger, "early", 1, SEEN - timedelta(days=1))
    look(ledger, "late", 1, END + timedelta(days=1))
    look(ledger, "back", 1, SEEN + timedelta(days=1))
    look(ledger, "back", 0, SEEN + timedelta(days=2))
    look(ledger, "fine", 0, SEEN + timedelta(days=1))
    look(ledger, "fine", 0, SEEN - timedelta(days=1))
    batch = ["early", "late", "back", "fine", None]
    said = label_warnings(ledger, batch, SEEN, DAYS, END + timedelta(days=5))
    assert [sentence.split()[0] for sentence in said] == ["1", "1", "1", "1"]
    assert "have no id" in said[0]
    assert "before the batch was seen" in said[1]
    assert "observed_at" in said[2]
    assert "count as left" in said[3]
    assert labels_of(ledger, batch, SEEN, DAYS, END + timedelta(days=5))[0].tolist() == [-1, -1, 1, 0, -1]


def test_a_clock_that_went_backwards_is_said_and_nothing_matures(ledger: Ledger) -> None:
    look(ledger, "a", 1, SEEN)
    before = SEEN - timedelta(days=1)
    assert label(ledger, before) == -1
    (said,) = label_warnings(ledger, ["a"], SEEN, 0, before)
    assert "clock went backwards" in said


def test_no_horizon_is_the_moment_itself_and_none_is_negative(ledger: Ledger) -> None:
    look(ledger, "a", 1, SEEN)
    assert labels_of(ledger, ["a"], SEEN, 0, SEEN)[0].tolist() == [1]
    with pytest.raises(ValueError, match="negative"):
        labels_of(ledger, ["a"], SEEN, -1, SEEN)
    with pytest.raises(ValueError, match="time zone"):
        labels_of(ledger, ["a"], SEEN.replace(tzinfo=None), 0, SEEN.replace(tzinfo=None))
