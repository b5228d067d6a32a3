"""What a challenger is judged on, and the numbers that its gates compare. Pure; every function works on arrays in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import Floats, Labels, roc_auc, squared_errors
from tidegate.measures.influence import roc_auc_influence
from tidegate.measures.intervals import Interval, paired_difference, pr_auc_measure
from tidegate.measures.strata import equal_odds

Name = Literal["holdout", "reserved", "audit"]
NAMES: tuple[Name, ...] = ("holdout", "reserved", "audit")
DRAWS = 400
TOP_SHARE = 0.2
HIGHEST_LOG_ODDS, ODDS_STEP = 6, 0.5
UNKNOWN = -1


@dataclass(frozen=True)
class Evidence:
    """Customers whom neither version was trained on, with both versions' probability of leaving.

    `holdout`: frozen since the first training, the world of then; `reserved`: the slice of new customers that training never sees, with
    the labels that training learned from too; `audit`: new customers whose label somebody checked. `label`: int8 (n,), 1 left, 0
    stayed, only matured ones; `champion`, `challenger`: float64 (n,); `segments`: by column the group of each row, (n,); `ordinary`: of
    an audit, the label that these customers have outside it, int8 (n,), -1 where there is none. Raises ValueError for anything else.
    """

    name: Name
    label: Labels
    champion: Floats
    challenger: Floats
    champion_threshold: float
    challenger_threshold: float
    segments: Mapping[str, NDArray[np.generic]]
    ordinary: Labels | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where arrays differ in length, a label is neither 0 nor 1 or a probability is not between 0 and 1."""
        arrays = [self.champion, self.challenger, *self.segments.values(), *([] if self.ordinary is None else [self.ordinary])]
        if any(len(one) != len(self.label) for one in arrays):
            raise ValueError(f"the arrays of the evidence {self.name} differ in length")
        if not np.isin(self.label, (0, 1)).all():
            raise ValueError(f"a label of the evidence {self.name} is neither 0 nor 1")
        if not all(((one >= 0) & (one <= 1)).all() for one in (self.champion, self.challenger)):
            raise ValueError(f"a probability of the evidence {self.name} is not between 0 and 1")

    @property
    def positives(self) -> int:
        """How many left."""
        return int(self.label.sum())


def pr_auc_gain(one: Evidence, seed: int) -> Interval:
    """Challenger's minus champion's average precision, with the paired 95 % bootstrap interval: its low end errs in 2.5 %."""
    first, second = pr_auc_measure(one.label, one.challenger), pr_auc_measure(one.label, one.champion)
    return paired_difference(first, second, len(one.label), seed, DRAWS)


def brier_increase(one: Evidence) -> float:
    """By how much the challenger's mean squared error is above the champion's."""
    return float(np.mean(squared_errors(one.label, one.challenger) - squared_errors(one.label, one.champion)))


def flag_rate_change(one: Evidence) -> float:
    """How far the share of customers that the challenger flags is from what it could be: the champion's, or the share that left.

    The nearer of the two, because a champion that has gone wrong may well flag half of the customers, or nobody.
    """
    flagged = float((one.challenger >= one.challenger_threshold).mean())
    return min(abs(flagged - float((one.champion >= one.champion_threshold).mean())), abs(flagged - float(one.label.mean())))


def segment_groups(evidence: Sequence[Evidence], smallest_share: float) -> list[tuple[str, object]]:
    """(column, group) of every group that holds at least this share of all the customers together."""
    total = sum(len(one.label) for one in evidence)
    found = []
    for column in dict.fromkeys(column for one in evidence for column in one.segments):
        groups = np.concatenate([one.segments[column] for one in evidence if column in one.segments])
        values, counts = np.unique(groups, return_counts=True)
        found += [(column, value) for value, count in zip(values.tolist(), counts, strict=True) if count >= smallest_share * total]
    return found


