"""How sure a measure is: bootstrap intervals over customers (Efron 1979), paired where two models are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import Floats, Labels, at_threshold, composite, pr_auc_of, rank, roc_auc_of

DRAWS = 200


@dataclass(frozen=True)
class Interval:
    """A value with the percentile interval around it."""

    value: float
    low: float
    high: float


Measure = Callable[[Floats | None], float]


def bootstrap(measure: Measure, count: int, seed: int, draws: int = DRAWS, level: float = 0.95) -> Interval:
    """Interval of `measure`, a function of row weights (n,) or None for all rows once."""
    values = np.array([measure(_weights(count, seed, draw)) for draw in range(draws)])
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(measure(None), float(low), float(high))


def paired_difference(first: Measure, second: Measure, count: int, seed: int, draws: int = DRAWS, level: float = 0.95) -> Interval:
    """Interval of first − second over the same draws of customers."""
    return bootstrap(lambda weights: first(weights) - second(weights), count, seed, draws, level)


def _weights(count: int, seed: int, draw: int) -> NDArray[np.float64]:
    generator = np.random.default_rng((seed, draw))
    return np.bincount(generator.integers(0, count, count), minlength=count).astype(np.float64)


def roc_auc_measure(label: Labels, score: Floats) -> Measure:
    """ROC-AUC as a function of weights; sorted once."""
    ranking = rank(label, score)
    return lambda weights: roc_auc_of(ranking, weights)


def pr_auc_measure(label: Labels, score: Floats) -> Measure:
    """Average precision as a function of weights; sorted once."""
    ranking = rank(label, score)
    return lambda weights: pr_auc_of(ranking, weights)


def composite_measure(label: Labels, probability: Floats, threshold: float) -> Measure:
    """The composite score as a function of weights."""
    ranking = rank(label, probability)

    def measure(weights: Floats | None) -> float:
        return composite(roc_auc_of(ranking, weights), at_threshold(label, probability, threshold, weights))

    return measure
