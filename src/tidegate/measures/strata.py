"""Do two groups of customers leave equally often where they are alike? Exact, however few they are or rarely they leave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import Floats, Labels

# Numbers of leavers less likely than this are left out of a law; of 10^4 of them in each stratum no p-value would move by 10^-9.
_NEGLIGIBLE = 1e-15


def equal_odds(label: Labels, second: NDArray[np.bool_], stratum: NDArray[np.int64]) -> float:
    """p-value (two-sided) that in every stratum the rows of the `second` group left as often as the others; arrays (n,).

    The exact conditional test of a common odds ratio of 1 (Mehta, Patel & Gray 1985, Journal of the American Statistical Association 80;
    the exact form of Cochran, Mantel & Haenszel): given how many of a stratum left and how many are in each group, how many of the second
    group left has a hypergeometric law; the sum over strata is compared with their convolution, the smaller tail doubled (Fisher 1935). It
    is below p with a chance of at most p, whatever the numbers of rows; one stratum is Fisher's exact test. 1 where nothing can differ.

    >>> label, second = np.array([1] * 9 + [0] * 11, np.int8), np.array([True] * 8 + [False] * 12)
    >>> round(equal_odds(label, second, np.zeros(20, np.int64)), 5)
    0.00014
    """
    observed, lowest, law = 0, 0, np.ones(1)
    for one in np.unique(stratum):
        left, among = label[stratum == one] == 1, second[stratum == one]
        start, chances = _hypergeometric(len(left), int(left.sum()), int(among.sum()))
        observed += int((left & among).sum())
        lowest, law = _shortened(lowest + start, np.convolve(law, chances))
    place = observed - lowest
    if not 0 <= place < len(law):
        return 0.0
    return float(min(2 * min(law[: place + 1].sum(), law[place:].sum()), 1.0))


def _hypergeometric(rows: int, left: int, among: int) -> tuple[int, Floats]:
    """The fewest leavers that can be among so many drawn rows, and the probability of each number from there on."""
    fewest, most = max(0, left + among - rows), min(left, among)
    before = np.arange(fewest, most, dtype=np.float64)
    steps = np.log(left - before) + np.log(among - before) - np.log(before + 1) - np.log(rows - left - among + before + 1)
    weights = np.concatenate([[0.0], np.cumsum(steps)])
    chances = np.exp(weights - weights.max())
    return _shortened(fewest, chances / chances.sum())


def _shortened(start: int, law: Floats) -> tuple[int, Floats]:
    kept = np.flatnonzero(law >= _NEGLIGIBLE)
    return start + int(kept[0]), law[kept[0] : kept[-1] + 1]
