"""Sizes of differences against SciPy's, and at the edges of what floats can hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tidegate.monitoring.drift.effects import MOST_DEVIATIONS, level_change, population_stability, stability_of_numbers, wasserstein
from tidegate.monitoring.drift.tests import steps_of


def distance(reference: np.ndarray, batch: np.ndarray) -> float | None:
    reference, batch = np.sort(reference), np.sort(batch)
    return wasserstein(steps_of(reference, batch), reference)


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300])
def test_wasserstein_is_scipys_in_standard_deviations(scale: float) -> None:
    generator = np.random.default_rng(0)
    first, second = generator.normal(3, 2, 800), generator.normal(4, 3, 300)
    expected = stats.wasserstein_distance(first, second) / first.std()
    assert distance(first * scale, second * scale) == pytest.approx(expected)


def test_wasserstein_of_a_shift_is_the_shift() -> None:
    values = np.random.default_rng(1).normal(size=5_000)
    assert distance(values, values + 0.3 * values.std()) == pytest.approx(0.3)


def test_a_constant_reference_has_no_deviations_and_a_nearly_constant_one_is_capped() -> None:
    constant = np.full(100, 0.1)
    assert distance(constant, constant + 5) is None
    nearly = np.append(np.zeros(10**5), 1e-12)
    assert distance(nearly, nearly + 1e30) == MOST_DEVIATIONS
    assert distance(nearly, nearly) == 0


def test_population_stability_of_equal_shares_is_nothing_and_of_an_empty_cell_finite() -> None:
    assert population_stability(np.array([100, 300]), np.array([100, 300])) == 0
    assert population_stability(np.array([10, 30]), np.array([1_000, 3_000])) == pytest.approx(0, abs=1e-3)
    assert 1 < population_stability(np.array([1_000, 0]), np.array([500, 500])) < 10


def test_population_stability_of_numbers_uses_the_tenths_of_the_reference() -> None:
    reference = np.arange(1_000.0)
    batch = np.sort(np.concatenate([np.arange(0, 1_000, 2.0), np.arange(0, 500.0)]))
    cells = np.histogram(reference, [-1, *range(100, 1_000, 100), 1_000], range=None)[0], None
    shares = np.array([np.sum((batch > low) & (batch <= low + 100)) for low in range(0, 1_000, 100)])
    shares[0] += 2  # both zeros
    assert stability_of_numbers(reference, batch) == pytest.approx(population_stability(cells[0], shares), abs=0.01)
    assert stability_of_numbers(np.zeros(50), np.ones(50)) > 1


def test_level_change_is_the_share_that_has_to_move() -> None:
    assert level_change(np.array([50, 50, 0]), np.array([20, 50, 30])) == pytest.approx(0.3)
    assert level_change(np.array([5, 0]), np.array([0, 9])) == 1
