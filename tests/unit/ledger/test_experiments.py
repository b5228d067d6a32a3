"""Experiments in the ledger: one at a time, a share that rises, an end that is written once; and what is read of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tidegate.errors import InputRefused
from tidegate.ledger.connections import reading, writing
from tidegate.ledger.events import list_events, verify_events
from tidegate.ledger.experiments import (
    CANARY_STOPPED,
    RAISED,
    STARTED,
    Experiment,
    Mode,
    Terms,
    find_experiment,
    raise_share,
    running_experiment,
    start_experiment,
    stop_experiment,
)
from tidegate.ledger.exposures import (
    Counts,
    Shadow,
    count_shadows,
    heard_in,
    read_counts,
    recent_predictions,
    record_shadows,
    split_by_phase,
    write_counts,
)
from tidegate.ledger.feedback import Feedback, record_feedback
from tidegate.ledger.predictions import Prediction, count_predictions, insert_predictions, sample_predictions
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text
from tidegate.ledger.trials import read_trials

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Make = Callable[..., Prediction]


def started(ledger: Ledger, share: float = 0.5, mode: Mode = "ab") -> Experiment:
    return start_experiment(ledger, Terms(mode, ("2", "t" * 64), ("7", "b" * 64), share, 30), "salt", "ana", NOON)


def made(ledger: Ledger, predictions: Sequence[Prediction]) -> None:
    with writing(ledger.engine) as connection:
        insert_predictions(connection, predictions)


def test_one_runs_at_a_time_and_each_step_is_an_event(ledger: Ledger) -> None:
    assert (running_experiment(ledger), find_experiment(ledger)) == (None, None)
    first = started(ledger)
    assert running_experiment(ledger) == first
    with pytest.raises(InputRefused, match=r"Experiment 1 .* is running"):
        started(ledger)
    raised = raise_share(ledger, 1, 0.8, "bob", NOON + DAY)
    assert [(phase.phase, phase.share, phase.who) for phase in raised.phases] == [(1, 0.5, "ana"), (2, 0.8, "bob")]
    for share in (0.8, 0.2):
        with pytest.raises(InputRefused, match="only rises"):
            raise_share(ledger, 1, share, "bob", NOON)
    assert stop_experiment(ledger, 1, "errors", "scoring API", NOON, CANARY_STOPPED, {"errors": 9})
    assert not stop_experiment(ledger, 1, "late", "ana", NOON)
    with pytest.raises(InputRefused, match="stopped meanwhile"):
        raise_share(ledger, 1, 0.9, "bob", NOON)
    second = started(ledger, 0.1)
    assert (second.number, second.phase.phase) == (2, 3)
    ended = find_experiment(ledger, 1)
    assert ended is not None
    assert (ended.stop_reason, ended.stopped_by) == ("errors", "scoring API")
    assert find_experiment(ledger) == second
    assert [event.what for event in list_events(ledger)] == [STARTED, CANARY_STOPPED, RAISED, STARTED]
    assert verify_events(ledger) == "ok"


def test_counts_are_replaced_by_their_server_and_added_up_over_all(ledger: Ledger) -> None:
    number = started(ledger).number
    first = Counts("treatment", 2, 1, 3, (1, 1), (0, 3))
    write_counts(ledger, number, "one", [first], NOON)
    write_counts(ledger, number, "one", [Counts("treatment", 4, 1, 6, (2, 2), (0, 6)), Counts("champion", 1, 0, 1, (1, 0), (1, 0))], NOON)
    write_counts(ledger, number, "two", [first], NOON)
    assert read_counts(ledger, number) == {
        "treatment": Counts("treatment", 6, 2, 9, (3, 3), (0, 9)),
        "champion": Counts("champion", 1, 0, 1, (1, 0), (1, 0)),
    }
    assert read_counts(ledger, number + 1) == {}


def test_customers_count_in_the_phase_in_which_they_came_first(ledger: Ledger, make: Make) -> None:
    started(ledger)
    experiment = raise_share(ledger, 1, 0.8, "ana", NOON)
    made(ledger, [make(1, experiment_phase=1), make(2, experiment_phase=1, variant="treatment"), make(3)])
    later = {"customer": f"{1:032x}", "experiment_phase": 2, "variant": "treatment"}
    made(ledger, [make(4, **later), make(5, experiment_phase=2, variant="treatment"), make(6, experiment_phase=2)])
    assert split_by_phase(ledger, experiment) == {1: {"champion": 1, "treatment": 1}, 2: {"champion": 1, "treatment": 1}}
    since = datetime(2026, 1, 2, tzinfo=UTC)
    assert recent_predictions(ledger, since, since + DAY) == {"champion": (3, 3), "treatment": (3, 3)}
    assert recent_predictions(ledger, since + DAY, since + 2 * DAY) == {}


def test_looking_at_an_experiment_fetches_no_row_and_sorts_nothing(ledger: Ledger, make: Make) -> None:
    """What its readers ask for stands in the index, in the order they want it: a reader that asks for more belongs into the index too."""
    if ledger.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by statistics, which so few rows do not have")
    started(ledger)
    experiment = raise_share(ledger, 1, 0.8, "ana", NOON)
    made(ledger, [make(number, experiment_phase=1 + number // 10) for number in range(20)])
    asked: list[tuple[str, Any]] = []
    sa.event.listen(ledger.engine, "before_cursor_execute", lambda _c, _k, statement, values, *_: asked.append((statement, values)))
    split_by_phase(ledger, experiment)
    read_trials(ledger, experiment, NOON + 100 * DAY)
    ours = [one for one in asked if "FROM predictions" in one[0]]
    assert len(ours) == 2
    for statement, values in ours:
        with reading(ledger.engine) as connection:
            plan = " ".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
        assert "USING COVERING INDEX predictions_experiment_phase" in plan
        assert "TEMP B-TREE" not in plan


def test_a_shadow_is_no_prediction_and_has_one_that_was_given(ledger: Ledger, make: Make) -> None:
    number = started(ledger, mode="shadow").number
    made(ledger, [make(1)])
    shadows = [Shadow("id-00000001", number, 0.9, 0.5), Shadow("never recorded", number, 0.9, 0.5)]
    assert record_shadows(ledger, shadows) == {"id-00000001"}
    assert (count_shadows(ledger, number), count_predictions(ledger), len(sample_predictions(ledger, 10))) == (1, 1, 1)


def test_what_was_heard_is_counted_by_arm(ledger: Ledger, make: Make) -> None:
    experiment = started(ledger)
    made(ledger, [make(3, variant="treatment", experiment_phase=1)])
    heard = Feedback("f", None, None, "id-00000003", None, "prediction_wrong", None, time_text(NOON), time_text(NOON))
    record_feedback(ledger, heard, "ana", {}, NOON)
    assert heard_in(ledger, experiment) == {"treatment": {"prediction_wrong": 1}}
