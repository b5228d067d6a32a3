"""Contributions through a function: from one space to another without losing that they add up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NEAR = 1e-8  # closer than this a difference quotient is rounding; the slope at the base stands for it


@dataclass(frozen=True)
class Contributions:
    """`base`, what is said of an average training row, and float64 (n, f) that lead from it to what is said of each row."""

    base: float
    values: Floats


def total(parts: Contributions) -> Floats:
    """base + the contributions of each row, float64 (n,), added from the first feature to the last."""
    return np.asarray(parts.base + np.ascontiguousarray(np.cumsum(parts.values, axis=1)[:, -1]))


def scaled(parts: Contributions, slope: float, intercept: float = 0.0) -> Contributions:
    """Through slope·z + intercept: exact, for Shapley values are linear."""
    return Contributions(slope * parts.base + intercept, slope * parts.values)


def through(parts: Contributions, link: Callable[[Floats], Floats]) -> Contributions:
    """Through any increasing function g of a number (float64 (n,) → (n,)): each row's contributions times (g(z) − g(base)) / (z − base).

    The rescale rule (Shrikumar et al. 2017, ICML; for Shapley values Chen, Lundberg & Lee 2022, Nature Communications 13): they add up to
    g(z) − g(base), and keep their order, their signs and their shares.
    """
    moved = total(parts) - parts.base
    base, above, below = (float(link(np.array([parts.base + aside]))[0]) for aside in (0.0, NEAR, -NEAR))
    near = np.abs(moved) < NEAR
    rate = np.where(near, (above - below) / (2 * NEAR), (link(parts.base + moved) - base) / np.where(near, 1.0, moved))
    return Contributions(base, parts.values * rate[:, None])


def added(parts: list[Contributions]) -> Contributions:
    """The sum of several, from the first to the last."""
    base, values = parts[0].base, parts[0].values
    for part in parts[1:]:
        base, values = base + part.base, values + part.values
    return Contributions(base, values)