def segment_positives(evidence: Sequence[Evidence], column: str, group: object) -> int:
    """How many of a group left, in all the evidence together."""
    return sum(int(((one.segments[column] == group) & (one.label == 1)).sum()) for one in evidence if column in one.segments)


def recall_loss(evidence: Sequence[Evidence], column: str, group: object) -> tuple[float, float]:
    """The share of a group's leavers that the challenger misses more than the champion, and what of it noise does not explain.

    The second is the one-sided 95 % lower bound of the paired difference of two proportions (Agresti & Min 2005, Statistics in Medicine
    24: the interval of Wald after half an observation was added to each of the four cells).
    """
    missed = gained = total = 0
    for one in evidence:
        if column not in one.segments:
            continue
        among = (one.segments[column] == group) & (one.label == 1)
        ours, theirs = one.challenger >= one.challenger_threshold, one.champion >= one.champion_threshold
        missed, gained = missed + int((among & theirs & ~ours).sum()), gained + int((among & ours & ~theirs).sum())
        total += int(among.sum())
    if not total:
        return 0.0, 0.0
    cells, lost, won = total + 2, missed + 0.5, gained + 0.5
    error = math.sqrt(lost + won - (lost - won) ** 2 / cells) / cells
    return (missed - gained) / total, (lost - won) / cells - 1.645 * error


def champion_worsened(holdout: Evidence, audit: Evidence) -> float:
    """By how many standard errors the champion is worse on audited customers than on the frozen holdout, by ROC-AUC or Brier score.

    The larger of two differences of independent means; ROC-AUC's variance is that of its influences (DeLong, DeLong & Clarke-Pearson
    1988, Biometrics 44).
    """
    errors = [squared_errors(one.label, one.champion) for one in (audit, holdout)]
    variance = sum(float(one.var(ddof=1)) / len(one) for one in errors)
    found = [(float(errors[0].mean()) - float(errors[1].mean())) / math.sqrt(variance) if variance else 0.0]
    if all(0 < one.positives < len(one.label) for one in (audit, holdout)):
        areas = [roc_auc(one.label, one.champion) for one in (audit, holdout)]
        spread = math.sqrt(sum(float(np.sum(roc_auc_influence(one.label, one.champion) ** 2)) for one in (audit, holdout)))
        found.append((areas[1] - areas[0]) / max(spread, 1 / len(audit.label)))
    return max(found)


def contradicted(audit: Evidence) -> tuple[int, int]:
    """Of how many audited customers the ordinary label says something else, and of how many there is one."""
    if audit.ordinary is None:
        return 0, 0
    known = audit.ordinary != UNKNOWN
    return int((known & (audit.ordinary != audit.label)).sum()), int(known.sum())


def agreement(reserved: Evidence, audit: Evidence) -> float:
    """p-value that customers of the same score left as often in the reserved slice as in the audit; below p with a chance of at most p.

    Same score: the champion's log-odds in steps of a half, from -6 to 6. Exact tests, which hold for any champion and however few left: a
    good champion is rarely wrong, and the spread of what it is wrong by cannot be had from an audit of 300. The smallest of three
    p-values times three (Bonferroni): over everybody; over the fifth that the champion scores highest (of both together), where a
    campaign's effect or hidden leavers weigh most; and over the rest, where stayers who are said to have left do. An audit may be drawn by
    score, but has to be of the same customers and months as the slice.
    """
    champion = np.concatenate([reserved.champion, audit.champion])
    label = np.concatenate([reserved.label, audit.label])
    audited = np.arange(len(label)) >= len(reserved.label)
    edge = 1 / (1 + math.exp(HIGHEST_LOG_ODDS))
    kept = np.clip(champion, edge, 1 - edge)
    strata = np.floor(np.log(kept / (1 - kept)) / ODDS_STEP).astype(np.int64)
    top = champion >= np.quantile(champion, 1 - TOP_SHARE)
    found = [equal_odds(label[among], audited[among], strata[among]) for among in (np.full(len(label), True), top, ~top)]
    return min(len(found) * min(found), 1.0)
