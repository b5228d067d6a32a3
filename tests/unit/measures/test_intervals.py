"""Bootstrap intervals: they repeat, they cover, they pair."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tidegate.measures import classification
from tidegate.measures.classification import at_threshold, composite, measure, pr_auc, roc_auc
from tidegate.measures.intervals import (
    bootstrap,
    composite_measure,
    measured,
    paired_difference,
    pr_auc_measure,
    roc_auc_measure,
    wilson,
)

GENERATOR = np.random.default_rng(0)
LABEL = (GENERATOR.random(600) < 0.2).astype(np.int8)
GOOD = np.clip(GENERATOR.normal(0.2 + 0.4 * LABEL, 0.2), 0, 1)
POOR = np.clip(GENERATOR.normal(0.2 + 0.1 * LABEL, 0.2), 0, 1)


def mean_of(values: np.ndarray):  # type: ignore[no-untyped-def]
    return lambda weights: float(np.average(values, weights=weights))


def test_the_value_is_that_of_all_rows_once() -> None:
    assert bootstrap(roc_auc_measure(LABEL, GOOD), 600, 1, draws=20).value == roc_auc(LABEL, GOOD)
    assert bootstrap(pr_auc_measure(LABEL, GOOD), 600, 1, draws=20).value == pr_auc(LABEL, GOOD)
    expected = composite(roc_auc(LABEL, GOOD), at_threshold(LABEL, GOOD, 0.4))
    assert bootstrap(composite_measure(LABEL, GOOD, 0.4), 600, 1, draws=20).value == expected


def test_an_interval_repeats_under_its_seed_and_surrounds_the_value() -> None:
    first = bootstrap(roc_auc_measure(LABEL, GOOD), 600, 7)
    assert bootstrap(roc_auc_measure(LABEL, GOOD), 600, 7) == first
    assert bootstrap(roc_auc_measure(LABEL, GOOD), 600, 8) != first
    assert first.low < first.value < first.high
    assert bootstrap(roc_auc_measure(LABEL, GOOD), 600, 7, level=0.5).low > first.low


def test_the_interval_of_a_mean_has_the_width_of_theory() -> None:
    values = np.random.default_rng(3).normal(size=800)
    interval = bootstrap(mean_of(values), 800, 0, draws=1000)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(800), rel=0.1)


def test_ninety_five_in_a_hundred_intervals_cover_the_truth() -> None:
    generator = np.random.default_rng(5)
    hits = 0
    for trial in range(200):
        interval = bootstrap(mean_of(generator.normal(size=120)), 120, trial, draws=150)
        hits += interval.low <= 0 <= interval.high
    assert 178 <= hits <= 199


def test_two_models_are_compared_on_the_same_customers() -> None:
    first, second = roc_auc_measure(LABEL, GOOD), roc_auc_measure(LABEL, POOR)
    difference = paired_difference(first, second, 600, 0)
    assert difference.value == pytest.approx(roc_auc(LABEL, GOOD) - roc_auc(LABEL, POOR))
    assert difference.low > 0
    same = paired_difference(first, first, 600, 0)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    nearly = paired_difference(first, roc_auc_measure(LABEL, GOOD + 1e-3 * POOR), 600, 0)
    alone = bootstrap(first, 600, 0)
    assert nearly.high - nearly.low < (alone.high - alone.low) / 5


@pytest.mark.filterwarnings("error")
def test_draws_without_a_class_are_left_out() -> None:
    label = np.array([1, *[0] * 9], np.int8)
    interval = bootstrap(roc_auc_measure(label, np.linspace(1, 0, 10)), 10, 0)
    assert (interval.low, interval.value, interval.high) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("threshold", [0.0, 0.4, 1.1])
def test_every_measure_has_an_interval_around_its_exact_value(threshold: float) -> None:
    found = measured(LABEL, GOOD, threshold, seed=3)
    assert {name: interval.value for name, interval in found.items()} == measure(LABEL, GOOD, threshold)
    assert all(interval.low <= interval.value <= interval.high for interval in found.values())


def test_measured_together_or_alone_the_interval_is_the_same() -> None:
    found = measured(LABEL, GOOD, 0.4, seed=3, draws=60)
    alone = {
        "roc_auc": roc_auc_measure(LABEL, GOOD),
        "pr_auc": pr_auc_measure(LABEL, GOOD),
        "composite": composite_measure(LABEL, GOOD, 0.4),
        "brier": lambda weights: classification.brier(LABEL, GOOD, weights),
        "log_loss": lambda weights: classification.log_loss(LABEL, GOOD, weights),
        **{
            name: lambda weights, name=name: at_threshold(LABEL, GOOD, 0.4, weights)[name]
            for name in ("f1", "precision", "recall", "accuracy")
        },
    }
    for name, one in alone.items():
        expected = bootstrap(one, 600, 3, draws=60)
        assert (found[name].low, found[name].high) == pytest.approx((expected.low, expected.high), abs=1e-12), name
    assert set(found) == {*alone, "expected_calibration_error"}


def test_the_calibration_errors_interval_is_not_lifted_by_the_noise_of_the_draws() -> None:
    generator = np.random.default_rng(11)
    probability = generator.uniform(0.05, 0.5, 800)
    label = (generator.random(800) < probability).astype(np.int8)
    found = measured(label, probability, 0.3, seed=0)["expected_calibration_error"]
    raw = bootstrap(lambda weights: classification.expected_calibration_error(label, probability, weights=weights), 800, 0)
    assert 0 <= found.low < found.value < found.high < raw.high


@pytest.mark.filterwarnings("error")
def test_one_class_alone_has_no_roc_auc_and_everything_else() -> None:
    found = measured(np.zeros(20, np.int8), np.linspace(0, 1, 20), 0.5, seed=0, draws=20)
    assert math.isnan(found["roc_auc"].value)
    assert math.isnan(found["roc_auc"].low)
    assert found["brier"].low < found["brier"].high
    seldom = measured(np.array([1, *[0] * 9], np.int8), np.linspace(1, 0, 10), 0.5, seed=0)["roc_auc"]
    assert (seldom.low, seldom.value, seldom.high) == (1.0, 1.0, 1.0)


def test_an_interval_of_a_share_is_wilsons() -> None:
    from scipy.stats import binomtest

    for successes, count in ((0, 1), (3, 10), (10, 10), (17, 400)):
        expected = binomtest(successes, count).proportion_ci(method="wilson")
        found = wilson(successes, count)
        assert (found.low, found.value, found.high) == pytest.approx((expected.low, successes / count, expected.high), abs=1e-6)
        assert 0 <= found.low <= found.value <= found.high <= 1
    nothing = wilson(0, 0)
    assert math.isnan(nothing.value)
    assert (nothing.low, nothing.high) == (0.0, 1.0)
