"""SMOTE, for those who want it: synthetic leavers among the rows that a model is trained on, never among those it is judged on."""

from __future__ import annotations

import numpy as np

from tidegate.features import Matrix
from tidegate.training.fitted import Labels

NEIGHBOURS = 5


def oversampled(matrix: Matrix, label: Labels, seed: int) -> tuple[Matrix, Labels]:
    """The rows and synthetic ones of the rarer class, until both are equally many (Chawla et al. 2002).

    A missing value stands at its feature's median while neighbours are sought; the rows themselves keep theirs. Unchanged where the rarer
    class has too few rows for neighbours.
    """
    from imblearn.over_sampling import SMOTE

    if int(np.bincount(label, minlength=2).min()) <= NEIGHBOURS:
        return matrix, label
    missing = np.isnan(matrix)
    present = np.where(missing.all(axis=0), 0, matrix)
    filled = np.where(missing, np.nan_to_num(np.nanmedian(present, axis=0)), matrix).astype(np.float32)
    more, labels = SMOTE(random_state=seed, k_neighbors=NEIGHBOURS).fit_resample(filled, label)
    return np.concatenate([matrix, np.asarray(more[len(matrix) :], np.float32)]), np.asarray(labels, np.int8)
