"""How sure a measure is: bootstrap intervals over customers (Efron 1979), paired where two models are compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import (
    Floats,
    Labels,
    at_threshold,
    calibration_error_of,
    composite,
    decisions_of,
    measure,
    pr_auc_of,
    rank,
    roc_auc_of,
    squared_errors,
    surprises,
)

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


def log_loss_measure(label: Labels, probability: Floats) -> Measure:
    """Log-loss as a function of weights; each row's loss is taken once."""
    kept = np.clip(probability, 1e-15, 1 - 1e-15)
    losses = -np.where(label == 1, np.log(kept), np.log1p(-kept))
    return lambda weights: float(np.mean(losses) if weights is None else np.average(losses, weights=weights))


def composite_measure(label: Labels, probability: Floats, threshold: float) -> Measure:
    """The composite score as a function of weights."""
    ranking = rank(label, probability)

    def measure(weights: Floats | None) -> float:
        return composite(roc_auc_of(ranking, weights), at_threshold(label, probability, threshold, weights))

    return measure


def measured(label: Labels, probability: Floats, threshold: float, seed: int, draws: int = DRAWS) -> dict[str, Interval]:
    """Every measure of `measure()` with its 95 % interval; all measures share each draw, and rows are sorted once.

    The same draws as `bootstrap` with the same seed. The calibration error is the exception: it is a sum of distances, which the noise of
    a draw can only lengthen, so its draws lie above the value by a bias that is taken off (Efron & Tibshirani 1993, chapter 10).
    Draws that hold one class only say nothing about ROC-AUC, and are left out there.

    >>> label, probability = np.array([0, 0, 1, 1] * 20, np.int8), np.array([0.1, 0.6, 0.4, 0.8] * 20)
    >>> found = measured(label, probability, 0.5, seed=0)["roc_auc"]
    >>> found.low < found.value < found.high
    True
    """
    values = measure(label, probability, threshold)
    every_draw = _all_measures(label, probability, threshold)
    table = [every_draw(_weights(len(label), seed, draw)) for draw in range(draws)]
    found = {}
    for name, value in values.items():
        drawn = np.array([row[name] for row in table])
        if name == "expected_calibration_error":
            drawn = np.maximum(drawn - (drawn.mean() - value), 0.0)
        seen = drawn[~np.isnan(drawn)]
        low, high = np.quantile(seen, [0.025, 0.975]) if seen.size else (math.nan, math.nan)
        found[name] = Interval(value, float(low), float(high))
    return found


def _all_measures(label: Labels, probability: Floats, threshold: float) -> Callable[[Floats], dict[str, float]]:
    """`measure()` as a function of weights (n,): what needs no weights is computed once."""
    ranking = rank(label, probability)
    errors, surprise = squared_errors(label, probability), surprises(label, probability)
    left = (label == 1).astype(np.float64)
    flagged = (probability >= threshold).astype(np.float64)
    flagged_left = flagged * left

    def every(weights: Floats) -> dict[str, float]:
        total, found = float(weights.sum()), float(weights @ flagged_left)
        decisions = decisions_of(found, float(weights @ flagged) - found, float(weights @ left) - found, total)
        area = roc_auc_of(ranking, weights)
        return {
            "roc_auc": area,
            "pr_auc": pr_auc_of(ranking, weights),
            **decisions,
            "brier": float(weights @ errors) / total,
            "log_loss": float(weights @ surprise) / total,
            "expected_calibration_error": calibration_error_of(ranking, weights),
            "composite": composite(area, decisions),
        }

    return every


def wilson(successes: int, count: int) -> Interval:
    """A share with its 95 % score interval (Wilson 1927), which stays inside [0, 1]; of nothing, NaN between 0 and 1.

    >>> found = wilson(0, 10)
    >>> found.low, round(found.high, 3)
    (0.0, 0.278)
    """
    if not count:
        return Interval(math.nan, 0.0, 1.0)
    z2 = 1.959964**2
    share = successes / count
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = math.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count * count))) / (1 + z2 / count)
    # At 0 and 1 the interval ends there exactly; rounding must not carry it past.
    return Interval(share, min(max(0.0, centre - half), share), max(min(1.0, centre + half), share))
