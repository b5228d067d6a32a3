"""How well the true probabilities of a simulated table do on the holdout rows: no model can do better except by luck."""

from __future__ import annotations

import tempfile
from pathlib import Path

from holdouts.run import Record, Run
from holdouts.split import require_same, split_of


def best_possible(run: Run, holdout_rows: int) -> Record:
    """How the true probability does on the holdout rows of this run; `expected_log_loss` is the mean entropy of their labels."""
    import csv

    import numpy as np

    from tidegate.measures.classification import log_loss, roc_auc

    with tempfile.TemporaryDirectory() as folder:
        _, history, split = split_of(run, folder)
    require_same(run, len(split.holdout), holdout_rows)
    with Path(str(run.truth)).open(newline="") as file:
        everyone = np.array([float(row["churn_probability"]) for row in csv.DictReader(file)])
    truth, label = everyone[history.row_numbers - 1][split.holdout], history.label[split.holdout]
    kept = np.clip(truth, 1e-15, 1 - 1e-15)
    entropy = -np.mean(kept * np.log(kept) + (1 - kept) * np.log1p(-kept))
    return {
        "best": {"roc_auc": roc_auc(label, truth), "log_loss": log_loss(label, truth), "expected_log_loss": float(entropy)},
        "base_rate": float(label.mean()),
    }
