"""What every algorithm's training gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.features import Matrix
from tidegate.training.export import write_trees
from tidegate.training.trees import Trees

Labels = NDArray[np.int8]
Margins = NDArray[np.float64]
SMALL_TABLE_ROWS = 50_000


@dataclass(frozen=True)
class Fitted:
    """A trained model: its margins (float32 (n, f) → float64 (n,)) by the training library, and how to write it into a bundle.

    `space` says what a margin is: log-odds, or a probability that calibration takes the log-odds of. `splits` are the (feature, threshold)
    pairs at which its decisions turn, for the parity gate; none for a linear model.
    """

    margin: Callable[[Matrix], Margins]
    kind: Literal["trees", "linear"]
    space: Literal["logit", "probability"]
    write: Callable[[Path], None]
    splits: Callable[[], tuple[NDArray[np.int64], NDArray[np.float64]]]


def fitted_trees(
    margin: Callable[[Matrix], Margins], read: Callable[[], Trees], features: int, space: Literal["logit", "probability"] = "logit"
) -> Fitted:
    """A tree model; its trees are read out, once, only when it is packed."""
    trees = cache(read)
    return Fitted(
        margin,
        "trees",
        space,
        write=lambda folder: write_trees(folder / "model.onnx", trees(), features),
        splits=lambda: (np.array(trees().feature, np.int64), np.array(trees().threshold, np.float64)),
    )


def no_splits() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The splits of a model that has none."""
    return np.empty(0, np.int64), np.empty(0, np.float64)


def threads(matrix: Matrix) -> int:
    """Threads for training: on a small table a second one waits more than it works. A function of the table alone, for repeatability."""
    return 1 if len(matrix) < SMALL_TABLE_ROWS else 2
