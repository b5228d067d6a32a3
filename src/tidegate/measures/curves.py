"""How a model behaves over all thresholds: ROC, precision-recall, gain, lift and calibration, as numbers to draw or write.

Labels are 0/1, probabilities float64 in [0, 1]; both (n,), without nulls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidegate.measures.classification import CALIBRATION_BINS, Floats, Labels, cumulated, equal_frequency_bins, rank
from tidegate.measures.intervals import Interval, wilson

CURVE_POINTS = 400


@dataclass(frozen=True)
class ThresholdCurve:
    """What each threshold does, from the strictest to the loosest; every array float64 (points,).

    A ratio over an absent class is NaN. `share_contacted` against `recall` is the gain curve.
    """

    threshold: Floats
    false_positive_rate: Floats
    recall: Floats
    precision: Floats
    share_contacted: Floats


def threshold_curve(label: Labels, probability: Floats, points: int = CURVE_POINTS) -> ThresholdCurve:
    """One point a distinct probability, thinned to about `points`; the first and the last always stay (Fawcett 2006).

    >>> curve = threshold_curve(np.array([0, 1, 1], np.int8), np.array([0.2, 0.6, 0.4]))
    >>> curve.recall.tolist(), curve.precision.round(2).tolist()
    ([0.5, 1.0, 1.0], [1.0, 1.0, 0.67])
    """
    ranking = rank(label, probability)
    positives, negatives = cumulated(ranking)
    kept = np.unique(np.linspace(0, len(positives) - 1, points).astype(int))
    contacted = positives + negatives
    return ThresholdCurve(
        ranking.score[ranking.run_ends][kept],
        _share(negatives[kept], negatives[-1]),
        _share(positives[kept], positives[-1]),
        (positives / contacted)[kept],
        (contacted / contacted[-1])[kept],
    )


def _share(part: Floats, whole: float) -> Floats:
    return part / whole if whole else np.full(len(part), np.nan)


@dataclass(frozen=True)
class Gain:
    """Whom one finds by contacting the highest probabilities first; every array float64 (points,).

    `lift` is how many times more leavers are found than by contacting as many customers at random. NaN where nobody left.
    """

    share_contacted: Floats
    share_found: Floats
    lift: Floats


def gain(label: Labels, probability: Floats, shares: Floats) -> Gain:
    """Gain and lift at shares in (0, 1]. Among equal probabilities customers are taken at random: the expectation is given.

    >>> gain(np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.3, 0.6, 0.8]), np.array([0.25, 0.5, 1.0])).lift.tolist()
    [2.0, 2.0, 1.0]
    """
    positives, negatives = cumulated(rank(label, probability))
    contacted = np.append(0.0, positives + negatives) / len(label)
    found = np.append(0.0, _share(positives, positives[-1]))
    share_found = np.interp(shares, contacted, found)
    return Gain(shares, share_found, share_found / shares)


@dataclass(frozen=True)
class CalibrationBin:
    """Customers of similar probability: the mean said (between `lowest` and `highest`), and the share that left with its interval."""

    lowest: float
    highest: float
    count: int
    said: float
    happened: Interval


def calibration_table(label: Labels, probability: Floats, bins: int = CALIBRATION_BINS) -> tuple[CalibrationBin, ...]:
    """Bins of equally many customers from the lowest probabilities up, with Wilson intervals; empty ones are left out.

    The same bins as `expected_calibration_error`, which is the mean distance of `said` from `happened` over customers.

    >>> [(group.said, group.happened.value) for group in calibration_table(np.array([0, 1], np.int8), np.array([0.2, 0.6]), bins=2)]
    [(0.2, 0.0), (0.6, 1.0)]
    """
    ranking = rank(label, probability)
    sizes = np.diff(ranking.run_ends, prepend=-1)
    bin_of_row = np.repeat(equal_frequency_bins(ranking, bins=bins), sizes)
    table = []
    for group in range(bins - 1, -1, -1):
        inside = bin_of_row == group
        count = int(inside.sum())
        if count:
            score = ranking.score[inside]
            left = int(ranking.label[inside].sum())
            table.append(CalibrationBin(float(score.min()), float(score.max()), count, float(score.mean()), wilson(left, count)))
    return tuple(table)
