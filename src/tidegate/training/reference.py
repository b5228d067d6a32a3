"""The customers a version was trained and judged on, kept in the home: what monitoring compares with and renewal learns from again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tidegate.customers.history import History
from tidegate.customers.kept_rows import HOLDOUT, TRAIN, KeptRows, write_kept
from tidegate.customers.split import Split
from tidegate.home import Home
from tidegate.training.arena import Contestant
from tidegate.training.order import Order


def keep_reference(home: Home, digest: str, order: Order, history: History, split: Split, winner: Contestant) -> Path:
    """Write `reference/DIGEST.parquet`: training rows with their out-of-fold probability, then holdout rows with the model's own."""
    order_of_rows = np.concatenate([split.train, split.holdout])
    ids = np.full(len(history.label), None, object) if history.ids is None else history.ids
    part = np.array([TRAIN] * len(split.train) + [HOLDOUT] * len(split.holdout), object)
    probability = np.concatenate([winner.judged.probability, winner.probability])
    about = {"digest": digest, "data_sha256": history.sha256, "seen_at": order.now.isoformat()}
    path = home.reference / f"{digest}.parquet"
    rows, label = history.rows.take(order_of_rows), history.label[order_of_rows]
    write_kept(path, order.spec, KeptRows(rows, ids[order_of_rows], label, part, probability, about))
    return path
