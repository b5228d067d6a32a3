"""Has the batch drifted from the reference? The flow: columns one by one, all together, what it does to the scores, verdicts.

>>> import numpy as np
>>> from tidegate.customers.rows import Rows
>>> from tidegate.customers.spec import parse_spec
>>> spec = parse_spec('name = "t"\\n[columns.age]\\nkind = "number"\\n')
>>> def customers(seed, mean):
...     return Rows(np.random.default_rng(seed).normal(mean, 10, (1, 500)), np.empty((0, 500), np.int32))
>>> unknown = np.full(500, np.nan)
>>> found = decide_drift(spec, customers(1, 40), unknown, customers(2, 45), unknown, DriftLimits(), 0, None)
>>> found.drifted, found.dataset_drift
(('age',), 'WARNING')
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import MISSING_LEVEL, Layout, Rows, layout_of
from tidegate.customers.spec import Column, TableSpec
from tidegate.errors import NotEnoughData
from tidegate.measures.classification import Floats
from tidegate.monitoring.drift.columns import compare_codes, compare_numbers, judged, move_codes
from tidegate.monitoring.drift.findings import ColumnDrift, Drift, Multivariate
from tidegate.monitoring.drift.fingerprints import Prints, fingerprints, repeated, sample, twins
from tidegate.monitoring.drift.influence import SAMPLED_ROWS, Score, influences
from tidegate.monitoring.drift.limits import FEWEST_ROWS, DriftLimits
from tidegate.monitoring.drift.multivariate import MOST_ROWS, Separation, separation
from tidegate.monitoring.drift.tests import adjusted
from tidegate.monitoring.drift.verdicts import (
    batch_warnings,
    column_status,
    column_warnings,
    dataset_status,
    multivariate_of,
    stability_status,
)

PREDICTION = Column(name="churn_probability", kind="number")


@dataclass(frozen=True)
class _Pair:
    """Both tables, and their rows' fingerprints."""

    layout: Layout
    reference: Rows
    batch: Rows
    reference_prints: Prints
    batch_prints: Prints
    seed: int

    @cached_property
    def repeated(self) -> int:
        """How many of the batch's rows occur in the reference."""
        return repeated(self.reference_prints, self.batch_prints)

    @property
    def by_chance(self) -> float:
        """The share of the reference's rows that have another like them there."""
        return twins(self.reference_prints) / len(self.reference)


def decide_drift(
    spec: TableSpec,
    reference: Rows,
    reference_probability: Floats,
    batch: Rows,
    batch_probability: Floats,
    limits: DriftLimits,
    seed: int,
    score: Score | None,
    quarantined: int = 0,
    read: int = 0,
) -> Drift:
    """Compare the valid rows of a batch, (m,), with those of the reference, (n,).

    Both probabilities are float64, (n,) and (m,); NaN where nothing was predicted. `score` is called once for each column on at most 2,000
    customers; None: no influence. Of `read` rows `quarantined` were refused before. The same rows in another order, under the same seed,
    give the same findings. Raises NotEnoughData below 30 rows on either side.
    """
    _enough(reference, batch)
    pair = _Pair(layout_of(spec), reference, batch, fingerprints(reference), fingerprints(batch), seed)
    share = quarantined / read if read else 0.0
    columns = _columns(pair, limits, score)
    drifted = tuple(column.column for column in columns if column.drifted)
    prediction = _prediction(reference_probability, batch_probability, limits)
    multivariate, by_column = _multivariate(pair, drifted, limits), column_status(len(drifted), limits)
    whole = batch_warnings(share, pair.repeated / len(batch), pair.by_chance, prediction, multivariate, limits)
    return Drift(
        reference_rows=len(reference),
        batch_rows=len(batch),
        columns=columns,
        drifted=drifted,
        prediction=prediction,
        multivariate=multivariate,
        repeated=pair.repeated,
        data_stability=stability_status(columns, share, limits),
        column_drift=by_column,
        dataset_drift=dataset_status(by_column, multivariate),
        warnings=(*whole, *column_warnings(columns, limits)),
        limits=asdict(limits),
    )


