"""Bootstrap intervals: they repeat, they cover, they pair."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tidegate.measures.classification import at_threshold, composite, pr_auc, roc_auc
from tidegate.measures.intervals import bootstrap, composite_measure, paired_difference, pr_auc_measure, roc_auc_measure

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
