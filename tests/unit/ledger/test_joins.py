"""Predictions with what came after them: by customer and time, matured only, page by page."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from databases import Outsider
from tidegate.ledger import joins as joins_module
from tidegate.ledger.connections import writing
from tidegate.ledger.feedback import Feedback, record_feedback
from tidegate.ledger.joins import heard_predictions, matured_predictions
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)
DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)
Make = Callable[..., Prediction]


def customer(number: int) -> str:
    return f"{number:032x}"


@pytest.fixture
def predict(ledger: Ledger, make: Make) -> Callable[..., None]:
    def predict_at(*numbers: int, at: datetime = LONG_AGO, **changes: object) -> None:
        with writing(ledger.engine) as connection:
            insert_predictions(connection, [make(number, created_at=time_text(at), **changes) for number in numbers])

    return predict_at


def seen(ledger: Ledger, *outcomes: tuple[int, datetime, int]) -> None:
    rows = [Outcome(customer(number), time_text(at), left, "test", time_text(NOW)) for number, at, left in outcomes]
    record_outcomes(ledger, rows, "ana", {}, NOW)


def found(ledger: Ledger, horizon: int = 30, since: datetime | None = None) -> list[tuple[int, int | None]]:
    return [(int(one.prediction_id[3:]), one.outcome) for one in matured_predictions(ledger, NOW, horizon, since)]


def test_who_was_seen_to_leave_within_the_horizon_has_left(ledger: Ledger, predict: Callable[..., None]) -> None:
    predict(*range(8))
    end = LONG_AGO + 30 * DAY
    seen(ledger, (0, LONG_AGO - MOMENT, 1))  # before it
    seen(ledger, (1, LONG_AGO, 1))
    seen(ledger, (2, end, 1))
    seen(ledger, (3, end + MOMENT, 1))  # after the horizon
    seen(ledger, (4, LONG_AGO - DAY, 0), (4, LONG_AGO + DAY, 1), (4, LONG_AGO + 2 * DAY, 0))
    seen(ledger, (5, LONG_AGO + DAY, 0))
    seen(ledger, (6, LONG_AGO + DAY, 0), (6, LONG_AGO + 20 * DAY, 1), (6, LONG_AGO + 25 * DAY, 1))  # stayed for a while
    seen(ledger, (7, LONG_AGO + DAY, 0), (7, LONG_AGO + 2 * DAY, 0), (7, end + MOMENT, 1))
    seen(ledger, (77, LONG_AGO + DAY, 1))  # somebody else
    predict(8)
    assert found(ledger) == [(0, None), (1, 1), (2, 1), (3, None), (4, 1), (5, 0), (6, 1), (7, 0), (8, None)]
    at = {int(one.prediction_id[3:]): one.observed_at for one in matured_predictions(ledger, NOW, 30)}
    assert (at[2], at[3], at[8]) == (time_text(end), None, None)
    assert (at[6], at[7]) == (time_text(LONG_AGO + 20 * DAY), time_text(LONG_AGO + DAY))


def test_what_was_predicted_comes_with_it(ledger: Ledger, predict: Callable[..., None]) -> None:
    predict(3, probability=0.1 + 0.2, model_version="12", variant="treatment", prediction=1)
    (one,) = matured_predictions(ledger, NOW, 30)
    assert (one.prediction_id, one.customer, one.created_at) == ("id-00000003", customer(3), time_text(LONG_AGO))
    assert (one.probability, one.threshold, one.prediction) == (0.1 + 0.2, 0.5, 1)
    assert (one.model_version, one.variant) == ("12", "treatment")


def test_younger_predictions_wait_even_with_an_outcome(ledger: Ledger, predict: Callable[..., None]) -> None:
    predict(1, at=NOW - 30 * DAY)
    predict(2, at=NOW - 30 * DAY + MOMENT)
    seen(ledger, (1, NOW, 1), (2, NOW, 1))
    assert found(ledger, 30) == [(1, 1)]
    assert found(ledger, 29) == [(1, None), (2, None)]
    assert found(ledger, 0) == [(1, None), (2, None)]
    assert found(ledger, 30, NOW - 30 * DAY) == [(1, 1)]
    assert found(ledger, 30, NOW - 30 * DAY + MOMENT) == []


def test_each_prediction_of_a_customer_has_its_own_outcome(ledger: Ledger, predict: Callable[..., None]) -> None:
    for number in range(4):
        predict(number, at=LONG_AGO + number * DAY, customer=customer(9))
    predict(5, at=LONG_AGO + 5 * DAY, customer=None)
    seen(ledger, (9, LONG_AGO + DAY, 0), (9, LONG_AGO + 2 * DAY + MOMENT, 1))
    assert found(ledger) == [(0, 1), (1, 1), (2, 1), (3, None), (5, None)]


@pytest.mark.parametrize("page", [1, 2, 3, 7, 50])
def test_pages_of_any_size_give_each_prediction_once_and_in_order(
    ledger: Ledger, predict: Callable[..., None], monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(joins_module, "_PAGE", page)
    # many made at the same moment, as a batch is
    for start in range(0, 20, 5):
        predict(*reversed(range(start, start + 5)), at=LONG_AGO + start * DAY)
    seen(ledger, *((number, NOW - 70 * DAY, number % 2) for number in range(20)))
    assert found(ledger) == [(number, number % 2) for number in range(20)]


def test_an_empty_ledger_and_what_makes_no_sense(ledger: Ledger) -> None:
    assert found(ledger) == []
    assert list(heard_predictions(ledger)) == []
    with pytest.raises(ValueError, match="horizon"):
        found(ledger, -1)
    with pytest.raises(ValueError, match="time zone"):
        next(matured_predictions(ledger, datetime(2026, 3, 1), 30))


def test_the_reader_keeps_nobody_waiting(
    ledger: Ledger, outsider: Outsider, predict: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins_module, "_PAGE", 2)
    predict(1, 2, 3)
    reader = matured_predictions(ledger, NOW, 30)
    next(reader)
    outsider.hold()
    outsider.execute("DELETE FROM predictions WHERE prediction_id = 'id-00000003'")
    outsider.release()
    assert [one.prediction_id for one in reader] == ["id-00000002"]


def test_a_prediction_costs_look_ups_by_key_and_no_walk_through_all(path: Path, ledger: Ledger) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_others: object) -> None:
        asked.append((statement, values))

    sa.event.listen(ledger.engine, "before_cursor_execute", note)
    assert list(matured_predictions(ledger, NOW, 30)) == list(heard_predictions(ledger)) == []
    sa.event.remove(ledger.engine, "before_cursor_execute", note)
    with sqlite3.connect(path) as raw:
        steps = [row[3] for statement, values in asked for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert [step for step in steps if step.startswith("SCAN") and "page" not in step and "anon" not in step] == []
    assert sum("outcomes USING" in step and "customer=?" in step and "observed_at>?" in step for step in steps) == 2, steps
    assert any("predictions USING INDEX predictions_created_at" in step for step in steps), steps


def test_what_was_heard_comes_with_the_prediction_it_is_about(
    ledger: Ledger, predict: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joins_module, "_PAGE", 2)
    predict(1, 2, model_version="7")
    predict(3, model_version="8", variant="treatment")
    for number, about in enumerate((1, 1, 3, 2, 3)):
        at = time_text(NOW - number * DAY)
        named = Feedback(f"f{number}", None, None, f"id-{about:08d}", None, "will_leave", "a note", at, time_text(NOW))
        record_feedback(ledger, named, "ana", {}, NOW)
    early = Feedback("f9", None, None, None, customer(1), "other", None, time_text(LONG_AGO - DAY), time_text(NOW))
    assert record_feedback(ledger, early, "ana", {}, NOW).prediction_id is None
    all_of_it = list(heard_predictions(ledger))
    assert [(one.feedback_id, one.prediction_id, one.model_version, one.variant) for one in all_of_it] == [
        ("f0", "id-00000001", "7", "champion"),
        ("f1", "id-00000001", "7", "champion"),
        ("f2", "id-00000003", "8", "treatment"),
        ("f3", "id-00000002", "7", "champion"),
        ("f4", "id-00000003", "8", "treatment"),
    ]
    assert (all_of_it[2].heard, all_of_it[2].at, all_of_it[2].customer) == ("will_leave", time_text(NOW - 2 * DAY), customer(3))
    assert [one.feedback_id for one in heard_predictions(ledger, NOW - DAY)] == ["f0", "f1"]
