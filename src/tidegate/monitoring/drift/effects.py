"""How large is a difference, whether or not it is sure."""

from __future__ import annotations

import numpy as np

from tidegate.measures.classification import Floats
from tidegate.monitoring.drift.tests import Counts, Steps

BINS = 10
MOST_DEVIATIONS = 1e6


def wasserstein(steps: Steps, reference: Floats) -> float | None:
    """How far the values move on average, in standard deviations of the (sorted) reference; at most a million, None where it is constant.

    The first Wasserstein distance in one dimension is the area between the distribution functions (Vallender 1974).
    """
    if reference[0] == reference[-1]:
        return None
    # A power of two near the largest value, so that squares of very large or very small values stay in range.
    scale = 2.0 ** np.frexp(max(abs(reference[0]), abs(reference[-1])))[1].clip(-1000, 1000)
    deviation = float(np.std(reference / scale))
    area = float(np.abs(steps.reference - steps.batch)[:-1] @ (np.diff(steps.values / scale)))
    if not area:
        return 0.0
    return float(min(area / deviation, MOST_DEVIATIONS)) if deviation else MOST_DEVIATIONS


def population_stability(reference: Counts, batch: Counts) -> float:
    """Population stability index of two rows of counts (cells,): the symmetric Kullback-Leibler divergence (Siddiqi 2006, chapter 9).

    Half a row is added to each cell, so that an empty one is not infinite.

    >>> round(population_stability(np.array([500, 500]), np.array([300, 700])), 3)
    0.169
    """
    cells = len(reference)
    old = (reference + 0.5) / (reference.sum() + 0.5 * cells)
    new = (batch + 0.5) / (batch.sum() + 0.5 * cells)
    return float(np.sum((new - old) * np.log(new / old)))


def stability_of_numbers(reference: Floats, batch: Floats) -> float:
    """The same for two sorted samples, in ten cells that hold equally much of the reference (fewer where values repeat)."""
    tenths = reference[np.arange(1, BINS) * len(reference) // BINS]
    edges = np.unique(tenths)
    inner = [np.append(np.searchsorted(sample, edges, side="right"), len(sample)) for sample in (reference, batch)]
    old, new = (np.diff(places, prepend=0) for places in inner)
    return population_stability(old, new)


def level_change(reference: Counts, batch: Counts) -> float:
    """Share of the customers that would have to change their level: total variation, half the sum of all changes; 0 to 1."""
    return float(np.abs(batch / max(int(batch.sum()), 1) - reference / max(int(reference.sum()), 1)).sum() / 2)
