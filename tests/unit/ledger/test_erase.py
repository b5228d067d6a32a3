"""Erased customers: their rows in every table, only theirs, and no byte of them in the file."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from databases import Outsider
from tidegate.errors import LedgerUnavailable
from tidegate.ledger import erase as erasing
from tidegate.ledger import schema
from tidegate.ledger.campaigns import Assignment, record_campaign
from tidegate.ledger.connections import writing
from tidegate.ledger.erase import ALWAYS, PERSONAL, erase_customers, erase_predictions, prediction_ids, predictions_of, scrub
from tidegate.ledger.events import verify_events
from tidegate.ledger.exposures import Shadow, record_shadows
from tidegate.ledger.feedback import Feedback, record_feedback
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import Ledger, check_ledger
from tidegate.ledger.times import time_text

ANA, BEN = f"{1:032x}", f"{2:032x}"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)
Make = Callable[..., Prediction]


def fill(ledger: Ledger, make: Make, when: datetime = NOON, first: int = 1) -> None:
    """A prediction, feedback, an outcome and an assignment of two customers, and a prediction of nobody."""
    at = time_text(when)
    whom = [(ANA, first), (BEN, first + 1), (None, first + 2)]
    with writing(ledger.engine) as connection:
        insert_predictions(connection, [make(number, customer=one, created_at=at) for one, number in whom])
    for one, number in whom:
        said = Feedback(f"f{number}", None, None, f"id-{number:08d}", None, "will_leave", f"note {number}", at, at)
        record_feedback(ledger, said, "ana", {}, when)
        assert one is None or record_outcomes(ledger, [Outcome(one, at, 1, "test", at)], "ana", {}, when).added == 1
        assert one is None or record_outcomes(ledger, [Outcome(one, at, 0, "audit", at)], "ana", {}, when, audit=True).added == 1
    record_shadows(ledger, [Shadow(f"id-{number:08d}", 1, 0.5, 0.5) for _, number in whom])
    chosen = [Assignment(one, "treated", rank, 0.5, 1.0, 1.0, "7") for rank, one in enumerate((ANA, BEN), 1)]
    record_campaign(ledger, f"c{first}", {}, chosen, "ana", when)


def shadows(outsider: Outsider) -> list[str]:
    return [row[0] for row in outsider.execute("SELECT prediction_id FROM shadows ORDER BY prediction_id", []).fetchall()]


def rows(outsider: Outsider, customer: str) -> dict[str, int]:
    tables = [table.name for table, _ in PERSONAL]
    return {name: outsider.execute(f"SELECT count(*) FROM {name} WHERE customer = ?", [customer]).fetchone()[0] for name in tables}


def test_every_table_that_knows_customers_is_listed() -> None:
    knowing = {table.name for table in schema.metadata.sorted_tables if "customer" in table.c}
    assert knowing == {table.name for table, _ in PERSONAL}


def test_a_customer_goes_from_every_table_and_nobody_else(ledger: Ledger, outsider: Outsider, make: Make) -> None:
    fill(ledger, make)
    with writing(ledger.engine) as connection:
        found = erase_customers(connection, {ANA: ALWAYS, f"{9:032x}": ALWAYS})
    assert found == {"feedback": 1, "outcomes": 1, "audit_outcomes": 1, "assignments": 1, "predictions": 1, "shadows": 1}
    assert set(rows(outsider, ANA).values()) == {0}
    assert set(rows(outsider, BEN).values()) == {1}
    assert shadows(outsider) == ["id-00000002", "id-00000003"]
    scrub(ledger, [ANA])
    assert verify_events(ledger) == "ok"
    assert check_ledger(ledger) == "ok"
    with writing(ledger.engine) as connection:
        assert set(erase_customers(connection, {ANA: ALWAYS}).values()) == {0}
        assert erase_customers(connection, {}) == dict.fromkeys(
            ("feedback", "outcomes", "audit_outcomes", "assignments", "predictions", "shadows"), 0
        )


def test_only_what_was_written_until_then_goes(ledger: Ledger, outsider: Outsider, make: Make) -> None:
    fill(ledger, make)
    fill(ledger, make, LATER, first=11)
    with writing(ledger.engine) as connection:
        found = erase_customers(connection, {ANA: time_text(NOON), BEN: "2020-01-01T00:00:00.000000+00:00"})
    assert set(found.values()) == {1}
    assert set(rows(outsider, ANA).values()) == {1}, "who came back after an erasure is a new customer"
    assert set(rows(outsider, BEN).values()) == {2}


def test_a_prediction_goes_by_its_id_with_what_was_heard_of_it(ledger: Ledger, outsider: Outsider, make: Make) -> None:
    fill(ledger, make)
    with writing(ledger.engine) as connection:
        assert erase_predictions(connection, ["id-00000003", "unknown"]) == {"feedback": 1, "predictions": 1, "shadows": 1}
        assert erase_predictions(connection, []) == {"feedback": 0, "predictions": 0, "shadows": 0}
    assert sorted(prediction_ids(ledger)) == ["id-00000001"] * 3 + ["id-00000002"] * 3


def many(ledger: Ledger, make: Make, secure: bool) -> list[Prediction]:
    made = [make(number, customer=hashlib.md5(b"%d" % number).hexdigest()) for number in range(3_000)]
    for start in range(0, len(made), 30):
        with writing(ledger.engine) as connection:
            if not secure:
                connection.exec_driver_sql("PRAGMA secure_delete=OFF")  # as most builds of SQLite have it, and older ledgers were written
            insert_predictions(connection, made[start : start + 30])
    return made


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("count", [40, 300])  # searched for one by one, and too many for that
def test_no_byte_is_left_in_file_or_log(ledger: Ledger, path: Path, make: Make, secure: bool, count: int) -> None:
    gone = {str(one.customer): one.prediction_id for one in many(ledger, make, secure)[:: 3_000 // count]}
    with sqlite3.connect(path) as reader:  # another process that only has it open
        reader.execute("SELECT count(*) FROM predictions").fetchone()
        with writing(ledger.engine) as connection:
            assert predictions_of(connection, gone) == set(gone.values())
            assert erase_customers(connection, dict.fromkeys(gone, ALWAYS))["predictions"] == len(gone) == count
        reader.commit()
        scrub(ledger, {*gone, *gone.values()})
    left = b"".join(place.read_bytes() for place in path.parent.glob("ledger.db*"))
    assert [one for pair in gone.items() for one in pair if one.encode() in left] == []
    assert b"id-00000001" in left


def test_a_ledger_written_as_now_is_not_written_anew(ledger: Ledger, path: Path, make: Make) -> None:
    """Writing it anew would hold up whoever writes for seconds."""
    made, ran = many(ledger, make, secure=True), []
    sa.event.listen(ledger.engine, "connect", lambda connection, _: connection.set_trace_callback(ran.append))
    with writing(ledger.engine) as connection:
        erase_customers(connection, {str(made[5].customer): ALWAYS})
    ledger.engine.dispose()
    scrub(ledger, [str(made[5].customer), made[5].prediction_id])
    assert any("wal_checkpoint" in one for one in ran)
    assert "VACUUM" not in ran
    scrub(ledger, [made[6].prediction_id])
    assert "VACUUM" in ran, "as for one that is still found"


def test_a_log_that_is_held_is_said(ledger: Ledger, path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "SCRUB_SECONDS", 0.1)
    monkeypatch.setattr(erasing, "_BUSY_MS", 10)
    fill(ledger, make)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM predictions").fetchone()
    with writing(ledger.engine) as connection:
        erase_customers(connection, {ANA: ALWAYS})
    with pytest.raises(LedgerUnavailable, match="the ledger's log"):
        scrub(ledger, [ANA])
    reader.close()
    scrub(ledger, [ANA])
    assert ANA.encode() not in b"".join(place.read_bytes() for place in path.parent.glob("ledger.db*"))
