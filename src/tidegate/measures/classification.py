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


@dataclass(frozen=True)
class Ranking:
    """Labels sorted by falling score, and where runs of equal scores end: computed once, measured under many weights."""

    label: NDArray[np.float64]
    order: NDArray[np.int64]
    run_ends: NDArray[np.int64]


def rank(label: Labels, score: Floats) -> Ranking:
    """Sort once for `roc_auc_of` and `pr_auc_of`."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    return Ranking(label[order].astype(np.float64), order, ends)


def _cumulated(ranking: Ranking, weights: Floats | None) -> tuple[Floats, Floats]:
    weight = np.ones(len(ranking.label)) if weights is None else weights[ranking.order]
    positives = np.cumsum(weight * ranking.label)[ranking.run_ends]
    negatives = np.cumsum(weight * (1.0 - ranking.label))[ranking.run_ends]
    return positives, negatives


def roc_auc_of(ranking: Ranking, weights: Floats | None = None) -> float:
    """Area under the ROC curve, ties counted half; NaN where one class is absent (Hanley & McNeil 1982)."""
    positives, negatives = _cumulated(ranking, weights)
    if not positives[-1] or not negatives[-1]:
        return float("nan")
    before = np.append(0.0, positives[:-1])
    return float(np.sum(np.diff(negatives, prepend=0.0) * (before + positives) / 2) / (positives[-1] * negatives[-1]))


def pr_auc_of(ranking: Ranking, weights: Floats | None = None) -> float:
    """Average precision: the step-wise area under the precision-recall curve; NaN without positives (Davis & Goadrich 2006)."""
    positives, negatives = _cumulated(ranking, weights)
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


def brier(label: Labels, probability: Floats) -> float:
    """Mean squared error of the probability (Brier 1950)."""
    return float(np.mean((probability - label) ** 2))


def log_loss(label: Labels, probability: Floats) -> float:
    """Mean negative log-likelihood; probabilities are kept 1e-15 away from 0 and 1."""
    kept = np.clip(probability, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(label == 1, np.log(kept), np.log1p(-kept))))


def at_threshold(label: Labels, probability: Floats, threshold: float, weights: Floats | None = None) -> dict[str, float]:
    """Accuracy, precision, recall and F1 of "probability ≥ threshold"; a ratio over nothing is 0.

    >>> at_threshold(np.array([0, 1, 1], np.int8), np.array([0.2, 0.6, 0.4]), 0.5)["recall"]
    0.5
    """
    weight = np.ones(len(label)) if weights is None else weights
    flagged, left = probability >= threshold, label == 1
    true_positive, false_positive = float(weight[flagged & left].sum()), float(weight[flagged & ~left].sum())
    false_negative, total = float(weight[~flagged & left].sum()), float(weight.sum())
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
    positives, negatives = _cumulated(ranking, None)
    f1 = 2 * positives / (positives + negatives + positives[-1])
    best = int(np.argmax(f1))
    ordered = probability[ranking.order][ranking.run_ends]
    following = ordered[best + 1] if best + 1 < len(ordered) else 0.0
    return float((ordered[best] + following) / 2)


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
        "composite": composite(area, decisions),
    }
