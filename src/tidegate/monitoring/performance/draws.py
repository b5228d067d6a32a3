"""Measures of many draws at once: customers gathered into bins of like scores, and every draw two rows of counts.

A million customers become some thousands of bins, so that two hundred draws cost a second at most. Up to `BINS` different scores every
score is a bin of its own and nothing is lost; beyond that, two customers of one bin count as tied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import Floats
from tidegate.measures.intervals import Interval

BINS = 4_000
DRAWS = 400
_LEVEL = 0.95


@dataclass(frozen=True)
class Bins:
    """b bins in falling order of the score.

    `count`, `probability` (mean of the bin), `flagged` (1 where the probability reaches the threshold): float64 (b,). `of`: int64 (n,), the
    bin of each customer.
    """

    count: Floats
    probability: Floats
    flagged: Floats
    of: NDArray[np.int64]


def gathered(probability: Floats, threshold: float, bins: int = BINS) -> Bins:
    """Bins of equally many customers; equal scores share one, and no bin lies on both sides of the threshold.

    >>> gathered(np.array([0.1, 0.9, 0.9]), 0.5).count
    array([2., 1.])
    """
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    starts = np.append(True, ordered[1:] != ordered[:-1])
    if int(starts.sum()) > bins:
        first = np.maximum.accumulate(np.where(starts, np.arange(len(ordered)), 0))
        stretch = first * bins // len(ordered)
        flagged = ordered >= threshold
        starts = np.append(True, (stretch[1:] != stretch[:-1]) | (flagged[1:] != flagged[:-1]))
    of = np.empty(len(ordered), np.int64)
    of[order] = np.cumsum(starts) - 1
    count = np.bincount(of).astype(np.float64)
    return Bins(count, np.bincount(of, weights=probability) / count, (ordered[starts] >= threshold).astype(np.float64), of)


def measures_of(positives: Floats, negatives: Floats, bins: Bins) -> dict[str, Floats]:
    """Every measure of d draws, each float64 (d,), from how many left and stayed in each bin, both float64 (d, b).

    NaN where a draw holds one class only; a precision or recall over nothing is 0, as in `measures.classification`.
    """
    left, stayed = np.cumsum(positives, axis=1), np.cumsum(negatives, axis=1)
    all_left, all_stayed, seen = left[:, -1], stayed[:, -1], left + stayed
    caught, flagged = positives @ bins.flagged, (positives + negatives) @ bins.flagged
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = np.sum(negatives * (left - positives / 2), axis=1)
        found = np.sum(positives * np.where(seen > 0, left / seen, 0.0), axis=1)
        squares = positives @ (1 - bins.probability) ** 2 + negatives @ bins.probability**2
        return {
            "roc_auc": pairs / (all_left * all_stayed),
            "pr_auc": found / all_left,
            "recall": _share(caught, all_left),
            "precision": _share(caught, flagged),
            "f1": _share(2 * caught, flagged + all_left),
            "brier": squares / seen[:, -1],
        }


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def around(values: Mapping[str, float], drawn: Mapping[str, Floats]) -> dict[str, Interval]:
    """Each value with the 95 % percentile interval of its draws; NaN around what no draw could measure."""
    found = {}
    for name, value in values.items():
        seen = drawn[name][np.isfinite(drawn[name])]
        low, high = np.quantile(seen, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]) if seen.size else (math.nan, math.nan)
        found[name] = Interval(value, float(low), float(high))
    return found


def told(interval: Interval) -> dict[str, float | None]:
    """An interval for JSON, which has no NaN: None instead."""
    numbers = {"value": interval.value, "low": interval.low, "high": interval.high}
    return {name: number if math.isfinite(number) else None for name, number in numbers.items()}
