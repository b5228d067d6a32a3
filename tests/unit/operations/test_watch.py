"""A round of watch: each verb once, faults said and survived, alerts told."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import InputRefused, StorageUnavailable
from tidegate.home import Home, open_home
from tidegate.ledger.events import append_event, list_events
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.monitoring.alerts.scrape import Scrape
from tidegate.monitoring.alerts.state import open_alerts
from tidegate.operations import watch
from tidegate.operations.watch import seconds_of, watch_rounds
from tidegate.settings import Settings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CALM = Scrape({("/predict", "200"): 100.0}, {("/predict", 0.1): 100.0, ("/predict", float("inf")): 100.0})
FAILING = Scrape({("/predict", "200"): 150.0, ("/predict", "503"): 50.0}, {("/predict", 0.1): 150.0, ("/predict", float("inf")): 150.0})
PASSED = {"batch": "b1", "health": "PASS", "again": False}
NOT_NEEDED = {"decision": "not_needed", "challenger": None, "reasons": [], "renewal": None}

WAITING = {**NOT_NEEDED, "decision": "refused", "reasons": ["Gate reserved_positives: wait for labels."], "waits_for_labels": True}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def rounds(
    monkeypatch: pytest.MonkeyPatch,
    home: Home,
    verbs: dict[str, tuple[Any, list[str], int]],
    scrapes: list[Scrape | None],
    count: int = 1,
    renewing: bool = True,
) -> tuple[list[watch.Round], list[str]]:
    asked: list[str] = []

    def verb(_: Home, name: str) -> tuple[Any, list[str], int]:
        asked.append(name)
        return verbs[name]

    answers = iter(scrapes)
    monkeypatch.setattr(watch, "_verb", verb)
    monkeypatch.setattr(watch, "_scraped", lambda settings: (next(answers), "metrics read"))
    slept: list[float] = []
    made = watch_rounds(home, Settings(), 900 if count > 1 else None, renewing, lambda: NOW, slept.append)
    found = [next(made) for _ in range(count)]
    assert all(0 <= pause <= 900 for pause in slept)
    return found, asked


def standing(home: Home) -> list[str]:
    ledger = open_ledger(sqlite_url(home.ledger))
    try:
        return [one.alert.kind for one in open_alerts(ledger)]
    finally:
        close_ledger(ledger)


def test_a_calm_round_asks_both_verbs_and_is_no_alarm(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    (done,), asked = rounds(monkeypatch, home, {"monitor": (PASSED, [], 0), "renew": (NOT_NEEDED, [], 0)}, [CALM])
    assert asked == ["monitor", "renew"]
    assert not done.alarm
    assert json.loads(json.dumps(done.document()))["renewed"]["decision"] == "not_needed"
    assert "health PASS" in done.summary()


def test_without_renewal_it_is_not_asked(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    assert rounds(monkeypatch, home, {"monitor": (PASSED, [], 0)}, [CALM], renewing=False)[1] == ["monitor"]


@pytest.mark.parametrize(
    ("verbs", "alarm"),
    [
        ({"monitor": ({**PASSED, "health": "FAIL"}, [], 3), "renew": (NOT_NEEDED, [], 0)}, True),
        ({"monitor": (PASSED, [], 0), "renew": ({**NOT_NEEDED, "decision": "held", "challenger": "2", "renewal": 1}, [], 3)}, True),
        ({"monitor": ({**PASSED, "health": "FAIL"}, [], 3), "renew": (WAITING, [], 3)}, True),
        ({"monitor": ({**PASSED, "health": "FAIL", "again": True}, [], 3), "renew": (WAITING, [], 3)}, False),
        ({"monitor": (PASSED, [], 0), "renew": (WAITING, [], 3)}, False),
        ({"monitor": ({**PASSED, "health": "FAIL", "again": True}, [], 3), "renew": ({**WAITING, "waits_for_labels": False}, [], 3)}, True),
        ({"monitor": (None, ["monitor: There is no batch."], 2), "renew": (None, ["renew: no batch"], 2)}, False),
        ({"monitor": (None, ["monitor ended with code -9."], -9)}, True),
    ],
)
def test_what_needs_a_person_is_an_alarm(monkeypatch: pytest.MonkeyPatch, home: Home, verbs: Any, alarm: bool) -> None:
    (done,), _ = rounds(monkeypatch, home, verbs, [CALM])
    assert done.alarm == alarm


def test_a_batch_that_was_refused_is_an_alarm_and_an_empty_inbox_is_none(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    verbs: dict[str, Any] = {"monitor": (None, ["monitor: x.csv lacks columns."], 2), "renew": (NOT_NEEDED, [], 0)}
    assert not rounds(monkeypatch, home, verbs, [CALM])[0][0].alarm
    home.inbox.mkdir()
    (home.inbox / "prod_batch_1.csv").write_text("a,b")
    assert rounds(monkeypatch, home, verbs, [CALM])[0][0].alarm


def test_an_inbox_out_of_reach_is_an_alarm(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    def away(home: Home, settings: Settings) -> bool:
        raise StorageUnavailable("The bucket does not answer.")

    monkeypatch.setattr(watch, "inbox_holds_a_batch", away)
    verbs: dict[str, Any] = {"monitor": (None, ["monitor: The bucket does not answer."], 2), "renew": (NOT_NEEDED, [], 0)}
    assert rounds(monkeypatch, home, verbs, [CALM])[0][0].alarm


def test_why_a_renewal_was_refused_is_said(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    refused = {**NOT_NEEDED, "decision": "refused", "challenger": "2", "renewal": 4, "reasons": ["Gate brier: worse."]}
    verbs: dict[str, Any] = {"monitor": (PASSED, [], 0), "renew": (refused, [], 3)}
    (done,), _ = rounds(monkeypatch, home, verbs, [CALM])
    assert "renewal: refused" in done.summary()
    assert "  Gate brier: worse." in done.summary().splitlines()


def test_an_empty_inbox_is_said_once_a_round(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    verbs: dict[str, Any] = {"monitor": (None, ["monitor: There is no batch."], 2), "renew": (None, ["renew: No batch."], 2)}
    (done,), _ = rounds(monkeypatch, home, verbs, [None])
    assert done.faults == ("monitor: There is no batch.",)


def test_errors_between_two_rounds_are_an_alert(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    verbs: dict[str, Any] = {"monitor": (PASSED, [], 0), "renew": (NOT_NEEDED, [], 0)}
    rounds(monkeypatch, home, verbs, [CALM, FAILING], count=2)
    assert standing(home) == ["errors"]


def test_a_service_that_is_away_for_a_round_is_compared_with_its_last_answer(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    verbs: dict[str, Any] = {"monitor": (PASSED, [], 0), "renew": (NOT_NEEDED, [], 0)}
    rounds(monkeypatch, home, verbs, [CALM, None, FAILING], count=3)
    assert standing(home) == ["errors"]


@pytest.mark.parametrize(("text", "seconds"), [("5s", 5), ("15m", 900), ("168h", int(timedelta(days=7).total_seconds()))])
def test_times_between_rounds(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "4s", "0m", "169h", "15", "-5m", "1.5h", "soon", "15m15m"])
def test_no_other_time_is_taken(text: str) -> None:
    with pytest.raises(InputRefused, match="--every"):
        seconds_of(text)


def test_a_renewal_that_nobody_has_told_of_is_told_by_the_round(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    ledger = open_ledger(sqlite_url(home.ledger))
    said = {"renewal": 4, "decision": "held", "reasons": ["Gate audit_positives: none."], "challenger": "2"}
    append_event(ledger, "ada", "renewal decided", said, NOW - timedelta(minutes=1))
    append_event(ledger, "ada", "renewal concluded", {"renewal": 3, "decision": "promoted", "reason": "old"}, NOW - timedelta(days=8))
    close_ledger(ledger)
    verbs: dict[str, Any] = {"monitor": (PASSED, [], 0), "renew": (NOT_NEEDED, [], 0)}
    rounds(monkeypatch, home, verbs, [CALM, CALM], count=2)
    ledger = open_ledger(sqlite_url(home.ledger))
    assert [event.document()["key"] for event in list_events(ledger, "alert raised")] == ["renewal:4:held"]
    close_ledger(ledger)
