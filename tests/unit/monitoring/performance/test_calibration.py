"""The calibration check: cries wolf neither by chance nor for being big, and sees what makes estimates wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tidegate.monitoring.performance.calibration import CalibrationCheck, _recalibrated, check_calibration


def log_odds(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(-2.0, 2.0, count)


def sigmoid(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-value))


def checked(count: int, seed: int, slope: float = 1.0, intercept: float = 0.0) -> CalibrationCheck:
    """Customers whose probabilities say `log_odds`, while the truth is the recalibrated one."""
    said = log_odds(count, seed)
    left = np.random.default_rng((seed, 1)).random(count) < sigmoid(intercept + slope * said)
    return check_calibration(left.astype(np.int8), sigmoid(said))


def test_false_alarms_are_rare_and_p_values_are_uniform() -> None:
    found = [checked(1_500, seed) for seed in range(600)]
    p = np.sort([one.p_value for one in found])
    assert np.abs(p - (np.arange(600) + 0.5) / 600).max() < 0.08  # Kolmogorov-Smirnov at one in a thousand
    assert sum(one.broken for one in found) <= 4


def test_a_big_batch_does_not_break_for_a_trifle() -> None:
    one = checked(400_000, 1, slope=0.97, intercept=0.02)
    assert one.p_value < 0.001
    assert not one.broken
    assert one.slope == pytest.approx(0.97, abs=0.02)


@pytest.mark.parametrize(("slope", "intercept"), [(0.4, -0.9), (1.0, 1.0), (1.0, -1.0), (0.0, -2.0), (-0.3, -2.0)])
def test_wrong_probabilities_are_seen(slope: float, intercept: float) -> None:
    one = checked(3_000, 2, slope, intercept)
    assert one.broken
    assert (one.slope, one.intercept) == pytest.approx((slope, intercept), abs=0.25)
    assert "not to be trusted" in one.sentence


def test_the_fit_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    said = np.clip(log_odds(5_000, 3), -9, 9)
    left = (np.random.default_rng(4).random(5_000) < sigmoid(0.3 + 0.8 * said)).astype(float)
    intercept, slope, gain = _recalibrated(left, said)
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(said[:, None], left)
    assert (intercept, slope) == pytest.approx((fitted.intercept_[0], fitted.coef_[0, 0]), abs=1e-4)
    assert gain > 0


def test_too_few_is_not_broken_and_says_so() -> None:
    one = check_calibration(np.array([1] * 5 + [0] * 200, np.int8), np.full(205, 0.02))
    assert not one.broken
    assert "Too few to tell" in one.sentence
    assert json.loads(json.dumps(one.document(), allow_nan=False))["p_value"] is None
    assert not check_calibration(np.empty(0, np.int8), np.empty(0)).broken


def test_where_those_who_leave_never_come_is_no_lack_of_evidence() -> None:
    """Hidden churners leave few positives: the probabilities say how many there should be."""
    one = check_calibration(np.zeros(1_000, np.int8), np.full(1_000, 0.2))
    assert one.broken
    assert (one.observed, round(one.expected)) == (0, 200)


def test_unknown_labels_are_left_out() -> None:
    said = log_odds(3_000, 5)
    label = (np.random.default_rng(6).random(3_000) < sigmoid(said)).astype(np.int8)
    everyone = check_calibration(label, sigmoid(said))
    more = check_calibration(np.concatenate([label, np.full(500, -1, np.int8)]), np.concatenate([sigmoid(said), np.full(500, 0.9)]))
    assert more == everyone


def test_certain_probabilities_and_separated_labels_end() -> None:
    certain = np.repeat([0.0, 1.0], 100)
    right = check_calibration(certain.astype(np.int8), certain)
    assert not right.broken
    wrong = check_calibration(1 - certain.astype(np.int8), certain)
    assert wrong.broken
    assert np.isfinite(wrong.statistic)
