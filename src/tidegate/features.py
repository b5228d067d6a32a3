"""Rows → matrix: the only place where a feature is computed.

Training, files, the API and monitoring all call `compute`. Everything is elementwise over columns with IEEE operations only, so a row's
features do not depend on its neighbours, on the batch size or on the machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, Layout, Rows, layout_of
from tidegate.customers.spec import OTHER, Column, TableSpec

MOST_INDICATORS = 64
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class FeaturePlan:
    """What `compute` will produce: names (f,), and from which raw column or ratio each comes (`sources`, for reasons).

    The arrays hold positions: ratios' numerators and denominators among the numbers, indicators' columns and levels among the codes.
    """

    layout: Layout
    names: tuple[str, ...]
    sources: tuple[str, ...]
    numerators: NDArray[np.int64]
    denominators: NDArray[np.int64]
    factors: NDArray[np.float64]
    indicator_columns: NDArray[np.int64]
    indicator_levels: NDArray[np.int32]
    coded_columns: NDArray[np.int64]


def plan_features(spec: TableSpec) -> FeaturePlan:
    """The features of a spec: its numbers, its ratios, its categories as indicators (as one code beyond 64 levels)."""
    layout = layout_of(spec)
    position = {column.name: index for index, column in enumerate(layout.number_columns)}
    numbers = [column.name for column in layout.number_columns]
    ratios = [ratio.name for ratio in spec.ratios]
    indicators = [entry for index, column in enumerate(layout.category_columns) for entry in _indicators(index, column)]
    coded = [(index, column) for index, column in enumerate(layout.category_columns) if len(column.levels) > MOST_INDICATORS]
    return FeaturePlan(
        layout=layout,
        names=(*numbers, *ratios, *(name for name, _, _ in indicators), *(column.name for _, column in coded)),
        sources=(*numbers, *ratios, *(layout.category_columns[i].name for _, i, _ in indicators), *(column.name for _, column in coded)),
        numerators=np.array([position[ratio.numerator] for ratio in spec.ratios], np.int64),
        denominators=np.array([position[ratio.denominator] for ratio in spec.ratios], np.int64),
        factors=np.array([ratio.factor for ratio in spec.ratios], np.float64).reshape(-1, 1),
        indicator_columns=np.array([index for _, index, _ in indicators], np.int64),
        indicator_levels=np.array([level for _, _, level in indicators], np.int32).reshape(-1, 1),
        coded_columns=np.array([index for index, _ in coded], np.int64),
    )


def features_digest() -> str:
    """SHA-256 of this file: a bundle remembers which definition it was trained with."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def compute(plan: FeaturePlan, rows: Rows) -> Matrix:
    """Features of valid rows: float32 (n, f), C order; NaN is missing, never infinite. A missing category has all indicators at 0."""
    with np.errstate(all="ignore"):
        quotients = rows.numbers[plan.numerators] / (rows.numbers[plan.denominators] * plan.factors)
        quotients[~(np.abs(quotients) <= LARGEST_FLOAT32)] = np.nan
        parts = [rows.numbers, quotients, rows.codes[plan.indicator_columns] == plan.indicator_levels]
        if plan.coded_columns.size:
            parts.append(_codes(plan, rows))
        return np.ascontiguousarray(np.concatenate(parts).T, dtype=np.float32)


def _indicators(index: int, column: Column) -> list[tuple[str, int, int]]:
    if len(column.levels) > MOST_INDICATORS:
        return []
    if len(column.levels) == 2 and column.unknown == "refuse" and not column.nullable:
        return [(f"{column.name}={column.levels[1]}", index, 1)]
    other = [(f"{column.name}={OTHER}", index, OTHER_LEVEL)] if column.unknown == "other" else []
    return [(f"{column.name}={level}", index, code) for code, level in enumerate(column.levels)] + other


def _codes(plan: FeaturePlan, rows: Rows) -> NDArray[np.float64]:
    codes = rows.codes[plan.coded_columns].astype(np.float64)
    known = np.array([len(plan.layout.category_columns[index].levels) for index in plan.coded_columns], np.float64).reshape(-1, 1)
    return np.where(codes == MISSING_LEVEL, np.nan, np.where(codes == OTHER_LEVEL, known, codes))
