"""Margins → probabilities (Platt 1999), bit for bit the same on every machine."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.manifest import Calibration

EDGE = 1e-4


def calibrated(calibration: Calibration, margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Margins → probabilities. `math.exp` a row: vectorised exponentials differ between machines in the last bit."""
    slope, intercept = calibration.slope, calibration.intercept
    return np.array([_sigmoid(slope * value + intercept) for value in log_odds(margin, calibration.space).tolist()], np.float64)


def log_odds(margin: NDArray[np.float64], space: str) -> NDArray[np.float64]:
    """Margins as log-odds, float64 (n,): as they are, or taken of a probability kept `EDGE` away from 0 and 1."""
    if space == "logit":
        return margin
    kept = np.clip(margin, EDGE, 1 - EDGE).tolist()
    return np.array([math.log(value / (1 - value)) for value in kept], np.float64)


def _sigmoid(value: float) -> float:
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    grown = math.exp(value)
    return grown / (1.0 + grown)
