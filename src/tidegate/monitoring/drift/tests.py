"""Are two samples draws of one distribution? p-values, and their adjustment for many columns. Nothing here knows a customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tidegate.measures.classification import Floats

Counts = NDArray[np.int64]
FEWEST_EXPECTED = 5.0


@dataclass(frozen=True)
class Steps:
    """Two empirical distribution functions on the values of both: `values` rising without repeats, and each one's share at or below."""

    values: Floats
    reference: Floats
    batch: Floats


def steps_of(reference: Floats, batch: Floats) -> Steps:
    """The distribution functions of two samples that are sorted already, without NaN, neither of them empty.

    >>> steps_of(np.array([1.0, 2.0]), np.array([2.0, 3.0])).batch.tolist()
    [0.0, 0.5, 1.0]
    """
    joined = np.concatenate([reference, batch])
    order = np.argsort(joined, kind="stable")  # two rising runs, which a stable sort merges in one pass
    values = joined[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    below = np.cumsum(order < len(reference))[last]
    return Steps(values[last], below / len(reference), (last + 1 - below) / len(batch))


def kolmogorov_smirnov(steps: Steps, reference: int, batch: int) -> tuple[float, float]:
    """Largest distance of the distribution functions of so many rows each, and its p-value (two-sided).

    The p-value is that of a one-sample test with the harmonic number of rows (Simard & L'Ecuyer 2011), as SciPy's `ks_2samp` with
    method "asymp". Ties make it too large, never too small: on whole numbers with few values the test is conservative (Noether 1963).

    >>> found = steps_of(np.arange(50.0), np.arange(25.0, 75.0))
    >>> kolmogorov_smirnov(found, 50, 50)[0]
    0.5
    """
    distance = float(np.abs(steps.reference - steps.batch).max())
    rows = max(round(reference * batch / (reference + batch)), 1)
    return distance, _share(stats.kstwo.sf(distance, rows))


def chi_squared(reference: Counts, batch: Counts) -> tuple[float, float]:
    """Pearson's statistic of two rows of counts (levels,) and its p-value.

    Levels that would be expected fewer than five times in either sample are put together (Cochran 1954), with the next rarest where
    that is not enough. One level is no difference: statistic 0, p 1.

    >>> statistic, p = chi_squared(np.array([50, 50]), np.array([30, 70]))
    >>> round(statistic, 4), round(p, 4)
    (8.3333, 0.0039)
    """
    table = _merged(np.array([reference, batch], np.float64))
    if table.shape[1] < 2:
        return 0.0, 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, _share(stats.chi2.sf(statistic, table.shape[1] - 1))


def _merged(table: Floats) -> Floats:
    """The counts (2, levels) with the rarest levels put together until each is expected often enough."""
    smaller = table.sum(axis=1).min() / max(float(table.sum()), 1.0)
    seen = table[:, table.sum(axis=0) > 0]
    ranked = seen[:, np.argsort(seen.sum(axis=0), kind="stable")]
    expected = ranked.sum(axis=0) * smaller
    rare = int((expected < FEWEST_EXPECTED).sum())
    if not rare:
        return ranked
    enough = np.flatnonzero(np.cumsum(expected)[rare - 1 :] >= FEWEST_EXPECTED)
    joined = rare + int(enough[0]) if enough.size else ranked.shape[1]
    return np.column_stack([ranked[:, :joined].sum(axis=1), ranked[:, joined:]])


def share_test(first: int, first_rows: int, second: int, second_rows: int) -> float:
    """p-value (two-sided) of two shares, `first` of `first_rows` and `second` of `second_rows`.

    Chi-squared where five are expected in each cell; else the exact hypergeometric tails, the smaller one doubled (Fisher 1935).

    >>> round(share_test(0, 1000, 3, 100), 5)
    0.00146
    """
    total, hits = first_rows + second_rows, first + second
    if hits in (0, total) or not first_rows or not second_rows:
        return 1.0
    if min(first_rows, second_rows) * min(hits, total - hits) / total >= FEWEST_EXPECTED:
        return chi_squared(np.array([first, first_rows - first]), np.array([second, second_rows - second]))[1]
    law = stats.hypergeom(total, hits, second_rows)
    return _share(2 * min(float(law.cdf(second)), float(law.sf(second - 1))))


def adjusted(p_values: Floats) -> Floats:
    """p-values (n,) adjusted so that, cut at q, at most the share q of what is found is found by chance.

    Benjamini & Hochberg 1995; it holds where columns depend on one another positively, as columns bound by an identity do (Benjamini &
    Yekutieli 2001, theorem 1.2).

    >>> adjusted(np.array([0.01, 0.04, 0.03, 0.9])).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.9]
    """
    order = np.argsort(p_values)
    scaled = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    found = np.empty(len(p_values))
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return np.maximum(found, p_values)  # p · n / n is not always p


def _share(value: float) -> float:
    return float(min(max(value, 0.0), 1.0))
