"""What the drift of one column does to the scores: some customers of the reference, moved as far as the column has moved.

Each customer keeps the rank within the column and takes the batch's value at that rank, which is the shortest way from one distribution
to the other (Vallender 1974); of levels, only as many change as have to. A column that has not drifted moves nobody, however much the
model hangs on it: that is how this differs from permutation importance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import Rows
from tidegate.measures.classification import Floats

SAMPLED_ROWS = 2_000
Score = Callable[[Rows], NDArray[np.float64]]


def moved_numbers(values: Floats, reference: Floats, batch: Floats, missing: tuple[float, float], draws: Floats) -> Floats:
    """`values` (k,) of customers of the reference, moved to where the batch has them.

    `reference`, `batch`: the known values of both, sorted; `missing`: both shares of missing values; `draws`: uniform (2, k), which
    decide between equal values, and who becomes missing or known.
    """
    before, after = missing
    unknown = np.isnan(values)
    if not len(batch):
        return np.full(len(values), np.nan)
    places = np.searchsorted(batch, batch[(draws[0] * len(batch)).astype(np.int64)])
    if len(reference):
        low, high = (np.searchsorted(reference, values, side=side) for side in ("left", "right"))
        places = np.where(unknown, places, ((low + draws[0] * (high - low)) / len(reference) * len(batch)).astype(np.int64))
    moved = batch[np.minimum(places, len(batch) - 1)]
    stays_unknown = unknown & (draws[1] < (min(after / before, 1.0) if before else 0.0))
    becomes_unknown = ~unknown & (draws[1] < (max(after - before, 0.0) / (1 - before) if before < 1 else 0.0))
    return np.where(stays_unknown | becomes_unknown, np.nan, moved)


def moved_codes(codes: NDArray[np.int32], cells: NDArray[np.int32], before: Floats, after: Floats, draws: Floats) -> NDArray[np.int32]:
    """`codes` (k,) of customers of the reference after as few of them as need to have changed level.

    `cells` (levels,) lists every code that either table has, `before` and `after` their shares there; `draws`: uniform (2, k).
    """
    gained = np.maximum(after - before, 0.0)
    if not gained.sum():
        return codes
    stay = np.minimum(np.divide(after, before, out=np.ones_like(after), where=before > 0), 1.0)
    place = np.searchsorted(cells, codes)
    target = np.minimum(np.searchsorted(np.cumsum(gained / gained.sum()), draws[1], side="right"), len(cells) - 1)
    return np.where(draws[0] < stay[place], codes, cells[target]).astype(np.int32)


def influences(score: Score, rows: Rows, numbers: Floats, codes: NDArray[np.int32]) -> list[float]:
    """Mean absolute change of the probability when one column after another is moved: numbers first, then categories.

    `rows`: k customers; `numbers`, `codes`: the same customers with every column moved, in the shape of `rows`.
    """
    usual = score(rows)
    found = []
    for place, values in enumerate(numbers):
        changed = rows.numbers.copy()
        changed[place] = values
        found.append(_distance(usual, score(Rows(changed, rows.codes))))
    for place, levels in enumerate(codes):
        relevelled = rows.codes.copy()
        relevelled[place] = levels
        found.append(_distance(usual, score(Rows(rows.numbers, relevelled))))
    return found


def _distance(usual: Floats, changed: Floats) -> float:
    return float(np.mean(np.abs(changed - usual)))
