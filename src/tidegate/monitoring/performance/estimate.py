"""How good the champion is on customers whose labels have not come: from its calibrated probabilities alone.

A customer scored p counts as p who leave and 1 - p who stay, which gives the expected confusion matrix at every cut, and draws of labels
from p give its distribution: confidence-based performance estimation (Kivimäki, Białek, Kuberski & Nurminen 2025, "Performance Estimation
in Binary Classification Using Calibrated Confidence", arXiv:2505.05295; that confidence tells of performance under a shift is studied in
Guillory et al. 2021, ICCV, and Garg et al. 2022, ICLR). It follows covariate drift as far as the probabilities stay calibrated there. It
is blind to concept drift: where customers like these leave for other reasons than before, the probabilities say nothing of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.measures.classification import Floats
from tidegate.measures.intervals import Interval
from tidegate.monitoring.performance.draws import DRAWS, around, gathered, measures_of, told

_EDGE = 1e-12
_METRICS = ("roc_auc", "pr_auc", "recall", "precision")


@dataclass(frozen=True)
class Estimated:
    """What the probabilities promise. Each interval holds what labels will show in 95 % of cases, if the probabilities are calibrated, as
    far as the holdout could tell where `estimate` was given its uncertainty, else exactly.

    NaN where nothing can be said (no customers, or all sure to leave). `trusted` is False where calibration has broken; `why` says why.
    """

    roc_auc: Interval
    pr_auc: Interval
    recall: Interval
    precision: Interval
    rows: int
    trusted: bool
    why: str

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        metrics = {name: told(getattr(self, name)) for name in _METRICS}
        return {**metrics, "rows": self.rows, "trusted": self.trusted, "why": self.why}


def estimate(
    probability: Floats, threshold: float, seed: int, trusted: bool = True, why: str = "", uncertainty: Floats | None = None
) -> Estimated:
    """Expected ROC-AUC, PR-AUC, recall and precision of n customers with churn probabilities (n,), flagged from `threshold` on.

    `uncertainty`: float64 (2, 2), what `calibration_uncertainty` makes of the champion's holdout; it widens the intervals and moves no
    value. Raises ValueError where a probability is not in [0, 1].

    >>> found = estimate(np.linspace(0.01, 0.99, 99), 0.5, seed=1)
    >>> round(found.roc_auc.value, 3), found.roc_auc.low < found.roc_auc.value < found.roc_auc.high
    (0.832, True)
    """
    if not np.all((probability >= 0) & (probability <= 1)):
        raise ValueError("probabilities lie in [0, 1]")
    if not len(probability):
        nothing = Interval(math.nan, math.nan, math.nan)
        return Estimated(nothing, nothing, nothing, nothing, 0, trusted, why)
    bins = gathered(probability, threshold)
    generator = np.random.default_rng(seed)
    chance = _possible(bins.probability, uncertainty, generator)
    left = generator.binomial(bins.count.astype(np.int64), chance, (DRAWS, len(bins.count)))
    drawn = measures_of(left.astype(np.float64), bins.count - left, bins)
    return Estimated(**around(expected(probability, threshold), drawn), rows=len(probability), trusted=trusted, why=why)


def expected(probability: Floats, threshold: float) -> dict[str, float]:
    """Each measure as the expected numerator over the expected denominator, with labels that are independent draws from p.

    In a run of equal scores with m customers the number k who leave varies, so that E[k²] = E[k]² + Σ p(1 - p): without that term a
    customer would be compared with itself, once as leaving and once as staying.
    """
    ordered = np.sort(probability)[::-1]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    left = np.cumsum(ordered)[ends]
    spread = np.diff(np.cumsum(ordered * (1 - ordered))[ends], prepend=0.0)
    mean, size = np.diff(left, prepend=0.0), np.diff(ends + 1, prepend=0)
    all_left, count = float(left[-1]), len(ordered)
    pairs = float(np.sum((size - mean) * (left - mean / 2) - spread / 2))
    found = float(np.sum((mean * left + spread) / (ends + 1)))
    flagged = probability >= threshold
    caught = float(probability[flagged].sum())
    return {
        "roc_auc": _ratio(pairs, all_left * (count - all_left) - float(spread.sum())),
        "pr_auc": _ratio(found, all_left),
        "recall": caught / all_left if all_left else 0.0,
        "precision": caught / int(flagged.sum()) if flagged.any() else 0.0,
    }


def _possible(probability: Floats, uncertainty: Floats | None, generator: np.random.Generator) -> Floats:
    """What the probabilities (b,) may truly be: as they are, or (DRAWS, b) with intercepts and slopes that the holdout leaves open."""
    if uncertainty is None:
        return np.clip(probability, 0, 1)
    kept = np.clip(probability, _EDGE, 1 - _EDGE)
    lines = generator.multivariate_normal([0.0, 1.0], uncertainty, DRAWS)
    log_odds = lines[:, :1] + lines[:, 1:] * (np.log(kept) - np.log1p(-kept))
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)), np.float64)


def _ratio(part: float, whole: float) -> float:
    # A rounding error above nothing is nothing: one customer has no pair.
    return min(part / whole, 1.0) if whole > 1e-12 else math.nan
