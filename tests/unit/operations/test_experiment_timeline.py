"""The evidence of an experiment at earlier times: nobody there knows what was recorded later."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tidegate.ledger.connections import writing
from tidegate.ledger.experiments import Experiment, Terms, find_experiment, start_experiment, stop_experiment
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.ledger.times import time_text
from tidegate.ledger.trials import read_trials
from tidegate.operations.experiment_status import status
from tidegate.operations.experiment_timeline import Timeline, timeline

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MANY = 800


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(sqlite_url(tmp_path / "ledger.db"))
    yield opened
    close_ledger(opened)


def filled(ledger: Ledger) -> Experiment:
    """40 days of customers, a horizon of 10; each outcome is recorded two days after its horizon. The treatment knows nothing."""
    experiment = start_experiment(ledger, Terms("ab", ("2", "t" * 64), ("1", "b" * 64), 0.5, 10), "salt", "ana", START)
    draw, predictions, outcomes = random.Random(1), [], []
    for number in range(MANY):
        made, left, treated = START + number * 40 * DAY / MANY, int(draw.random() < 0.3), number % 2
        score = draw.random() if treated else 0.7 * left + 0.3 * draw.random()
        variant, customer = ("champion", "treatment")[treated], f"{number:032x}"
        values = (str(1 + treated), "b" * 64, variant, score, 0.5, int(score >= 0.5), "{}", "predict", time_text(made), 1)
        predictions.append(Prediction(f"p-{number:05d}", None, None, customer, *values))
        outcomes.append(Outcome(customer, time_text(made + 9 * DAY), left, "test", time_text(made + 12 * DAY)))
    with writing(ledger.engine) as connection:
        insert_predictions(connection, predictions)
    record_outcomes(ledger, outcomes, "ana", {}, START)
    return experiment


def seen_at(ledger: Ledger, now: datetime, points: int = 14) -> Timeline:
    experiment = find_experiment(ledger)
    assert experiment is not None
    return timeline(experiment, read_trials(ledger, experiment, now), now, points)


def test_the_last_point_is_the_present_status(ledger: Ledger) -> None:
    filled(ledger)
    now = START + 60 * DAY
    found, present = seen_at(ledger, now), status(ledger, None, now)
    last = found.points[-1]
    assert (last.at, last.judgement) == (now, present.judgement)
    assert last.control == (present.control.matured, present.control.left)
    assert last.treatment == (present.treatment.matured, present.treatment.left)
    assert present.verdict == "treatment worse"
    assert len(found.points) == 14
    assert found.begins == START + 10 * DAY


def test_an_earlier_point_is_what_was_known_then(ledger: Ledger) -> None:
    """Looked at later, each day shows what the status of that day showed, when later outcomes were not there yet."""
    filled(ledger)
    found = seen_at(ledger, START + 60 * DAY, points=10)
    assert [(one.at - START) / DAY for one in found.points] == [15, 20, 25, 30, 35, 40, 45, 50, 55, 60]
    for point in found.points:
        days = (point.at - START) / DAY - 12
        assert sum(one[0] for one in (point.control, point.treatment)) == min(MANY, int(days * MANY / 40) + 1)
    widths = [one.judgement.measures["roc_auc"].difference for one in found.points[3:8]]
    assert [one.high - one.low for one in widths] == sorted((one.high - one.low for one in widths), reverse=True)
    assert found.points[0].judgement.measures == {}


def test_the_past_does_not_change_when_outcomes_come(ledger: Ledger) -> None:
    filled(ledger)
    now = START + 60 * DAY
    before = seen_at(ledger, now)
    late = [Outcome(f"{number:032x}", time_text(START + 9.5 * DAY), 1, "late", time_text(now)) for number in range(10)]
    record_outcomes(ledger, late, "ana", {}, now)
    after = seen_at(ledger, now)
    assert after.points[:-1] == before.points[:-1]
    assert after.points[-1].control[1] > before.points[-1].control[1]


def test_a_stopped_one_goes_on_until_its_last_outcome_came(ledger: Ledger) -> None:
    filled(ledger)
    stop_experiment(ledger, 1, "enough", "ana", START + 40 * DAY)
    found = seen_at(ledger, START + 300 * DAY)
    assert found.points[-1].at == START + (MANY - 1) * 40 * DAY / MANY + 12 * DAY
    assert found.points[-1].control[0] + found.points[-1].treatment[0] == MANY
    assert seen_at(ledger, START + 42 * DAY).points[-1].at == START + 42 * DAY


def test_where_nothing_can_have_matured_there_is_one_point(ledger: Ledger) -> None:
    experiment = filled(ledger)
    found = seen_at(ledger, START + 9 * DAY)
    (only,) = found.points
    assert (only.control, only.treatment, only.judgement.verdict) == ((0, 0), (0, 0), "not enough evidence")
    early = replace(experiment, stopped_at=time_text(START + DAY))
    (only,) = timeline(early, read_trials(ledger, early, START + 9 * DAY), START + 9 * DAY).points
    assert only.at == START + 9 * DAY


def test_the_document(ledger: Ledger) -> None:
    filled(ledger)
    told = seen_at(ledger, START + 60 * DAY).document()
    assert set(told) == {"experiment", "at", "begins_at", "points"}
    last = told["points"][-1]
    assert last["control"] == {"matured": MANY / 2, "left": last["control"]["left"]}
    assert set(last["measures"]["roc_auc"]) == {"difference", "level", "word"}
    assert set(last["measures"]["roc_auc"]["difference"]) == {"value", "low", "high"}
