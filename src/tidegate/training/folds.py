"""Out-of-fold predictions: every training row is judged by a model that did not see it. All choices are made on these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import NotEnoughData
from tidegate.features import Matrix
from tidegate.training.candidates import Candidate
from tidegate.training.fitted import Fitted, Watched, on_columns
from tidegate.training.oversampling import oversampled

FOLDS = 5
PATIENCE = 150
Fold = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Field:
    """What models are fitted on: training rows float32 (n, f), labels int8 (n,), folds, the models' seed, whether rows are oversampled, and
    which features are ratios, bool (f,).
    """

    matrix: Matrix
    label: NDArray[np.int8]
    folds: Sequence[Fold]
    seed: int
    smote: bool
    ratios: NDArray[np.bool_]


def fold_positions(label: NDArray[np.int8], groups: NDArray[np.object_] | None, seed: int) -> list[Fold]:
    """Five (training, judged) pairs of positions, stratified by label; rows of one group stay together. Raises NotEnoughData."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if groups is None:
        pairs: Iterator[Fold] = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(label, label)
    else:
        codes = np.unique(groups, return_inverse=True)[1]
        pairs = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(label, label, codes)
    found = [(np.asarray(train), np.asarray(judged)) for train, judged in pairs]
    if any(len(np.unique(label[train])) < 2 or not len(judged) for train, judged in found):
        raise NotEnoughData(f"A fold of {FOLDS} holds one class only.", "Give more rows, or more and smaller groups.")
    return found


def out_of_fold_margins(candidate: Candidate, field: Field) -> NDArray[np.float64]:
    """Margins float64 (n,), each from the fold whose model did not see the row."""
    margins = np.empty(len(field.label), np.float64)
    for train, judged in field.folds:
        margins[judged] = fit(candidate, field, train).margin(field.matrix[judged])
    return margins


def fit(candidate: Candidate, field: Field, rows: NDArray[np.int64] | slice, watched: NDArray[np.int64] | None = None) -> Fitted:
    """Fit a candidate on some rows, watching others; the only way in which training fits a model.

    Rows are oversampled where the field asks for it. Ratios are left out where the candidate does not want them and there is something
    else, features that do not vary over the rows always. Raises NotEnoughData where none is left.
    """
    matrix, label = field.matrix[rows], field.label[rows]
    wanted = np.ones(matrix.shape[1], bool) if candidate.ratios or field.ratios.all() else ~field.ratios
    columns = np.flatnonzero(wanted & _varying(matrix))
    if not columns.size:
        raise NotEnoughData("No feature varies over the training rows of a fold.", "Give more rows, or columns that tell customers apart.")
    matrix = matrix[:, columns]
    if field.smote:
        matrix, label = oversampled(matrix, label, field.seed)
    watching = None if watched is None else Watched(field.matrix[watched][:, columns], field.label[watched], PATIENCE)
    fitted = candidate.fit(np.ascontiguousarray(matrix), label, field.seed, candidate.parameters, watching)
    width = field.matrix.shape[1]
    return fitted if len(columns) == width else on_columns(fitted, columns, width)


def _varying(matrix: Matrix) -> NDArray[np.bool_]:
    """Which features, bool (f,), have two values, or one that is sometimes missing: some libraries stumble over the others."""
    missing = np.isnan(matrix)
    differ = np.fmax.reduce(matrix) > np.fmin.reduce(matrix)
    return np.asarray(differ | (missing.any(axis=0) & ~missing.all(axis=0)), bool)
