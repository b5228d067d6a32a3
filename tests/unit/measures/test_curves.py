"""Curves over all thresholds, against scikit-learn and by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn import metrics

from tidegate.measures.classification import expected_calibration_error
from tidegate.measures.curves import calibration_table, gain, threshold_curve

GENERATOR = np.random.default_rng(4)
LABEL = (GENERATOR.random(3000) < 0.2).astype(np.int8)
PROBABILITY = np.clip(GENERATOR.normal(0.2 + 0.4 * LABEL, 0.2), 0, 1)
COARSE = np.round(PROBABILITY, 1)


@pytest.mark.parametrize("probability", [PROBABILITY, COARSE])
def test_the_unthinned_curve_is_that_of_scikit_learn(probability: np.ndarray) -> None:
    curve = threshold_curve(LABEL, probability, points=len(LABEL))
    false_positive_rate, recall, threshold = metrics.roc_curve(LABEL, probability, drop_intermediate=False)
    assert curve.threshold == pytest.approx(threshold[1:])
    assert curve.false_positive_rate == pytest.approx(false_positive_rate[1:])
    assert curve.recall == pytest.approx(recall[1:])
    precision, _, _ = metrics.precision_recall_curve(LABEL, probability)
    assert curve.precision == pytest.approx(precision[:-1][::-1])
    assert curve.share_contacted == pytest.approx([(probability >= one).mean() for one in curve.threshold])


def test_a_thinned_curve_keeps_its_ends_and_its_area() -> None:
    curve = threshold_curve(LABEL, PROBABILITY, points=100)
    assert len(curve.threshold) == 100
    assert curve.threshold[[0, -1]].tolist() == [PROBABILITY.max(), PROBABILITY.min()]
    area = np.trapezoid(np.append(0, curve.recall), np.append(0, curve.false_positive_rate))
    assert area == pytest.approx(metrics.roc_auc_score(LABEL, PROBABILITY), abs=2e-3)


@pytest.mark.filterwarnings("error")
def test_a_curve_without_leavers_has_no_recall() -> None:
    curve = threshold_curve(np.zeros(3, np.int8), np.array([0.1, 0.2, 0.3]))
    assert np.isnan(curve.recall).all()
    assert curve.precision.tolist() == [0, 0, 0]


def test_gain_counts_leavers_among_the_highest() -> None:
    shares = np.array([0.1, 0.25, 1.0])
    found = gain(LABEL, PROBABILITY, shares)
    first = LABEL[np.argsort(-PROBABILITY, kind="stable")]
    by_hand = [first[: round(share * 3000)].sum() / LABEL.sum() for share in shares]
    assert found.share_found == pytest.approx(by_hand)
    assert found.lift == pytest.approx(np.array(by_hand) / shares)
    assert found.lift[-1] == pytest.approx(1.0)


def test_among_equal_probabilities_gain_is_what_a_random_order_finds() -> None:
    found = gain(np.array([1, 0, 0, 0, 1], np.int8), np.full(5, 0.3), np.array([0.2, 0.5, 1.0]))
    assert found.share_found == pytest.approx([0.2, 0.5, 1.0])
    assert found.lift == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("probability", [PROBABILITY, COARSE, np.full(3000, 0.25)])
def test_the_calibration_table_adds_up_to_the_calibration_error(probability: np.ndarray) -> None:
    table = calibration_table(LABEL, probability)
    assert sum(group.count for group in table) == 3000
    distance = sum(group.count * abs(group.said - group.happened.value) for group in table) / 3000
    assert distance == pytest.approx(expected_calibration_error(LABEL, probability), abs=1e-12)
    assert all(lower.highest < upper.lowest for lower, upper in pairwise(table))
    assert all(group.lowest <= group.said + 1e-12 and group.said <= group.highest + 1e-12 for group in table)
    assert all(group.happened.low <= group.happened.value <= group.happened.high for group in table)


def test_equal_probabilities_go_together_where_their_middle_falls() -> None:
    probability = np.repeat([0.9, 0.5, 0.1], [1, 6, 3])
    table = calibration_table(np.zeros(10, np.int8), probability, bins=2)
    assert [(group.count, group.lowest, group.highest) for group in table] == [(3, 0.1, 0.1), (7, 0.5, 0.9)]


def test_bins_hold_equally_many_customers() -> None:
    distinct = GENERATOR.permutation(3000) / 3000
    assert [group.count for group in calibration_table(LABEL, distinct)] == [300] * 10
