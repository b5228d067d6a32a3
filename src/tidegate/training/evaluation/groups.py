"""Which group of a segment each customer is in: the levels of a category, yes and no, or a number cut at its edges."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, Rows, layout_of
from tidegate.customers.spec import OTHER, Column, Segment, TableSpec

MISSING = "(missing)"


@dataclass(frozen=True)
class Grouping:
    """One segment's groups. `names`: in the order people expect; `group`: int64 (n,), position in `names`."""

    column: str
    names: tuple[str, ...]
    group: NDArray[np.int64]


def group_rows(spec: TableSpec, segment: Segment, rows: Rows) -> Grouping | str:
    """The groups of a segment, or in words why the rows cannot be grouped by it."""
    layout, column = layout_of(spec), spec.columns[segment.column]
    if column in layout.category_columns:
        return _by_level(column, rows.codes[layout.category_columns.index(column)])
    if column not in layout.number_columns:
        return "not among the model's columns, so these rows do not hold it"
    values = rows.numbers[layout.number_columns.index(column)]
    if column.kind == "boolean":
        return _numbered(column, ("no", "yes"), values, values)
    if not segment.edges:
        return f"of kind {column.kind}, without `edges` to cut it at"
    edges = sorted(set(segment.edges))
    return _numbered(column, _between(edges), values, np.digitize(values, edges))


def _by_level(column: Column, codes: NDArray[np.int32]) -> Grouping:
    count = len(column.levels)
    group = np.select([codes == OTHER_LEVEL, codes == MISSING_LEVEL], [count, count + 1], codes)
    return Grouping(column.name, (*column.levels, OTHER, MISSING), group.astype(np.int64))


def _numbered(column: Column, names: tuple[str, ...], values: NDArray[np.float64], group: NDArray[np.generic]) -> Grouping:
    known = np.isfinite(values)
    return Grouping(column.name, (*names, MISSING), np.where(known, group, len(names)).astype(np.int64))


def _between(edges: list[float]) -> tuple[str, ...]:
    """Names of the ranges that edges cut; a value on an edge belongs to the range above it."""
    inner = (f"{low:g} to below {high:g}" for low, high in pairwise(edges))
    return (f"below {edges[0]:g}", *inner, f"{edges[-1]:g} and above")
