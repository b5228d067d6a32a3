"""Estimates before labels: what labels drawn from the probabilities show on average, with intervals that hold as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tidegate.measures.classification import measure, roc_auc
from tidegate.monitoring.performance.calibration import calibration_uncertainty
from tidegate.monitoring.performance.estimate import Estimated, estimate, expected

METRICS = ("roc_auc", "pr_auc", "recall", "precision")


def drawn_labels(probability: np.ndarray, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(probability)) < probability).astype(np.int8)


@pytest.mark.parametrize(("count", "decimals"), [(300, 16), (2_000, 16), (2_000, 1)])
def test_the_expectation_is_the_mean_over_labels(count: int, decimals: int) -> None:
    probability = np.round(np.random.default_rng(5).beta(0.5, 3, count), decimals)
    found = expected(probability, 0.25)
    realised = [measure(drawn_labels(probability, seed), probability, 0.25) for seed in range(600)]
    for name in METRICS:
        values = np.array([one[name] for one in realised])
        noise = values.std() / math.sqrt(len(values))
        assert abs(values.mean() - found[name]) < 4 * noise + 1.5 / count, name


def test_intervals_hold_realised_values_as_often_as_they_say() -> None:
    probability = np.random.default_rng(6).beta(0.5, 3, 1_200)
    found = estimate(probability, 0.25, seed=1)
    held = dict.fromkeys(METRICS, 0)
    for seed in range(400):
        one = measure(drawn_labels(probability, 10_000 + seed), probability, 0.25)
        for name in METRICS:
            area = getattr(found, name)
            held[name] += area.low <= one[name] <= area.high
    for name, times in held.items():
        assert 0.91 <= times / 400 <= 0.985, name


def test_binned_intervals_are_those_of_single_customers() -> None:
    probability = np.random.default_rng(7).beta(0.5, 3, 40_000)
    found = estimate(probability, 0.25, seed=1)
    values = [measure(drawn_labels(probability, seed), probability, 0.25) for seed in range(120)]
    for name in METRICS:
        area = getattr(found, name)
        assert area.high - area.low == pytest.approx(2 * 1.96 * np.std([one[name] for one in values]), rel=0.25), name


def test_the_same_seed_says_the_same_and_order_does_not_matter() -> None:
    probability = np.random.default_rng(8).beta(0.5, 3, 500)
    first = estimate(probability, 0.25, seed=1)
    assert estimate(probability, 0.25, seed=1) == first
    again = estimate(probability[::-1].copy(), 0.25, seed=1)
    assert again.document()["roc_auc"] == pytest.approx(first.document()["roc_auc"])
    assert estimate(probability, 0.25, seed=2).roc_auc.low != first.roc_auc.low


def test_nobody_one_customer_and_sure_customers() -> None:
    nobody = estimate(np.empty(0), 0.5, seed=1)
    assert nobody.rows == 0
    assert nobody.document()["roc_auc"] == {"value": None, "low": None, "high": None}
    one = estimate(np.array([0.3]), 0.5, seed=1).document()
    assert (one["roc_auc"]["value"], one["precision"]["value"]) == (None, 0.0)
    stay = estimate(np.zeros(10), 0.5, seed=1).document()
    assert (stay["roc_auc"]["value"], stay["pr_auc"]["value"]) == (None, None)
    sure = estimate(np.array([0.0, 0.0, 1.0]), 0.5, seed=1)
    assert sure.roc_auc.value == sure.pr_auc.value == sure.recall.value == sure.precision.value == 1.0
    equal = estimate(np.full(1_000, 0.2), 0.5, seed=1)
    assert equal.roc_auc.value == pytest.approx(0.5)


def test_what_the_holdout_leaves_open_widens_intervals_and_moves_nothing() -> None:
    """Probabilities that are off as a calibration on 2,000 customers may be: the widened interval holds as often as it says."""
    generator = np.random.default_rng(9)
    reference, held = generator.beta(0.5, 3, 2_000), 0
    unsure = calibration_uncertainty(drawn_labels(reference, 1), reference)
    assert unsure is not None
    probability = generator.beta(0.5, 3, 20_000)
    sure, wide = estimate(probability, 0.25, seed=1), estimate(probability, 0.25, seed=1, uncertainty=unsure)
    assert wide.roc_auc.value == sure.roc_auc.value
    assert wide.roc_auc.high - wide.roc_auc.low > 1.5 * (sure.roc_auc.high - sure.roc_auc.low)
    log_odds = np.log(probability) - np.log1p(-probability)
    for seed in range(200):
        intercept, slope = np.random.default_rng((10, seed)).multivariate_normal([0, 1], unsure)
        truth = 1 / (1 + np.exp(-(intercept + slope * log_odds)))
        area = roc_auc(drawn_labels(truth, seed), probability)
        held += wide.roc_auc.low <= area <= wide.roc_auc.high
    assert 0.89 <= held / 200 <= 0.99


def test_an_uncertainty_that_cannot_be_told_is_none() -> None:
    label = np.array([0, 1] * 100, np.int8)
    assert calibration_uncertainty(label, np.full(200, 0.5)) is None
    assert calibration_uncertainty(label[:20], np.linspace(0.1, 0.9, 20)) is None
    covariance = calibration_uncertainty(label, np.linspace(0.1, 0.9, 200))
    assert covariance is not None
    more = calibration_uncertainty(
        np.append(label, np.full(50, -1)).astype(np.int8), np.append(np.linspace(0.1, 0.9, 200), np.full(50, 0.5))
    )
    assert np.array_equal(covariance, more)


@pytest.mark.parametrize("bad", [1.2, -0.1, math.nan])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        estimate(np.array([0.5, bad]), 0.5, seed=1)


def test_mistrust_is_said() -> None:
    found = estimate(np.array([0.1, 0.9]), 0.5, 1, trusted=False, why="Calibration has broken.")
    assert isinstance(found, Estimated)
    assert (found.document()["trusted"], found.document()["why"]) == (False, "Calibration has broken.")
