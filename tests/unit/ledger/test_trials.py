"""Who counts in an experiment, and from when."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tidegate.ledger import trials as module
from tidegate.ledger.connections import writing
from tidegate.ledger.experiments import Experiment, Mode, Terms, start_experiment
from tidegate.ledger.exposures import Shadow, record_shadows
from tidegate.ledger.joins import matured_predictions
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text
from tidegate.ledger.trials import NEVER, microseconds, read_trials

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Make = Callable[..., Prediction]


def started(ledger: Ledger, mode: Mode = "ab") -> Experiment:
    return start_experiment(ledger, Terms(mode, ("2", "t" * 64), ("7", "b" * 64), 0.5, 30), "salt", "ana", NOON)


def made(ledger: Ledger, *predictions: Prediction) -> None:
    with writing(ledger.engine) as connection:
        insert_predictions(connection, predictions)


def at(make: Make, number: int, day: float, who: int | None, **changes: object) -> Prediction:
    customer = None if who is None else f"{who:032x}"
    values = {"customer": customer, "created_at": time_text(NOON + day * DAY), "experiment_phase": 1, **changes}
    return make(number, **values)


def seen(who: int, day: float, outcome: int, recorded: float) -> Outcome:
    return Outcome(f"{who:032x}", time_text(NOON + day * DAY), outcome, "test", time_text(NOON + recorded * DAY))


def test_each_customer_is_tried_once_on_what_matured_in_the_experiment(ledger: Ledger, make: Make) -> None:
    experiment = started(ledger)
    made(
        ledger,
        at(make, 1, 1, 1, probability=0.1),
        at(make, 2, 2, 1, probability=0.9),  # the same customer again
        at(make, 3, 1.5, 2, probability=0.3, variant="treatment"),
        at(make, 4, 1, 3, experiment_phase=None),  # beside the experiment
        at(make, 5, 1, 4),  # no outcome
        at(make, 6, 20, 5),  # not matured
        at(make, 7, -1, 6, experiment_phase=None),
        at(make, 8, 1, None),  # nobody knows who
        at(make, 9, 1, 7),  # seen before the prediction, and after its horizon
    )
    told = [seen(who, 3, int(who == 1), 4) for who in (1, 2, 3, 6)] + [seen(5, 21, 1, 22), seen(7, 0.5, 1, 4), seen(7, 31.5, 1, 32)]
    record_outcomes(ledger, told, "ana", {}, NOON)
    found = read_trials(ledger, experiment, NOON + 40 * DAY)
    assert found.said.tolist() == [[0.1, 0.5], [0.3, 0.5]]
    assert found.treated.tolist() == [False, True]
    assert found.known()[1].tolist() == [1, 0]
    assert found.shadow is None


def test_an_outcome_counts_from_when_it_was_recorded(ledger: Ledger, make: Make) -> None:
    experiment = started(ledger)
    made(ledger, *(at(make, number, 1, number) for number in (1, 2, 3)))
    stayed_then_left = [seen(1, 5, 0, 6), seen(1, 20, 1, 45)]
    record_outcomes(ledger, [*stayed_then_left, seen(2, 9, 1, 10), seen(3, 9, 0, 60)], "ana", {}, NOON)
    found = read_trials(ledger, experiment, NOON + 90 * DAY)

    def labels(day: float) -> dict[int, int]:
        counted, label = found.known(NOON + day * DAY)
        return dict(zip((np.flatnonzero(counted) + 1).tolist(), label.tolist(), strict=True))

    assert labels(30.9) == {}  # recorded, and not matured
    assert labels(31) == {1: 0, 2: 1}
    assert labels(44.9) == {1: 0, 2: 1}
    assert labels(45) == {1: 1, 2: 1}  # seen on day 20, told on day 45
    assert labels(60) == {1: 1, 2: 1, 3: 0} == dict(zip((1, 2, 3), found.known()[1].tolist(), strict=True))
    assert found.last_change == NOON + 60 * DAY
    assert read_trials(ledger, experiment, NOON + 30 * DAY).last_change is None


def test_a_shadow_is_tried_on_the_customers_that_it_scored(ledger: Ledger, make: Make) -> None:
    experiment = started(ledger, "shadow")
    made(ledger, at(make, 1, 1, 1), at(make, 2, 1, 2), at(make, 3, 2, 1, probability=0.25))
    record_shadows(ledger, [Shadow("id-00000002", experiment.number + 1, 0.9, 0.5), Shadow("id-00000003", experiment.number, 0.8, 0.4)])
    record_outcomes(ledger, [seen(who, 3, 1, 4) for who in (1, 2)], "ana", {}, NOON)
    found = read_trials(ledger, experiment, NOON + 40 * DAY)
    assert found.shadow is not None
    assert (found.said.tolist(), found.shadow.tolist()) == ([[0.25, 0.5]], [[0.8, 0.4]])


@pytest.mark.parametrize("few", [0, 50_000])
def test_it_says_what_the_ledger_says_of_the_same_predictions(
    ledger: Ledger, make: Make, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(module, "_FEW", few)
    monkeypatch.setattr(module, "_PAGE", 7)
    experiment, draw, now = started(ledger), random.Random(5), NOON + 75 * DAY
    made(ledger, *(at(make, number, draw.uniform(0, 60), draw.randrange(60), probability=number / 200) for number in range(150)))
    told = [seen(who, draw.uniform(0, 80), draw.randrange(2), 90) for who in range(55) for _ in range(draw.randrange(4))]
    record_outcomes(ledger, told, "ana", {}, NOON)
    first: dict[str, tuple[float, int | None]] = {}
    for one in matured_predictions(ledger, now, 30, NOON):
        first.setdefault(str(one.customer), (one.probability, one.outcome))
    found = read_trials(ledger, experiment, now)
    expected = [one for one in first.values() if one[1] is not None]
    assert len(expected) > 20
    assert list(zip(found.said[:, 0].tolist(), found.known()[1].tolist(), strict=True)) == expected


def test_nothing_yet(ledger: Ledger) -> None:
    found = read_trials(ledger, started(ledger), NOON + 40 * DAY)
    assert (len(found.seen), found.said.shape, found.last_change) == (0, (0, 2), None)
    assert found.known(NOON)[1].tolist() == found.known()[1].tolist() == []
    assert microseconds(NOON) < NEVER
