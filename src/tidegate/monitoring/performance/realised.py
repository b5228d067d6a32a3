"""How good the champion was on customers whose labels have matured, against what its holdout promised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.customers.kept_rows import UNKNOWN_LABEL
from tidegate.measures.classification import Floats, Labels, measure
from tidegate.measures.intervals import Interval
from tidegate.monitoring.performance.draws import DRAWS, Bins, around, gathered, measures_of, told

FEWEST_POSITIVES = 30
LARGEST_DROP = 0.05
_METRICS = ("roc_auc", "pr_auc", "recall", "precision", "f1", "brier")


@dataclass(frozen=True)
class Realised:
    """`rows` customers with a matured label, `positives` of whom left; `unlabelled` are as old and nothing was seen of them.

    `metrics`: roc_auc, pr_auc, recall, precision, f1, brier, each with a 95 % interval over customers. `roc_auc_drop` is relative to the
    holdout's, positive where it fell, NaN where it cannot be said. `enough`: there are so many of each class that `worse` may be said.
    `worse`: ROC-AUC fell by more than may be lost, and its interval lies below the holdout's value.
    """

    rows: int
    positives: int
    unlabelled: int
    metrics: dict[str, Interval]
    roc_auc_drop: float
    worse: bool
    enough: bool
    sentence: str

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "rows": self.rows,
            "positives": self.positives,
            "unlabelled": self.unlabelled,
            "metrics": {name: told(interval) for name, interval in self.metrics.items()},
            "roc_auc_drop": self.roc_auc_drop if math.isfinite(self.roc_auc_drop) else None,
            "worse": self.worse,
            "enough": self.enough,
            "sentence": self.sentence,
        }


def realise(
    label: Labels,
    probability: Floats,
    threshold: float,
    holdout: Mapping[str, float],
    seed: int,
    fewest: int = FEWEST_POSITIVES,
    largest_drop: float = LARGEST_DROP,
) -> Realised | None:
    """Measures of those whose label (int8 (n,), 1 left, 0 stayed, -1 not known) is known; None where nobody's is.

    `probability`: float64 (n,). `holdout` holds the champion's `roc_auc` on its holdout, of which the share `largest_drop` may be lost.
    An unknown label is never taken for "stayed".
    """
    known = label != UNKNOWN_LABEL
    if not known.any():
        return None
    seen, scores = label[known], probability[known]
    values = measure(seen, scores, threshold)
    metrics = around({name: values[name] for name in _METRICS}, _drawn(seen, gathered(scores, threshold), seed))
    positives = int((seen == 1).sum())
    enough = min(positives, len(seen) - positives) >= fewest
    area, promised = metrics["roc_auc"], holdout["roc_auc"]
    drop = relative_drop(area.value, promised)
    worse = bool(enough and drop > largest_drop and area.high < promised)
    counts = (len(seen), positives, fewest)
    sentence = _sentence(area, promised, drop, counts, enough, largest_drop if worse else None)
    return Realised(len(seen), positives, int((~known).sum()), metrics, drop, worse, enough, sentence)


def relative_drop(value: float, promised: float) -> float:
    """By what share of the promised value it fell short; negative where it exceeds it, NaN where nothing was promised.

    >>> round(relative_drop(0.9, 0.96), 4)
    0.0625
    """
    return (promised - value) / promised if promised > 0 else math.nan


def _drawn(label: Labels, bins: Bins, seed: int) -> dict[str, Floats]:
    """Bootstrap over customers: draws of (bin, label) cells instead of rows, which is the same where a bin is one score."""
    size = len(bins.count)
    cells = np.bincount(bins.of + size * (label == 1), minlength=2 * size) / len(label)
    drawn = np.random.default_rng(seed).multinomial(len(label), cells, DRAWS).astype(np.float64)
    return measures_of(drawn[:, size:], drawn[:, :size], bins)


def _sentence(area: Interval, promised: float, drop: float, counts: tuple[int, int, int], enough: bool, exceeded: float | None) -> str:
    rows, positives, fewest = counts
    whom = f"{rows:,} customers with matured labels, {positives:,} of whom left"
    if not enough:
        return f"Too few to judge: {whom}; {fewest:,} who left and {fewest:,} who stayed are needed."
    said = f"ROC-AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f}) on {whom}"
    if exceeded is not None:
        return f"{said}: {drop:.1%} below the holdout's {promised:.3f}, more than {100 * exceeded:.3g}% and more than chance explains."
    return f"{said}; the holdout's was {promised:.3f}."
