"""Calibration, threshold and the choice among candidates, all from out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.calibration import calibrated, log_odds
from tidegate.bundle.manifest import Calibration
from tidegate.measures.classification import best_f1_threshold, measure
from tidegate.measures.intervals import (
    Interval,
    bootstrap,
    composite_measure,
    log_loss_measure,
    paired_difference,
    pr_auc_measure,
    roc_auc_measure,
)

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


def choose(judged: Sequence[Judged], label: Labels, seed: int) -> tuple[Judged, str]:
    """The candidate to serve, and why in a sentence.

    Best by composite score; those not worse than it beyond noise (paired bootstrap, 95 %) are its equals, since a threshold makes that
    score jump. Among equals the lowest log-loss decides, but only beyond noise: of those not worse in it, the simplest goes first.
    """
    best = max(judged, key=lambda candidate: candidate.metrics["composite"])
    equals = [candidate for candidate in judged if candidate is best or not worse_beyond_noise(candidate, best, label, seed)]
    sharpest = min(equals, key=lambda candidate: candidate.metrics["log_loss"])
    as_sharp = [candidate for candidate in equals if candidate is sharpest or not blunter_beyond_noise(candidate, sharpest, label, seed)]
    chosen = min(as_sharp, key=lambda candidate: (candidate.complexity, candidate.metrics["log_loss"]))
    return chosen, _why(chosen, best, sharpest, len(equals), len(as_sharp))


def _why(chosen: Judged, best: Judged, sharpest: Judged, equals: int, as_sharp: int) -> str:
    if equals == 1:
        return f"{chosen.name} has the best composite score out of fold, beyond noise."
    first = f"{equals} models have a composite score out of fold that noise could explain ({best.name} the best)"
    if as_sharp == 1:
        return f"{first}; of these {chosen.name} has the lowest log-loss, beyond noise."
    if chosen is sharpest:
        return f"{first}; of these {chosen.name} has the lowest log-loss, and no simpler one comes as near as noise."
    return f"{first}; {chosen.name} is the simplest of the {as_sharp} whose log-loss is as low as that of {sharpest.name} within noise."


def worse_beyond_noise(candidate: Judged, other: Judged, label: Labels, seed: int) -> bool:
    """Whether the composite score of `candidate` is lower than that of `other` in more than 97.5 % of bootstrap draws."""
    first = composite_measure(label, candidate.probability, candidate.threshold)
    second = composite_measure(label, other.probability, other.threshold)
    return paired_difference(first, second, len(label), seed).high < 0


def blunter_beyond_noise(candidate: Judged, other: Judged, label: Labels, seed: int) -> bool:
    """Whether the log-loss of `candidate` is higher than that of `other` in more than 95 % of bootstrap draws.

    One side only: `other` is the sharpest there is, and the question is whether it really is.
    """
    first, second = (log_loss_measure(label, judged.probability) for judged in (candidate, other))
    return paired_difference(first, second, len(label), seed, level=0.90).low > 0


def evidence(candidate: Judged, label: Labels, seed: int) -> dict[str, Interval]:
    """ROC-AUC and PR-AUC with intervals, out of fold."""
    return {
        "roc_auc": bootstrap(roc_auc_measure(label, candidate.probability), len(label), seed),
        "pr_auc": bootstrap(pr_auc_measure(label, candidate.probability), len(label), seed),
    }
