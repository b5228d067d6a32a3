"""Whether probabilities still mean what they say, on customers whose labels have matured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.customers.kept_rows import UNKNOWN_LABEL
from tidegate.measures.classification import Floats, Labels, roc_auc
from tidegate.monitoring.performance.estimate import expected

FEWEST_POSITIVES = 20
SIGNIFICANCE = 0.001
ROC_AUC_TOLERANCE = 0.01
COUNT_TOLERANCE = 0.2
_EDGE = 1e-4  # as in the bundle's own calibration: a log-odds has to end somewhere
_STEPS, _SETTLED, _WORST_CONDITION = 50, 1e-9, 1e8


@dataclass(frozen=True)
class CalibrationCheck:
    """`broken`: the estimate of performance is not to be trusted. `slope` 1 and `intercept` 0 are perfect (log-odds scale).

    `statistic` is the likelihood ratio of recalibration, `p_value` its chance if nothing is wrong. `observed`, `expected`: how many left,
    and how many were to. `roc_auc_error`: realised less estimated ROC-AUC. All but the counts are NaN where there are too few to tell.
    """

    broken: bool
    statistic: float
    p_value: float
    slope: float
    intercept: float
    observed: int
    expected: float
    roc_auc_error: float
    rows: int
    sentence: str

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        numbers = {name: getattr(self, name) for name in ("statistic", "p_value", "slope", "intercept", "expected", "roc_auc_error")}
        finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        return {"broken": self.broken, **finite, "observed": self.observed, "rows": self.rows, "sentence": self.sentence}


def check_calibration(label: Labels, probability: Floats) -> CalibrationCheck:
    """Test intercept and slope of a logistic recalibration against 0 and 1 (Cox 1958, Biometrika 45; likelihood ratio, two degrees of
    freedom), on customers with a label (int8 (n,); -1 is left out) and a probability (n,).

    Broken means significant at one in a thousand and large: the estimated ROC-AUC was off by more than 0.01, or the number who left by
    more than a fifth. Without the second condition a million customers would break any model. Where fewer than 20 left and fewer than
    20 were to, or likewise stayed, there are too few to tell, which is not broken. The test sees what a straight line through the
    log-odds can see: too high, too low, too sure, not sure enough; not a bend that leaves all of these as they are.
    """
    known = label != UNKNOWN_LABEL
    left, scores = (label[known] == 1), probability[known]
    rows, observed, due = len(left), int(left.sum()), float(scores.sum())
    if max(observed, due) < FEWEST_POSITIVES or max(rows - observed, rows - due) < FEWEST_POSITIVES:
        said = f"Too few to tell whether probabilities still hold: {rows:,} matured labels, {observed:,} left, {due:.0f} were to."
        return CalibrationCheck(False, math.nan, math.nan, math.nan, math.nan, observed, due, math.nan, rows, said)
    log_odds = _log_odds(scores)
    intercept, slope, gain = _recalibrated(left.astype(np.float64), log_odds)
    p_value = math.exp(-gain)  # the upper tail of χ² with two degrees of freedom at 2 · gain
    error = roc_auc(left.astype(np.int8), scores) - expected(scores, 0.5)["roc_auc"]
    large = not abs(error) <= ROC_AUC_TOLERANCE or abs(observed - due) > COUNT_TOLERANCE * due
    broken = bool(p_value < SIGNIFICANCE and large)
    said = _sentence(broken, p_value, observed, due, error)
    return CalibrationCheck(broken, 2 * gain, p_value, slope, intercept, observed, due, error, rows, said)


def calibration_uncertainty(label: Labels, probability: Floats) -> Floats | None:
    """How far intercept and slope of a calibration may be off, for all that n customers (the champion's holdout) can tell.

    Covariance of their estimates at 0 and 1, float64 (2, 2): the inverse of the Fisher information. None where the check would say "too
    few to tell". Labels of -1 are left out.
    """
    known = label != UNKNOWN_LABEL
    scores = probability[known]
    if min(float(scores.sum()), float((1 - scores).sum())) < FEWEST_POSITIVES:
        return None
    design = np.stack([np.ones_like(scores), _log_odds(scores)])
    information = (design * (scores * (1 - scores))) @ design.T
    if np.linalg.cond(information) > _WORST_CONDITION:  # all probabilities alike: no slope can be told
        return None
    return np.asarray(np.linalg.inv(information), np.float64)


def _sentence(broken: bool, p_value: float, observed: int, due: float, error: float) -> str:
    counted = f"{observed:,} left where the probabilities said {due:,.0f}"
    area = f"; estimated ROC-AUC was off by {abs(error):.3f}" if math.isfinite(error) else ""
    if broken:
        chance = f"p {p_value:.1g}" if p_value >= 1e-15 else "p below 1e-15"
        return f"Calibration has broken ({chance}): {counted}{area}. Estimates are not to be trusted until the model is renewed."
    return f"Calibration holds: {counted}{area}."


def _log_odds(probability: Floats) -> Floats:
    kept = np.clip(probability, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(kept) - np.log1p(-kept), np.float64)


def _recalibrated(left: Floats, log_odds: Floats) -> tuple[float, float, float]:
    """Intercept, slope and the log-likelihood gained over (0, 1), by Newton's method with halved steps.

    Where labels are separated the slope has no end; the likelihood has, and the steps stop there.
    """
    found = np.array([0.0, 1.0])
    design = np.stack([np.ones_like(log_odds), log_odds])
    first = best = _likelihood(left, log_odds)
    for _ in range(_STEPS):
        predicted = _sigmoid(found @ design)
        weight = np.maximum(predicted * (1 - predicted), 1e-12)
        curvature = (design * weight) @ design.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, design @ (left - predicted))
        for _ in range(30):
            value = _likelihood(left, (found + step) @ design)
            if value >= best:
                break
            step = step / 2
        else:
            break
        found, gained, best = found + step, value - best, value
        if gained < _SETTLED:
            break
    return float(found[0]), float(found[1]), max(best - first, 0.0)


def _likelihood(left: Floats, log_odds: Floats) -> float:
    return float(np.sum(left * log_odds - np.logaddexp(0.0, log_odds)))


def _sigmoid(value: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -value)), np.float64)
