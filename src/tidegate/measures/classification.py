"""How good a probability or a decision is. Labels are 0/1, probabilities float64 in [0, 1]; both (n,), without nulls.

Every measure takes optional weights (n,), so that a bootstrap draw is a vector of counts rather than a copy of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]
COMPOSITE_WEIGHTS = {"roc_auc": 0.35, "f1": 0.30, "recall": 0.25, "precision": 0.10}
CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Ranking:
    """Labels sorted by falling score, and where runs of equal scores end: computed once, measured under many weights.

    `label`, `score`: float64 (n,), in falling order of the score; `order`: int64 (n,), the rows they came from;
    `run_ends`: int64 (runs,), the last position of each run of equal scores.
    """

    label: NDArray[np.float64]
    score: NDArray[np.float64]
    order: NDArray[np.int64]
    run_ends: NDArray[np.int64]


def rank(label: Labels, score: Floats) -> Ranking:
    """Sort once for every measure whose name ends in `_of`."""
    order = np.argsort(-score, kind="stable")
    ordered = np.asarray(score[order], np.float64)
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return Ranking(label[order].astype(np.float64), ordered, order, ends)


def cumulated(ranking: Ranking, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """How many left and how many stayed among those with the highest scores, at the end of each run: two float64 (runs,)."""
    weight = np.ones(len(ranking.label)) if weights is None else weights[ranking.order]
    positives = np.cumsum(weight * ranking.label)[ranking.run_ends]
    negatives = np.cumsum(weight * (1.0 - ranking.label))[ranking.run_ends]
    return positives, negatives


def roc_auc_of(ranking: Ranking, weights: Floats | None = None) -> float:
    """Area under the ROC curve, ties counted half; NaN where one class is absent (Hanley & McNeil 1982)."""
    positives, negatives = cumulated(ranking, weights)
    if not positives[-1] or not negatives[-1]:
        return float("nan")
    before = np.append(0.0, positives[:-1])
    return float(np.sum(np.diff(negatives, prepend=0.0) * (before + positives) / 2) / (positives[-1] * negatives[-1]))


def pr_auc_of(ranking: Ranking, weights: Floats | None = None) -> float:
    """Average precision: the step-wise area under the precision-recall curve; NaN without positives (Davis & Goadrich 2006)."""
    positives, negatives = cumulated(ranking, weights)
    if not positives[-1]:
        return float("nan")
    found = positives + negatives
    precision = np.divide(positives, found, out=np.zeros_like(positives), where=found > 0)
    return float(np.sum(np.diff(positives, prepend=0.0) * precision) / positives[-1])


def roc_auc(label: Labels, score: Floats) -> float:
    """Area under the ROC curve.

    >>> roc_auc(np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    return roc_auc_of(rank(label, score))


def pr_auc(label: Labels, score: Floats) -> float:
    """Average precision.

    >>> round(pr_auc(np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.4, 0.35, 0.8])), 4)
    0.8333
    """
    return pr_auc_of(rank(label, score))


def squared_errors(label: Labels, probability: Floats) -> Floats:
    """Each row's share of the Brier score, float64 (n,)."""
    return np.asarray((probability - label) ** 2, np.float64)


def brier(label: Labels, probability: Floats, weights: Floats | None = None) -> float:
    """Mean squared error of the probability (Brier 1950).

    >>> round(brier(np.array([0, 1], np.int8), np.array([0.2, 0.6])), 4)
    0.1
    """
    return _mean(squared_errors(label, probability), weights)


def surprises(label: Labels, probability: Floats) -> Floats:
    """Each row's negative log-likelihood, float64 (n,); probabilities are kept 1e-15 away from 0 and 1."""
    kept = np.clip(probability, 1e-15, 1 - 1e-15)
    return np.asarray(-np.where(label == 1, np.log(kept), np.log1p(-kept)), np.float64)


def log_loss(label: Labels, probability: Floats, weights: Floats | None = None) -> float:
    """Mean negative log-likelihood in nats.

    >>> round(log_loss(np.array([0, 1], np.int8), np.array([0.5, 0.5])), 4)
    0.6931
    """
    return _mean(surprises(label, probability), weights)


def _mean(values: Floats, weights: Floats | None) -> float:
    return float(np.mean(values)) if weights is None else float(weights @ values / weights.sum())


def equal_frequency_bins(ranking: Ranking, weights: Floats | None = None, bins: int = CALIBRATION_BINS) -> NDArray[np.int64]:
    """The bin of each run of equal scores, int64 (runs,): 0 holds the highest scores, `bins` - 1 the lowest.

    A run goes where its middle falls, so that equal scores are never told apart and no order of rows matters; a bin may stay empty.
    """
    positives, negatives = cumulated(ranking, weights)
    seen = positives + negatives
    middle = (seen + np.append(0.0, seen[:-1])) / 2
    return np.asarray(np.minimum(bins * middle / seen[-1], bins - 1), np.int64)


def calibration_error_of(ranking: Ranking, weights: Floats | None = None, bins: int = CALIBRATION_BINS) -> float:
    """`expected_calibration_error` of rows that are sorted already."""
    weight = np.ones(len(ranking.label)) if weights is None else weights[ranking.order]
    excess = np.diff(np.cumsum(weight * (ranking.label - ranking.score))[ranking.run_ends], prepend=0.0)
    by_bin = np.bincount(equal_frequency_bins(ranking, weights, bins), weights=excess, minlength=bins)
    return float(np.abs(by_bin).sum() / weight.sum())


def expected_calibration_error(label: Labels, probability: Floats, bins: int = CALIBRATION_BINS, weights: Floats | None = None) -> float:
    """Mean distance between the probability said and the share that left, over bins that hold equally many rows.

    Naeini, Cooper & Hauskrecht 2015 (AAAI) sort and partition the predictions, as is done here; Guo et
    al. 2017 (ICML, section 2) cut [0, 1] into equal widths instead, which leaves most bins almost empty where few customers leave.
    Chance lifts even a perfectly calibrated model above 0: by √(2 · bins · p(1 - p) / (π n)) at most, for a base rate p.

    >>> label, probability = np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.3, 0.6, 0.8])
    >>> round(expected_calibration_error(label, probability, bins=2), 4)
    0.25
    """
    return calibration_error_of(rank(label, probability), weights, bins)


def at_threshold(label: Labels, probability: Floats, threshold: float, weights: Floats | None = None) -> dict[str, float]:
    """Accuracy, precision, recall and F1 of "probability ≥ threshold"; a ratio over nothing is 0.

    >>> at_threshold(np.array([0, 1, 1], np.int8), np.array([0.2, 0.6, 0.4]), 0.5)["recall"]
    0.5
    """
    weight = np.ones(len(label)) if weights is None else weights
    flagged, left = probability >= threshold, label == 1
    true_positive, false_positive = float(weight[flagged & left].sum()), float(weight[flagged & ~left].sum())
    return decisions_of(true_positive, false_positive, float(weight[~flagged & left].sum()), float(weight.sum()))


def decisions_of(true_positive: float, false_positive: float, false_negative: float, total: float) -> dict[str, float]:
    """Accuracy, precision, recall and F1 from (weighted) counts; a ratio over nothing is 0."""
    precision = true_positive / (true_positive + false_positive) if true_positive + false_positive else 0.0
    recall = true_positive / (true_positive + false_negative) if true_positive + false_negative else 0.0
    return {
        "f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "precision": precision,
        "recall": recall,
        "accuracy": (total - false_positive - false_negative) / total if total else 0.0,
    }


def best_f1_threshold(label: Labels, probability: Floats) -> float:
    """The threshold that maximises F1: midway between the last flagged and the first unflagged probability.

    >>> best_f1_threshold(np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.3, 0.7, 0.9]))
    0.5
    """
    ranking = rank(label, probability)
    positives, negatives = cumulated(ranking, None)
    f1 = 2 * positives / (positives + negatives + positives[-1])
    best = int(np.argmax(f1))
    return threshold_after(ranking, best)


def threshold_after(ranking: Ranking, run: int) -> float:
    """The threshold that flags the runs up to and with `run`: midway to the next probability, or to 0 after the last.

    >>> threshold_after(rank(np.array([0, 1], np.int8), np.array([0.2, 0.6])), 0)
    0.4
    """
    values = ranking.score[ranking.run_ends]
    following = values[run + 1] if run + 1 < len(values) else 0.0
    middle = (values[run] + following) / 2
    # Between neighbouring floats the middle rounds onto one of them: never onto the one that stays below.
    return float(middle if middle > following else values[run])


def composite(roc_auc_value: float, decisions: dict[str, float]) -> float:
    """The score that picks the best candidate: ROC-AUC 35 %, F1 30 %, recall 25 %, precision 10 %."""
    values = {"roc_auc": roc_auc_value, **decisions}
    return sum(weight * values[name] for name, weight in COMPOSITE_WEIGHTS.items())


def measure(label: Labels, probability: Floats, threshold: float) -> dict[str, float]:
    """Every measure of one model on one set of rows."""
    ranking = rank(label, probability)
    decisions = at_threshold(label, probability, threshold)
    area = roc_auc_of(ranking)
    return {
        "roc_auc": area,
        "pr_auc": pr_auc_of(ranking),
        **decisions,
        "brier": brier(label, probability),
        "log_loss": log_loss(label, probability),
        "expected_calibration_error": calibration_error_of(ranking),
        "composite": composite(area, decisions),
    }