def _enough(reference: Rows, batch: Rows) -> None:
    for rows, what, remedy in (
        (batch, "batch", "Wait for more customers, or look at the quarantine where rows were refused."),
        (reference, "reference", "Train on more customers."),
    ):
        if len(rows) < FEWEST_ROWS:
            noun = "row" if len(rows) == 1 else "rows"
            raise NotEnoughData(f"The {what} has {len(rows)} valid {noun}; drift is judged from {FEWEST_ROWS} on.", remedy)


def _columns(pair: _Pair, limits: DriftLimits, score: Score | None) -> tuple[ColumnDrift, ...]:
    """Every column with its verdict, those first whose drift moves the scores most."""
    places = sample(pair.reference_prints, SAMPLED_ROWS, pair.seed)[0]
    draws = np.random.default_rng(pair.seed).random((len(pair.reference.numbers) + len(pair.reference.codes), 2, len(places)))
    chosen = pair.reference.take(places)
    moved = Rows(chosen.numbers.copy(), chosen.codes.copy())
    found = []
    for place, column in enumerate(pair.layout.number_columns):
        sides = pair.reference.numbers[place], pair.batch.numbers[place]
        one, moved.numbers[place] = compare_numbers(column, *sides, places, draws[place])
        found.append(one)
    for place, column in enumerate(pair.layout.category_columns):
        codes = pair.reference.codes[place], pair.batch.codes[place]
        found.append(compare_codes(column, *codes, column.levels))
        moved.codes[place] = move_codes(*codes, places, draws[len(pair.reference.numbers) + place])
    sizes = [None] * len(found) if score is None else influences(score, chosen, moved.numbers, moved.codes)
    return _ranked(found, sizes, limits)


def _ranked(found: list[ColumnDrift], sizes: Iterable[float | None], limits: DriftLimits) -> tuple[ColumnDrift, ...]:
    p_values = adjusted(np.array([column.p_value for column in found]))
    verdicts = [
        replace(judged(column, float(p_value), limits.significance, limits.floors), influence=size)
        for column, p_value, size in zip(found, p_values, sizes, strict=True)
    ]

    def rank(column: ColumnDrift) -> tuple[float, float]:
        return -(column.influence or 0.0), -column.effects[column.effect] / limits.floors[column.effect]

    return tuple(sorted(verdicts, key=rank))


def _prediction(reference: Floats, batch: Floats, limits: DriftLimits) -> ColumnDrift:
    """The probabilities as if they were a column; a row without one is left out rather than counted as missing."""
    sides = [np.asarray(values, np.float64)[~np.isnan(values)] for values in (reference, batch)]
    if not all(len(side) for side in sides):
        sides = [np.zeros(1), np.zeros(1)]
    found, _ = compare_numbers(PREDICTION, sides[0], sides[1], np.empty(0, np.int64), np.empty((2, 0)))
    return judged(found, found.p_value, limits.significance, limits.floors)


def _multivariate(pair: _Pair, drifted: tuple[str, ...], limits: DriftLimits) -> Multivariate:
    names = [column.name for column in (*pair.layout.number_columns, *pair.layout.category_columns)]
    sides = [_sampled(pair.reference, pair.reference_prints, pair.seed), _sampled(pair.batch, pair.batch_prints, pair.seed)]
    halves = sides[0][1], sides[1][1]

    def apart(kept: NDArray[np.bool_]) -> Separation | None:
        return separation(sides[0][0][:, kept], sides[1][0][:, kept], halves, pair.seed)

    every = apart(np.ones(len(names), bool))
    if not drifted:
        return multivariate_of(every, every, limits)
    return multivariate_of(every, apart(np.array([name not in drifted for name in names])), limits)


def _sampled(rows: Rows, prints: Prints, seed: int) -> tuple[Floats, NDArray[np.bool_]]:
    """A sample as a matrix (k, columns), and on which side of the split each row is: the same row always on the same."""
    places, keys = sample(prints, MOST_ROWS, seed)
    chosen = rows.take(places)
    codes = np.where(chosen.codes == MISSING_LEVEL, np.nan, chosen.codes.astype(np.float64))
    return np.concatenate([chosen.numbers, codes]).T, (keys & np.uint64(1)).astype(bool)
