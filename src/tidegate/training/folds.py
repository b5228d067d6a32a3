"""Out-of-fold predictions: every training row is judged by a model that did not see it. All choices are made on these."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import NotEnoughData
from tidegate.features import Matrix
from tidegate.training.candidates import Candidate

FOLDS = 5


def fold_positions(
    label: NDArray[np.int8], groups: NDArray[np.object_] | None, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Five (training, judged) pairs of positions, stratified by label; rows of one group stay together. Raises NotEnoughData."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if groups is None:
        pairs: Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]] = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(
            label, label
        )
    else:
        codes = np.unique(groups, return_inverse=True)[1]
        pairs = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(label, label, codes)
    found = [(np.asarray(train), np.asarray(judged)) for train, judged in pairs]
    if any(len(np.unique(label[train])) < 2 or not len(judged) for train, judged in found):
        raise NotEnoughData(f"A fold of {FOLDS} holds one class only.", "Give more rows, or more and smaller groups.")
    return found


def out_of_fold_margins(
    candidate: Candidate, matrix: Matrix, label: NDArray[np.int8], folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]], seed: int
) -> NDArray[np.float64]:
    """Margins float64 (n,), each from the fold whose model did not see the row."""
    margins = np.empty(len(label), np.float64)
    for train, judged in folds:
        margins[judged] = candidate.fit(matrix[train], label[train], seed, candidate.parameters).margin(matrix[judged])
    return margins
