"""Campaigns: a name once, a customer once, whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from databases import Outsider
from tidegate.errors import InputRefused, LedgerUnavailable
from tidegate.ledger import campaigns as campaigns_module
from tidegate.ledger.campaigns import Arm, AssignedOutcome, Assignment, assigned_since, find_campaign, followed, record_campaign
from tidegate.ledger.events import list_events, verify_events
from tidegate.ledger.failures import UnstorableRow
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def assigned(number: int, arm: Arm = "treated") -> Assignment:
    return Assignment(f"{number:032x}", arm, number, 0.5, 100.0, 10.0 + number, "7")


def plan(ledger: Ledger, name: str = "spring", count: int = 3, at: datetime = NOON) -> None:
    people = [assigned(number, "control" if number == count else "treated") for number in range(1, count + 1)]
    record_campaign(ledger, name, {"seed": 1, "prices": {"contact_cost": 2.0}}, people, "ana", at)


def rows(outsider: Outsider) -> tuple[int, int]:
    return tuple(outsider.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("campaigns", "assignments"))  # type: ignore[return-value]


def test_a_campaign_is_written_with_its_people_and_its_event(ledger: Ledger, outsider: Outsider) -> None:
    plan(ledger)
    found = find_campaign(ledger, "spring")
    assert found is not None
    assert (found.name, found.who, found.created_at) == ("spring", "ana", time_text(NOON))
    assert found.parameters == {"seed": 1, "prices": {"contact_cost": 2.0}}
    written = outsider.execute("SELECT * FROM assignments ORDER BY rank").fetchall()
    assert written[0] == ("spring", f"{1:032x}", "treated", 1, 0.5, 100.0, 11.0, "7", time_text(NOON))
    assert [row[2] for row in written] == ["treated", "treated", "control"]
    assert list_events(ledger)[0].what == "planned a campaign"
    assert '"campaign":"spring"' in list_events(ledger)[0].evidence
    assert verify_events(ledger) == "ok"
    assert find_campaign(ledger, "summer") is None


def test_a_name_is_used_once(ledger: Ledger, outsider: Outsider) -> None:
    plan(ledger)
    with pytest.raises(InputRefused, match="'spring' already") as refusal:
        plan(ledger, count=5)
    assert refusal.value.remedy
    assert rows(outsider) == (1, 3)
    plan(ledger, "summer")
    assert rows(outsider) == (2, 6)


def test_a_name_taken_between_look_and_write_is_the_same_refusal(
    ledger: Ledger, outsider: Outsider, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(ledger)
    looks: list[bool] = []
    original = campaigns_module._refuse_taken

    def blind_once(connection: object, name: str) -> None:
        looks.append(True)
        if len(looks) > 1:
            original(connection, name)  # type: ignore[arg-type]

    monkeypatch.setattr(campaigns_module, "_refuse_taken", blind_once)
    with pytest.raises(InputRefused, match="already"):
        plan(ledger)
    assert len(looks) == 2
    assert rows(outsider) == (1, 3)


def test_a_customer_is_in_a_campaign_once(ledger: Ledger, outsider: Outsider) -> None:
    with pytest.raises(UnstorableRow):
        record_campaign(ledger, "spring", {}, [assigned(1), assigned(2), assigned(1, "control")], "ana", NOON)
    assert rows(outsider) == (0, 0)
    assert list_events(ledger) == []


def test_a_failing_event_takes_the_campaign_with_it(ledger: Ledger, outsider: Outsider, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LedgerUnavailable("no")

    monkeypatch.setattr(campaigns_module, "add_event", fail)
    with pytest.raises(LedgerUnavailable):
        plan(ledger)
    assert rows(outsider) == (0, 0)


def test_only_outcomes_seen_after_the_assignment_count_and_the_last_of_them(ledger: Ledger) -> None:
    plan(ledger, count=4)
    times = (NOON - timedelta(days=1), NOON, NOON + timedelta(days=1), NOON + timedelta(days=9))

    def seen(number: int, left: int, at: datetime) -> Outcome:
        return Outcome(f"{number:032x}", time_text(at), left, "file:a", time_text(NOON))

    outcomes = [seen(1, 1, times[0]), seen(2, 1, times[0]), seen(2, 0, times[1]), seen(3, 0, times[2]), seen(3, 1, times[3])]
    record_outcomes(ledger, outcomes, "ana", {}, NOON)
    assert followed(ledger, "spring") == [
        AssignedOutcome("treated", 0.5, 100.0, None),
        AssignedOutcome("treated", 0.5, 100.0, 0),
        AssignedOutcome("treated", 0.5, 100.0, 1),
        AssignedOutcome("control", 0.5, 100.0, None),
    ]
    assert followed(ledger, "summer") == []


def test_who_is_in_another_recent_campaign(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns_module, "_CHUNK", 2)
    plan(ledger, "old", 9, NOON - timedelta(days=60))
    plan(ledger, "spring", 5)
    people = [f"{number:032x}" for number in (2, 3, 5, 8)]
    assert assigned_since(ledger, NOON - timedelta(days=30), people) == {"spring": 3}
    assert assigned_since(ledger, NOON - timedelta(days=90), people) == {"spring": 3, "old": 4}
    assert assigned_since(ledger, NOON, []) == {}
