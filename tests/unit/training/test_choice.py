from __future__ import annotations

import numpy as np
import pytest

from tidegate.bundle.calibration import calibrated
from tidegate.measures.classification import best_f1_threshold
from tidegate.training.choice import Judged, choose, judge, platt, worse_beyond_noise


def sample(count: int, signal: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    label = (generator.random(count) < 0.2).astype(np.int8)
    return label, signal * label + generator.normal(size=count)


def test_platt_recovers_a_known_slope_and_intercept() -> None:
    generator = np.random.default_rng(0)
    margin = generator.normal(size=200_000)
    label = (generator.random(200_000) < 1 / (1 + np.exp(-(1.7 * margin - 0.6)))).astype(np.int8)
    found = platt(margin, label)
    assert found.slope == pytest.approx(1.7, abs=0.03)
    assert found.intercept == pytest.approx(-0.6, abs=0.03)


def test_platt_stays_finite_where_the_classes_are_separated() -> None:
    label = np.repeat(np.array([0, 1], np.int8), 50)
    found = platt(np.where(label == 1, 5.0, -5.0), label)
    assert np.isfinite([found.slope, found.intercept]).all()
    assert found.slope > 0


def test_platt_does_not_depend_on_the_unit_of_the_margin() -> None:
    label, margin = sample(5_000, 2.0, 1)
    first, second = platt(margin, label), platt(margin * 1e6, label)
    assert second.slope * 1e6 == pytest.approx(first.slope, rel=1e-4)


def test_the_threshold_is_the_best_of_all_possible_ones() -> None:
    label, margin = sample(500, 1.5, 2)
    probability = calibrated(platt(margin, label), margin)

    def f1(threshold: float) -> float:
        flagged = probability >= threshold
        return 2 * (flagged & (label == 1)).sum() / (flagged.sum() + label.sum())

    best = max(f1(threshold) for threshold in np.unique(probability))
    assert f1(best_f1_threshold(label, probability)) == pytest.approx(best, abs=1e-12)


def candidates(label: np.ndarray, simple: np.ndarray, complicated: np.ndarray) -> list[Judged]:
    return [judge("complicated", 2, label, complicated), judge("simple", 0, label, simple)]


def test_a_simpler_candidate_within_noise_goes_first() -> None:
    label, margin = sample(2_000, 2.0, 3)
    first, second = margin + np.random.default_rng(1).normal(scale=0.5, size=(2, len(label)))
    assert choose(candidates(label, first, second), label, seed=0)[0].name == "simple"
    assert choose(candidates(label, second, first), label, seed=0)[0].name == "simple"


def test_a_better_candidate_beyond_noise_wins() -> None:
    label, margin = sample(2_000, 1.0, 4)
    better = margin + 1.5 * label
    found = candidates(label, margin, better)
    assert choose(found, label, seed=0)[0].name == "complicated"
    assert worse_beyond_noise(found[1], found[0], label, seed=0)


def test_among_equals_of_one_complexity_the_better_calibrated_goes_first() -> None:
    label, margin = sample(2_000, 2.0, 6)
    first, second = (judge(name, 1, label, margin + noise) for name, noise in zip("ab", noises(len(label)), strict=True))
    expected = min((first, second), key=lambda one: one.metrics["log_loss"])
    assert not worse_beyond_noise(first, second, label, 0)
    assert not worse_beyond_noise(second, first, label, 0)
    assert choose([first, second], label, 0)[0] is expected
    assert choose([second, first], label, 0)[0] is expected


def noises(count: int) -> np.ndarray:
    return np.random.default_rng(1).normal(scale=0.3, size=(2, count))


def test_the_choice_does_not_depend_on_the_order() -> None:
    label, margin = sample(1_000, 1.0, 5)
    found = candidates(label, margin, margin + label)
    assert choose(found, label, 0)[0].name == choose(found[::-1], label, 0)[0].name
