"""An honest holdout: rows the model never saw, chosen so that they resemble tomorrow's customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.history import History
from tidegate.errors import NotEnoughData

HOLDOUT_SHARE = 0.2
FEWEST_ROWS = 50
FEWEST_OF_CLASS = 10


@dataclass(frozen=True)
class Split:
    """Positions (int64) of training and holdout rows, and in words how they were told apart. `groups`: object (n,) or None."""

    train: NDArray[np.int64]
    holdout: NDArray[np.int64]
    kind: str
    groups: NDArray[np.object_] | None


def split_history(history: History, seed: int) -> Split:
    """Hold out a fifth: the latest period where there is a time, whole groups where rows belong together, else at random by label.

    The random split is scikit-learn's `train_test_split(test_size=0.2, stratify=label, random_state=seed)` over the rows in file order.
    Raises NotEnoughData where no side could be learned from or judged on.
    """
    label = history.label
    _require_enough(label)
    groups = _groups(history)
    positions = np.arange(len(label))
    if history.times is not None:
        split = _latest(history.times, groups, positions, seed)
    elif groups is not None:
        train, holdout = _whole_groups(label, groups, seed)
        split = Split(train, holdout, "whole groups", groups)
    else:
        from sklearn.model_selection import train_test_split

        train, holdout = train_test_split(positions, test_size=HOLDOUT_SHARE, stratify=label, random_state=seed)
        split = Split(np.asarray(train), np.asarray(holdout), "random, stratified by label", None)
    for side, rows in (("training", split.train), ("holdout", split.holdout)):
        if len(np.unique(label[rows])) < 2:
            raise NotEnoughData(f"The {side} side of the split ({split.kind}) holds one class only.", "Give a longer history.")
    return split


def _require_enough(label: NDArray[np.int8]) -> None:
    left = int((label == 1).sum())
    stayed = len(label) - left
    if not left or not stayed:
        raise NotEnoughData(
            f"All {len(label):,} labelled rows are of one class.", "Check `positive` in the spec, or give a table with both outcomes."
        )
    if len(label) < FEWEST_ROWS or min(left, stayed) < FEWEST_OF_CLASS:
        raise NotEnoughData(
            f"{len(label):,} labelled rows with {left:,} who left are too few to learn from.",
            f"Give at least {FEWEST_ROWS} rows with {FEWEST_OF_CLASS} of each outcome.",
        )


def _groups(history: History) -> NDArray[np.object_] | None:
    """Rows that belong together: the declared groups, else the ids where one repeats."""
    named = history.groups if history.groups is not None else history.ids
    if named is None:
        return None
    alone = np.array([f"\x00row {position}" if name is None else name for position, name in enumerate(named)], dtype=object)
    return alone if history.groups is not None or len(set(alone)) < len(alone) else None


def _whole_groups(label: NDArray[np.int8], groups: NDArray[np.object_], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = round(1 / HOLDOUT_SHARE)
    if len(set(groups)) < folds:
        raise NotEnoughData(f"The rows form {len(set(groups))} groups, too few to hold one out.", f"Give at least {folds} groups.")
    codes = np.unique(groups, return_inverse=True)[1]
    train, holdout = next(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(label, label, codes))
    return np.asarray(train), np.asarray(holdout)


def _latest(times: NDArray[np.float64], groups: NDArray[np.object_] | None, positions: NDArray[np.int64], seed: int) -> Split:
    """The latest periods that together hold a fifth of the rows; with groups, only of a fifth of them, and those train nowhere."""
    if np.isnan(times).any() or np.isinf(times).any():
        count = int((~np.isfinite(times)).sum())
        raise NotEnoughData(f"{count:,} rows have no readable time.", "Fill the time column or take `time` out of the spec.")
    periods, counts = np.unique(times, return_counts=True)
    if len(periods) < 2:
        raise NotEnoughData("The time column holds a single period.", "Give a longer history or take `time` out of the spec.")
    later = np.cumsum(counts[::-1])
    first = periods[::-1][min(int(np.searchsorted(later, HOLDOUT_SHARE * len(times))), len(periods) - 2)]
    late = times >= first
    if groups is None:
        return Split(positions[~late], positions[late], "latest period", None)
    names = np.unique(groups[late])
    held = set(np.random.default_rng(seed).permutation(names)[: max(1, round(HOLDOUT_SHARE * len(names)))])
    mine = np.array([name in held for name in groups])
    return Split(positions[~late & ~mine], positions[late & mine], "latest period of groups that train nowhere", groups)


def repeated_across(split: Split, matrix: NDArray[np.float32]) -> int:
    """Holdout rows whose features (float32 (n, f)) equal those of a training row bit for bit: they flatter the holdout's metrics."""
    rows = np.ascontiguousarray(matrix).view(np.dtype((np.void, matrix.dtype.itemsize * matrix.shape[1]))).ravel()
    return int(np.isin(rows[split.holdout], rows[split.train]).sum())
