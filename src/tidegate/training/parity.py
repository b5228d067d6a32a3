"""The parity gate: what is served must be what was trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.calibration import calibrated
from tidegate.bundle.manifest import Calibration
from tidegate.errors import BundleRefused
from tidegate.features import LARGEST_FLOAT32, Matrix
from tidegate.training.model import Model
from tidegate.training.trees import Trees

LARGEST_DIFFERENCE = 1e-6
JITTERED_ROWS = 20_000


def parity_rows(matrix: Matrix, model: Model, seed: int, count: int = JITTERED_ROWS) -> Matrix:
    """The rows themselves and `count` jittered ones: each value another row's or a split's threshold, as it is or a float32 step aside."""
    generator = np.random.default_rng(seed)
    mixed = np.take_along_axis(matrix, generator.integers(0, len(matrix), (count, matrix.shape[1])), axis=0)
    split_features, thresholds = _splits(model)
    for feature in range(matrix.shape[1]):
        turning = thresholds[(split_features == feature) & (np.abs(thresholds) < LARGEST_FLOAT32)].astype(np.float32)
        if turning.size:
            at_split = generator.random(count) < 0.5
            mixed[at_split, feature] = generator.choice(turning, int(at_split.sum()))
    nudge = generator.integers(-1, 2, mixed.shape)
    towards = np.where(nudge > 0, np.float32(np.inf), np.float32(-np.inf)).astype(np.float32)
    with np.errstate(over="ignore"):
        moved = np.where(nudge == 0, mixed, np.nextafter(mixed, towards)).astype(np.float32)
    return np.concatenate([matrix, np.where(np.isinf(moved), mixed, moved)])


def _splits(model: Model) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The (feature, threshold) pairs at which decisions turn; none for a linear model."""
    trees = [content for content in (part.content() for part in model.parts) if isinstance(content, Trees)]
    features = np.array([feature for one in trees for feature in one.feature], np.int64)
    return features, np.array([threshold for one in trees for threshold in one.threshold], np.float64)


def require_parity(
    model: Model, served: NDArray[np.float64], matrix: Matrix, calibration: Calibration, threshold: float, name: str
) -> float:
    """Largest difference between served and trained probabilities over `matrix`. Raises BundleRefused beyond 1e-6 or on a decision."""
    trained = calibrated(calibration, model.margin(matrix))
    difference = np.abs(trained - served)
    worst = float(difference.max())
    decided_otherwise = (trained >= threshold) != (served >= threshold)
    if worst > LARGEST_DIFFERENCE or decided_otherwise.any():
        raise BundleRefused(
            f"The exported {name} differs from the trained one by {worst:g} in probability ({int(decided_otherwise.sum())} decisions).",
            "Report this; nothing was registered.",
        )
    return worst
