"""Which version is better, in words that stay true however often somebody looks.

Intervals are asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, Annals of Statistics 52, theorem 2.2,
after Robbins' normal mixture): with the stated probability they hold at every look at once, not at one that was fixed beforehand. What that
rests on: customers are independent (each counts once), each measure is asymptotically a mean over customers, whose parts are its influence
(`measures.influence`), and enough of them have come; below `FEWEST` leavers or stayers in an arm nothing is said. How often a difference
is claimed where there is none, `benchmarks/experiments.py` prints.

The split is tested by the sequential multinomial test of Lindon & Malek 2022 (NeurIPS 35), which is exact at any number of looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import Floats, Labels, Ranking, pr_auc_of, rank, roc_auc_of
from tidegate.measures.influence import pr_auc_influence_of, roc_auc_influence_of
from tidegate.measures.intervals import Interval

FEWEST = 20
LEVEL = 0.95
DECIDING = ("roc_auc", "pr_auc")
"""The verdict rests on these two; each gets half of the 5 %, so that both claims together are wrong in 5 % at most."""
TUNED_FOR = 1_000  # customers at which the intervals are narrowest
PRIOR_CUSTOMERS = 100.0
ALARM = 0.001
NOT_ENOUGH = "not enough evidence"

Word = Literal["treatment better", "treatment worse", "not enough evidence"]
Estimate = tuple[float, Floats, int]


@dataclass(frozen=True)
class Evidence:
    """An arm's customers with an outcome: `label` int8 (1 left), `probability` float64, `flagged` bool (predicted to leave), all (n,)."""

    label: Labels
    probability: Floats
    flagged: NDArray[np.bool_]

    @cached_property
    def ranking(self) -> Ranking:
        """Sorted once for all measures."""
        return rank(self.label, self.probability)

    @property
    def enough(self) -> bool:
        """Whether as many left, and as many stayed, as anything can be said of."""
        left = int(self.label.sum())
        return min(left, len(self.label) - left) >= FEWEST


@dataclass(frozen=True)
class Measured:
    """One measure of both arms, and treatment minus control; `level` is that of the difference, 0.95 that of the arms."""

    control: Interval
    treatment: Interval
    difference: Interval
    level: float
    word: Word


@dataclass(frozen=True)
class Judgement:
    """Measures by name, empty where there is not enough evidence, and the verdict."""

    measures: dict[str, Measured]
    verdict: str


def judge(control: Evidence, treatment: Evidence, paired: bool = False) -> Judgement:
    """Compare two arms. `paired`: both hold the same customers in the same order (a shadow), so that what is common cancels."""
    if not (control.enough and treatment.enough):
        return Judgement({}, NOT_ENOUGH)
    measures = {name: _measured(name, estimate(control), estimate(treatment), paired) for name, estimate in _ESTIMATES.items()}
    words = {measures[name].word for name in DECIDING} - {NOT_ENOUGH}
    return Judgement(measures, words.pop() if len(words) == 1 else "the measures disagree" if words else NOT_ENOUGH)


def difference_of_shares(part: int, whole: int, other_part: int, other_whole: int) -> Interval | None:
    """part/whole − other_part/other_whole as a confidence sequence; None where one has fewer than `FEWEST` in it."""
    if min(whole, other_whole) < FEWEST:
        return None
    shares = part / whole, other_part / other_whole
    variance = sum(share * (1 - share) / count + _rounding(count) for share, count in zip(shares, (whole, other_whole), strict=True))
    return sequence(shares[0] - shares[1], variance, whole + other_whole, LEVEL)


def sequence(value: float, variance: float, count: int, level: float) -> Interval:
    """The confidence sequence at its present length: a value, its variance, and of how many customers it is made.

    >>> found = sequence(0.0, 1.0, 1_000, 0.95)  # three standard errors, where an interval for one look has two
    >>> round(found.high, 2)
    3.04
    """
    alpha = 1 - level
    tuned = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / TUNED_FOR
    scaled = count * tuned
    radius = math.sqrt(variance * 2 * (scaled + 1) / scaled * math.log(math.sqrt(scaled + 1) / alpha))
    return Interval(value, value - radius, value + radius)


