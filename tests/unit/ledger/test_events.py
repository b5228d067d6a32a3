"""The audit trail shows every change made behind its back."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from databases import Outsider
from tidegate.ledger.events import append_event, list_events, verify_events
from tidegate.ledger.store import Ledger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def trail(ledger: Ledger) -> Ledger:
    for number in range(1, 6):
        assert append_event(ledger, "ana", "promote" if number % 2 else "rollback", {"version": number}, NOON) == number
    return ledger


def test_events_come_back_newest_first(trail: Ledger) -> None:
    listed = list_events(trail)
    assert [event.sequence for event in listed] == [5, 4, 3, 2, 1]
    assert listed[0].at == "2026-03-01T12:00:00.000000+00:00"
    assert listed[0].evidence == '{"version":5}'
    assert [event.sequence for event in list_events(trail, what="rollback")] == [4, 2]
    assert [event.sequence for event in list_events(trail, limit=2)] == [5, 4]
    assert list_events(trail, what="nothing") == []


def test_an_untouched_trail_is_ok(ledger: Ledger) -> None:
    assert verify_events(ledger) == "ok"
    evidence = {"b": [1, 2.5, None, True], "a": {"z": "Zoë", "y": "\ud800"}}
    append_event(ledger, "Zoë", "promote", evidence, NOON)
    assert list_events(ledger)[0].evidence == '{"a":{"y":"\\ud800","z":"Zo\\u00eb"},"b":[1,2.5,null,true]}'
    assert verify_events(ledger) == "ok"


def test_the_hash_is_the_one_older_trails_were_written_with(ledger: Ledger) -> None:
    append_event(ledger, "ana", "promote", {"version": 7}, NOON)
    append_event(ledger, "ana", "rollback", {"version": 6}, NOON)
    second, first = list_events(ledger)
    text = '{"at":"2026-03-01T12:00:00.000000+00:00","evidence":"{\\"version\\":7}","sequence":1,"what":"promote","who":"ana"}'
    assert first.previous == "0" * 64
    assert first.hash == hashlib.sha256(("0" * 64 + text).encode()).hexdigest()
    assert second.previous == first.hash


def test_times_are_kept_in_utc(ledger: Ledger) -> None:
    append_event(ledger, "ana", "promote", {}, datetime(2026, 3, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))))
    assert list_events(ledger)[0].at == "2026-03-01T12:00:00.000005+00:00"


def test_what_cannot_be_written_down_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="time zone"):
        append_event(ledger, "ana", "promote", {}, datetime(2026, 3, 1))
    with pytest.raises(ValueError, match="JSON"):
        append_event(ledger, "ana", "promote", {"auc": float("nan")}, NOON)
    with pytest.raises(TypeError):
        append_event(ledger, "ana", "promote", {"model": object()}, NOON)
    assert list_events(ledger) == []


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE events SET evidence = '{\"version\":9}' WHERE sequence = 3", 3),
        ("UPDATE events SET at = '2026-03-01T12:00:00.000001+00:00' WHERE sequence = 1", 1),
        ("UPDATE events SET who = 'bob' WHERE sequence = 5", 5),
        ("UPDATE events SET what = 'promotE' WHERE sequence = 2", 2),
        ("UPDATE events SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE sequence = 4", 4),
        ("UPDATE events SET previous = 'x' WHERE sequence = 2", 2),
        ("DELETE FROM events WHERE sequence = 3", 3),
        ("DELETE FROM events WHERE sequence = 1", 1),
        ("DELETE FROM events WHERE sequence IN (2, 3, 4)", 2),
        ("UPDATE events SET sequence = CASE sequence WHEN 2 THEN 30 WHEN 3 THEN 2 ELSE sequence END WHERE sequence IN (2, 3)", 2),
        ("UPDATE events SET sequence = 0 WHERE sequence = 1", 1),
    ],
)
def test_every_change_is_found_at_its_place(trail: Ledger, outsider: Outsider, change: str, broken: int) -> None:
    assert outsider.execute(change).rowcount > 0
    verdict = verify_events(trail)
    assert f"at event {broken}:" in verdict
    assert "missing" in verdict or "DELETE" not in change


def test_a_row_taken_out_with_its_gap_closed_is_found(trail: Ledger, outsider: Outsider) -> None:
    outsider.execute("DELETE FROM events WHERE sequence = 3")
    for sequence in (4, 5):
        outsider.execute("UPDATE events SET sequence = ? WHERE sequence = ?", (sequence - 1, sequence))
    assert "at event 3: it does not follow" in verify_events(trail)


WORKER = """
import sys
from datetime import UTC, datetime
from tidegate.ledger.events import append_event
from tidegate.ledger import connections
from tidegate.ledger.store import open_ledger
connections.BUSY_TIMEOUT_MS = 60_000  # of four who write without a pause, one may wait long
ledger = open_ledger(sys.argv[1])
for number in range(40):
    append_event(ledger, "worker", "tick", {"number": number}, datetime.now(UTC))
"""


def test_threads_and_processes_keep_one_chain(ledger: Ledger) -> None:
    children = [subprocess.Popen([sys.executable, "-c", WORKER, ledger.url]) for _ in range(2)]
    threads = [threading.Thread(target=lambda: [append_event(ledger, "thread", "tick", {}, NOON) for _ in range(40)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [child.wait(300) for child in children] == [0, 0]
    assert [event.sequence for event in list_events(ledger, limit=1000)] == list(range(160, 0, -1))
    assert verify_events(ledger) == "ok"
