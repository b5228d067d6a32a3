"""The parity gate: what is served must be what was trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.manifest import Calibration
from tidegate.bundle.scorer import calibrated
from tidegate.errors import BundleRefused
from tidegate.features import Matrix
from tidegate.training.candidates import Fitted

LARGEST_DIFFERENCE = 1e-6
JITTERED_ROWS = 20_000


def parity_rows(matrix: Matrix, seed: int) -> Matrix:
    """The rows themselves and jittered copies: each value swapped with another row's, or moved by one unit in the last place."""
    generator = np.random.default_rng(seed)
    picked = generator.integers(0, len(matrix), (JITTERED_ROWS, matrix.shape[1]))
    mixed = np.take_along_axis(matrix, picked, axis=0)
    nudge = generator.integers(-1, 2, mixed.shape)
    towards = np.where(nudge > 0, np.float32(np.inf), np.float32(-np.inf)).astype(np.float32)
    return np.concatenate([matrix, np.where(nudge == 0, mixed, np.nextafter(mixed, towards)).astype(np.float32)])


def require_parity(
    fitted: Fitted, served: NDArray[np.float64], matrix: Matrix, calibration: Calibration, threshold: float, name: str
) -> float:
    """Largest difference between served and trained probabilities over `matrix`. Raises BundleRefused beyond 1e-6 or on a decision."""
    trained = calibrated(calibration, fitted.margin(matrix))
    difference = np.abs(trained - served)
    worst = float(difference.max())
    # On the threshold itself the two may fall to either side within the allowed difference.
    decided_otherwise = ((trained >= threshold) != (served >= threshold)) & (np.abs(trained - threshold) > worst)
    if worst > LARGEST_DIFFERENCE or decided_otherwise.any():
        raise BundleRefused(
            f"The exported {name} differs from the trained one by {worst:g} in probability ({int(decided_otherwise.sum())} decisions).",
            "Report this; nothing was registered.",
        )
    return worst