def sample_ratio(splits: Iterable[tuple[int, int, float]]) -> float:
    """Sequential p-value that customers were split as meant: (treated, others, share meant) of each phase; valid at any look.

    The reciprocal of a Bayes factor against splits around the one meant (a Beta prior worth `PRIOR_CUSTOMERS`), phases multiplied.

    >>> sample_ratio([(50, 50, 0.5)]), sample_ratio([(900, 100, 0.5)]) < 1e-100
    (1.0, True)
    """
    factor = 0.0
    for treated, others, share in splits:
        if share in (0.0, 1.0):
            if others if share else treated:
                return 0.0
            continue
        prior = PRIOR_CUSTOMERS * share, PRIOR_CUSTOMERS * (1 - share)
        factor += _log_beta(prior[0] + treated, prior[1] + others) - _log_beta(*prior)
        factor -= treated * math.log(share) + others * math.log1p(-share)
    return min(1.0, math.exp(min(0.0, -factor)))


def _measured(name: str, control: Estimate, treatment: Estimate, paired: bool) -> Measured:
    """The parts of an estimate: value, influences (n,), and the customers of the class that limits it."""
    alone = [sequence(value, _variance(parts, fewest), len(parts), LEVEL) for value, parts, fewest in (control, treatment)]
    if paired:
        variance, count = _variance(treatment[1] - control[1], control[2]), len(control[1])
    else:
        variance = sum(_variance(parts, fewest) for _, parts, fewest in (control, treatment))
        count = len(control[1]) + len(treatment[1])
    level = 1 - (1 - LEVEL) / len(DECIDING) if name in DECIDING else LEVEL
    difference = sequence(treatment[0] - control[0], variance, count, level)
    word: Word = "not enough evidence"
    if difference.low > 0 or difference.high < 0:
        word = "treatment better" if (difference.low > 0) == (name in DECIDING) else "treatment worse"
    low_and_high = [Interval(one.value, max(0.0, one.low), min(1.0, one.high)) for one in alone]
    return Measured(low_and_high[0], low_and_high[1], difference, level, word)


def _variance(influence: Floats, fewest: int) -> float:
    # Not `@`: the threads of a linear algebra library wait for each other longer than such a sum takes.
    return float(np.square(influence).sum()) + _rounding(fewest)


def _rounding(count: int) -> float:
    """Of few, or where all are alike, the spread seen is too small, down to nothing: as if one more were otherwise. Vanishes as 1/n²."""
    return 1 / (count + 2) ** 2


def _roc_auc(arm: Evidence) -> Estimate:
    return roc_auc_of(arm.ranking), roc_auc_influence_of(arm.ranking), _smaller_class(arm)


def _pr_auc(arm: Evidence) -> Estimate:
    return pr_auc_of(arm.ranking), pr_auc_influence_of(arm.ranking), _smaller_class(arm)


def _false_positives(arm: Evidence) -> Estimate:
    return _share(arm.flagged, arm.label == 0)


def _false_negatives(arm: Evidence) -> Estimate:
    return _share(~arm.flagged, arm.label == 1)


def _share(counted: NDArray[np.bool_], among: NDArray[np.bool_]) -> Estimate:
    whole = int(among.sum())
    value = float((counted & among).sum()) / whole
    return value, np.where(among, counted - value, 0.0) / whole, whole


def _smaller_class(arm: Evidence) -> int:
    left = int(arm.label.sum())
    return min(left, len(arm.label) - left)


def _log_beta(first: float, second: float) -> float:
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)


# False positives among those who stayed, false negatives among those who left.
_ESTIMATES: dict[str, Callable[[Evidence], Estimate]] = {
    "roc_auc": _roc_auc,
    "pr_auc": _pr_auc,
    "false_positive_rate": _false_positives,
    "false_negative_rate": _false_negatives,
}
