"""Calibration, threshold and the choice among candidates, all from out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.manifest import Calibration
from tidegate.bundle.scorer import calibrated, log_odds
from tidegate.measures.classification import best_f1_threshold, measure
from tidegate.measures.intervals import Interval, bootstrap, composite_measure, paired_difference, pr_auc_measure, roc_auc_measure

Labels = NDArray[np.int8]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """A candidate as its out-of-fold predictions show it. `probability`: float64 (n,), calibrated."""

    name: str
    complexity: int
    probability: Floats
    calibration: Calibration
    threshold: float
    metrics: dict[str, float]


def judge(name: str, complexity: int, label: Labels, margin: Floats, space: Literal["logit", "probability"] = "logit") -> Judged:
    """Calibrate margins, find the threshold, measure."""
    calibration = platt(log_odds(margin, space), label).model_copy(update={"space": space})
    probability = calibrated(calibration, margin)
    threshold = best_f1_threshold(label, probability)
    return Judged(name, complexity, probability, calibration, threshold, measure(label, probability, threshold))


def platt(margin: Floats, label: Labels) -> Calibration:
    """Slope and intercept of a logistic fit of the label on the margin, with Platt's smoothed targets (Platt 1999, section 2.2).

    The smoothing keeps the fit finite where the margin separates the classes perfectly.
    """
    from scipy.optimize import minimize

    positives = float(label.sum())
    negatives = len(label) - positives
    target = np.where(label == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    scale = max(float(np.std(margin)), 1e-12)
    x = margin / scale

    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = parameters[0] * x + parameters[1]
        error = 1 / (1 + np.exp(-np.clip(z, -500, 500))) - target
        return float(np.mean(np.logaddexp(0, z) - target * z)), np.array([np.mean(error * x), np.mean(error)])

    found = minimize(loss, np.array([scale, 0.0]), jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-10, "maxiter": 500})
    return Calibration(slope=float(found.x[0]) / scale, intercept=float(found.x[1]))


def choose(judged: Sequence[Judged], label: Labels, seed: int) -> Judged:
    """The best by composite score. Those not worse than it beyond noise (paired bootstrap, 95 %) are its equals: among equals the simpler
    goes first, and of the same complexity the one with the lower log-loss, which no threshold makes jump.
    """
    best = max(judged, key=lambda candidate: candidate.metrics["composite"])
    equals = [candidate for candidate in judged if candidate is best or not worse_beyond_noise(candidate, best, label, seed)]
    return min(equals, key=lambda candidate: (candidate.complexity, candidate.metrics["log_loss"]))


def worse_beyond_noise(candidate: Judged, other: Judged, label: Labels, seed: int) -> bool:
    """Whether the composite score of `candidate` is lower than that of `other` in more than 97.5 % of bootstrap draws."""
    first = composite_measure(label, candidate.probability, candidate.threshold)
    second = composite_measure(label, other.probability, other.threshold)
    return paired_difference(first, second, len(label), seed).high < 0


def evidence(candidate: Judged, label: Labels, seed: int) -> dict[str, Interval]:
    """ROC-AUC and PR-AUC with intervals, out of fold."""
    return {
        "roc_auc": bootstrap(roc_auc_measure(label, candidate.probability), len(label), seed),
        "pr_auc": bootstrap(pr_auc_measure(label, candidate.probability), len(label), seed),
    }
