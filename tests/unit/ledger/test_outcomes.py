"""Outcomes: once for a customer and a time, all or nothing, and never changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from databases import Outsider
from tidegate.errors import InputRefused, LedgerUnavailable
from tidegate.ledger import outcomes as outcomes_module
from tidegate.ledger.campaigns import Assignment, record_campaign
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.events import list_events, verify_events
from tidegate.ledger.outcomes import Outcome, RecordedOutcomes, first_recorded, known_customers, record_outcomes
from tidegate.ledger.predictions import Prediction
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def outcome(number: int, left: int = 0, at: datetime = NOON, source: str = "file:a") -> Outcome:
    return Outcome(f"{number:032x}", time_text(at), left, source, time_text(NOON))


def record(ledger: Ledger, *outcomes: Outcome) -> RecordedOutcomes:
    return record_outcomes(ledger, outcomes, "ana", {"data": "a"}, NOON)


def stored(outsider: Outsider) -> list[tuple[object, ...]]:
    return outsider.execute("SELECT customer, observed_at, outcome FROM outcomes ORDER BY 1, 2").fetchall()


def test_the_same_outcomes_twice_add_nothing(ledger: Ledger, outsider: Outsider) -> None:
    assert record(ledger, outcome(1), outcome(2, 1)) == RecordedOutcomes(2, 0)
    before = stored(outsider)
    assert record(ledger, outcome(1), outcome(2, 1), outcome(2, 1)) == RecordedOutcomes(0, 3)
    assert stored(outsider) == before
    assert record(ledger, outcome(1), outcome(3)) == RecordedOutcomes(1, 1)
    assert [event.evidence for event in list_events(ledger, "recorded outcomes")] == ['{"added":1,"data":"a"}', '{"added":2,"data":"a"}']
    assert verify_events(ledger) == "ok"


def test_nothing_to_record_is_nothing(ledger: Ledger) -> None:
    assert record(ledger) == RecordedOutcomes(0, 0)
    assert list_events(ledger) == []


def test_a_contradiction_refuses_all_of_it(ledger: Ledger, outsider: Outsider) -> None:
    record(ledger, outcome(1))
    before = stored(outsider)
    with pytest.raises(InputRefused, match="1 customer has another outcome in the ledger") as refusal:
        record(ledger, outcome(2), outcome(1, 1))
    assert "observed_at" in refusal.value.remedy
    with pytest.raises(InputRefused, match="1 customer has two different outcomes at one time"):
        record(ledger, outcome(2), outcome(3, 0), outcome(3, 1))
    assert stored(outsider) == before
    assert len(list_events(ledger)) == 1


def test_who_is_seen_again_later_may_have_left(ledger: Ledger) -> None:
    assert record(ledger, outcome(1, 0), outcome(1, 1, NOON + timedelta(days=1))) == RecordedOutcomes(2, 0)


def test_a_failing_event_takes_the_outcomes_with_it(ledger: Ledger, outsider: Outsider, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LedgerUnavailable("no")

    monkeypatch.setattr(outcomes_module, "add_event", fail)
    with pytest.raises(LedgerUnavailable):
        record(ledger, outcome(1))
    assert stored(outsider) == []


def test_many_are_recorded_in_pieces_and_found_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes_module, "_CHUNK", 7)
    many = [outcome(number, number % 2) for number in range(100)]
    assert record(ledger, *many) == RecordedOutcomes(100, 0)
    assert record(ledger, *many) == RecordedOutcomes(0, 100)


def test_when_a_source_was_first_recorded(ledger: Ledger) -> None:
    assert first_recorded(ledger, "file:a") is None
    later = NOON + timedelta(days=2)
    record_outcomes(ledger, [Outcome("b" * 32, time_text(later), 0, "file:a", time_text(later))], "ana", {}, later)
    record(ledger, outcome(1))
    assert first_recorded(ledger, "file:a") == time_text(NOON)
    assert first_recorded(ledger, "file:b") is None


def test_known_are_the_predicted_and_the_assigned(ledger: Ledger, make: Callable[..., Prediction]) -> None:
    writer = GroupCommit(ledger)
    writer.submit([make(1), make(2, customer=f"{1:032x}"), make(3, customer=None)]).result(10)
    writer.close()
    record_campaign(ledger, "spring", {}, [Assignment(f"{5:032x}", "control", 1, 0.5, 100.0, 10.0, "1")], "ana", NOON)
    assert known_customers(ledger, [f"{number:032x}" for number in range(10)]) == {f"{1:032x}", f"{5:032x}"}
    assert known_customers(ledger, []) == set()


def test_times_are_kept_in_utc_and_need_a_zone() -> None:
    assert time_text(datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))) == time_text(NOON)
    with pytest.raises(ValueError, match="time zone"):
        time_text(datetime(2026, 3, 1))
