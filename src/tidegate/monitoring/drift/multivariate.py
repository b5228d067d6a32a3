"""Can a classifier tell the batch from the reference? Sees what no column shows alone: what holds between them, and many small shifts.

The classifier two-sample test (Lopez-Paz & Oquab 2017, ICLR): train on one half of a sample, look at the ROC-AUC on the other.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import Floats, roc_auc
from tidegate.measures.influence import roc_auc_influence

MOST_ROWS = 5_000
FEWEST_IN_A_HALF = 5
DEVIATIONS = 3.09
"""Standard errors on either side of an area: 99.8 %."""


@dataclass(frozen=True)
class Separation:
    """ROC-AUC with which `rows` customers are told apart by `columns` columns, and a 99.8 % interval; 0.5 is not at all."""

    roc_auc: float
    low: float
    high: float
    rows: int
    columns: int

    def document(self) -> dict[str, Any]:
        """For `drift_tests.json`."""
        return asdict(self)


def separation(reference: Floats, batch: Floats, halves: tuple[NDArray[np.bool_], NDArray[np.bool_]], seed: int) -> Separation | None:
    """How well gradient-boosted trees tell two matrices apart, (n, columns) and (m, columns) with NaN for missing.

    `halves` says of each row on which side of the split it is; the same row has to be on the same side in both. None where a half is
    too small, or there is no column.
    """
    table = _ranks(np.concatenate([reference, batch]))
    label = np.repeat(np.array([0, 1], np.int8), [len(reference), len(batch)])
    half = np.concatenate(halves)
    fewest = min(int((half[label == one] == side).sum()) for one in (0, 1) for side in (False, True))
    if not table.shape[1] or fewest < FEWEST_IN_A_HALF:
        return None
    areas, variances = [], []
    for side in (False, True):
        seen = label[half == side]
        score = _probability(table[half != side], label[half != side], table[half == side], seed)
        areas.append(roc_auc(seen, score))
        # The second term keeps a small sample that is told apart without a fault from looking certain.
        variances.append(float(np.sum(roc_auc_influence(seen, score) ** 2)) + 1 / (int(min(seen.sum(), (1 - seen).sum())) + 2) ** 2)
    # Each half is judged by what the other has learned, so that both areas may err together: no less than one of them alone.
    area, deviation = float(np.mean(areas)), math.sqrt(sum(variances) / 2)
    low, high = max(area - DEVIATIONS * deviation, 0.0), min(area + DEVIATIONS * deviation, 1.0)
    return Separation(area, low, high, len(label), table.shape[1])


def _ranks(table: Floats) -> Floats:
    """Each value's rank among its column's distinct ones, missing last: the same to a tree, and no number is too large for it."""
    ranks = [np.unique(values, return_inverse=True)[1] for values in table.T]
    return np.array(ranks, np.float64).reshape(table.shape[::-1]).T


def _probability(table: Floats, label: NDArray[np.int8], other: Floats, seed: int) -> Floats:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=8, min_samples_leaf=10, early_stopping=False, random_state=seed)
    with threadpool_limits(1, user_api="openmp"):  # sums of several threads come in no fixed order
        return np.asarray(model.fit(table, label).predict_proba(other)[:, 1], np.float64)
