"""Influence: the derivative of the measure, and the variance that follows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tidegate.measures.classification import Floats, Labels
from tidegate.measures.influence import pr_auc_influence, roc_auc_influence
from tidegate.measures.intervals import Measure, bootstrap, pr_auc_measure, roc_auc_measure

BOTH = [(roc_auc_measure, roc_auc_influence), (pr_auc_measure, pr_auc_influence)]
Maker, Influence = Callable[[Labels, Floats], Measure], Callable[[Labels, Floats], Floats]


@pytest.mark.parametrize(("measure", "influence"), BOTH)
@pytest.mark.parametrize("ties", [5, 10_000])
def test_it_is_the_derivative_by_each_weight(measure: Maker, influence: Influence, ties: int) -> None:
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, 60).astype(np.int8)
    score = generator.integers(0, ties, 60) / ties
    of, step = measure(label, score), 1e-6
    slopes = [(of(np.ones(60) + step * (np.arange(60) == row)) - of(None)) / step for row in range(60)]
    assert influence(label, score) == pytest.approx(slopes, abs=1e-6)


@pytest.mark.parametrize(("measure", "influence"), BOTH)
def test_its_squares_add_up_to_the_bootstrap_variance(measure: Maker, influence: Influence) -> None:
    generator = np.random.default_rng(1)
    label = (generator.random(3_000) < 0.2).astype(np.int8)
    score = generator.normal(size=3_000) + label
    drawn = bootstrap(measure(label, score), 3_000, seed=0, draws=1_000)
    error = np.sqrt(np.sum(influence(label, score) ** 2))
    assert (drawn.high - drawn.low) / (2 * 1.96) == pytest.approx(error, rel=0.08)
