"""The other side: the reference recipe's LightGBM, fitted here on the training rows of the same split."""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any

from holdouts.run import Record, Run
from holdouts.split import split_of

REFERENCE = {"num_leaves": 15, "n_estimators": 1000, "learning_rate": 0.02, "min_child_samples": 30, "colsample_bytree": 0.8}


def reference(run: Run) -> Record:
    """The reference recipe: mode for Unknown, standardised numbers, one-hot, SMOTE, LightGBM; all learned from training rows."""
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    import lightgbm
    from imblearn.over_sampling import SMOTE

    from tidegate.measures.classification import measure

    with tempfile.TemporaryDirectory() as folder:
        spec, history, split = split_of(run, folder)
    numbers, texts = raw_features(history.rows, spec)
    label = history.label
    began = time.process_time()
    train, holdout = prepared(numbers, texts, split.train, split.holdout)
    matrix, drawn = SMOTE(random_state=run.seed).fit_resample(train, label[split.train])
    model = lightgbm.LGBMClassifier(**REFERENCE, random_state=run.seed, n_jobs=1, verbose=-1).fit(matrix, drawn)
    spent = time.process_time() - began
    probability = model.predict_proba(holdout)[:, 1]
    return {
        "metrics": measure(label[split.holdout], probability, 0.5),
        "algorithm": "reference recipe",
        "training_rows": len(split.train),
        "holdout_rows": len(split.holdout),
        "split": split.kind,
        "features": [numbers.shape[1] + texts.shape[1], train.shape[1]],
        "fitting_cpu_seconds": round(spent, 2),
    }


def raw_features(rows: Any, spec: Any) -> tuple[Any, Any]:
    """The table's own columns, no ratios: numbers float64 (n, k), categories object (n, c) of level names."""
    import numpy as np

    from tidegate.customers.rows import OTHER_LEVEL, layout_of

    layout = layout_of(spec)
    numbers = rows.numbers.T.copy()
    texts = np.empty((len(rows), len(layout.category_columns)), object)
    for place, column in enumerate(layout.category_columns):
        texts[:, place] = np.array([*column.levels, "other"], object)[np.where(rows.codes[place] == OTHER_LEVEL, -1, rows.codes[place])]
    if not np.isfinite(numbers).all() or (rows.codes[rows.codes != OTHER_LEVEL] < 0).any():
        raise RuntimeError("The reference recipe says nothing of missing values: give a table without any.")
    return numbers, texts


def prepared(numbers: Any, texts: Any, train: Any, holdout: Any) -> tuple[Any, Any]:
    """Both sides as float64 matrices: standardised numbers, then one-hot categories with the training rows' mode for Unknown."""
    import numpy as np
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = texts.copy()
    for place in range(texts.shape[1]):
        known = texts[train, place][texts[train, place] != "Unknown"]
        levels, counts = np.unique(known.astype(str), return_counts=True)
        texts[texts[:, place] == "Unknown", place] = levels[counts.argmax()]
    scaler = StandardScaler().fit(numbers[train])
    if not texts.shape[1]:
        return scaler.transform(numbers[train]), scaler.transform(numbers[holdout])
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(texts[train])
    matrices = [np.hstack([scaler.transform(numbers[side]), encoder.transform(texts[side])]) for side in (train, holdout)]
    return matrices[0], matrices[1]
