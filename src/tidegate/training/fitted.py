"""What every algorithm's training gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.linear import Linear
from tidegate.features import Matrix
from tidegate.training.trees import Trees

Labels = NDArray[np.int8]
Margins = NDArray[np.float64]
SMALL_TABLE_ROWS = 50_000


@dataclass(frozen=True)
class Fitted:
    """One trained algorithm: its margins (float32 (n, f) → float64 (n,)) by the training library, and its content to export.

    `space` says what a margin is: log-odds, or a probability that calibration takes the log-odds of. `content` is read out of the
    library, once, only when it is packed or explained. `rounds`: after how many trees boosting stopped, where it was watched.
    """

    margin: Callable[[Matrix], Margins]
    kind: Literal["trees", "linear"]
    space: Literal["logit", "probability"]
    content: Callable[[], Trees | Linear]
    rounds: int | None = None


@dataclass(frozen=True)
class Watched:
    """Rows on which boosting watches its PR-AUC (scikit-learn's: its log-loss), float32 (n, f) and int8 (n,).

    It stops `patience` rounds after the best one. Log-loss turns earlier than the ranking does, and calibration repairs it.
    """

    matrix: Matrix
    label: Labels
    patience: int


def fitted_trees(
    margin: Callable[[Matrix], Margins],
    read: Callable[[], Trees],
    space: Literal["logit", "probability"] = "logit",
    rounds: int | None = None,
) -> Fitted:
    """A tree model; its trees are read out, once, only when they are needed."""
    return Fitted(margin, "trees", space, cache(read), rounds)


def on_columns(fitted: Fitted, columns: NDArray[np.int64], width: int) -> Fitted:
    """The same model over all `width` features where it was trained on some `columns` of them only."""

    def content() -> Trees | Linear:
        inner = fitted.content()
        if isinstance(inner, Trees):
            return replace(inner, feature=[int(columns[feature]) for feature in inner.feature])
        mean, weight, scale = np.zeros(width), np.zeros(width), np.ones(width)
        mean[columns], weight[columns], scale[columns] = inner.mean, inner.weight, inner.scale
        return Linear(mean, scale, weight, inner.intercept)

    return replace(fitted, margin=lambda rows: fitted.margin(np.ascontiguousarray(rows[:, columns])), content=cache(content))


def threads(matrix: Matrix) -> int:
    """Threads for training: on a small table a second one waits more than it works. A function of the table alone, for repeatability."""
    return 1 if len(matrix) < SMALL_TABLE_ROWS else 2
