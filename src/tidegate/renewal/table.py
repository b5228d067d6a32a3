"""A renewal's customers as a table that training reads like any other, with the columns and the words of its spec."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from tidegate.customers.kept_rows import KeptRows
from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, layout_of
from tidegate.customers.spec import OTHER, Column, TableSpec
from tidegate.errors import SpecRefused

_HELD_SHARE = 0.2
_FIRST, _SECOND = 0, 1


def write_table(path: Path, spec: TableSpec, customers: KeptRows, seed: int) -> None:
    """Write labelled customers (0 and 1 only) as Parquet; the same customers and seed give the same bytes.

    Where the spec names a time, kept customers have lost theirs: a fifth drawn by the seed is dated a day later, so that training holds out
    those, and not the newest customers, whom a renewal is to learn from. Raises SpecRefused where rows are grouped by anything but the id.
    """
    if spec.group is not None and spec.group != spec.id:
        raise SpecRefused(
            f"The spec {spec.name!r} groups rows by {spec.group}, which is not kept with customers, so it cannot be renewed by itself.",
            "Train with `tidegate train` on a table of your own, then promote.",
        )
    layout, rows = layout_of(spec), customers.rows
    columns: dict[str, pa.Array] = {}
    for place, column in enumerate(layout.number_columns):
        columns[column.name] = _numbers(column, rows.numbers[place])
    for place, column in enumerate(layout.category_columns):
        columns[column.name] = _levels(column, rows.codes[place])
    if spec.id is not None:
        columns[spec.id] = pa.array(customers.ids, pa.string())
    if spec.time is not None:
        columns[spec.time] = _times(spec.columns[spec.time], customers, seed)
    words = np.array([spec.negative or f"not {spec.positive}", spec.positive], object)
    columns[str(spec.label)] = pa.array(words[customers.label], pa.string())
    pyarrow.parquet.write_table(pa.table(columns), path, compression="zstd")


def _numbers(column: Column, values: NDArray[np.float64]) -> pa.Array:
    missing = np.isnan(values)
    if column.kind in ("boolean", "date"):
        whole = pa.array(np.where(missing, 0, values).astype(np.int32), pa.int32(), mask=missing)
        return whole.cast(pa.bool_() if column.kind == "boolean" else pa.date32())
    return pa.array(values, pa.float64(), mask=missing)


def _levels(column: Column, codes: NDArray[np.int32]) -> pa.Array:
    words = np.array([*column.levels, OTHER], object)
    places = np.where((codes == OTHER_LEVEL) | (codes == MISSING_LEVEL), len(column.levels), codes)
    return pa.array(words[places], pa.string(), mask=codes == MISSING_LEVEL)


def _times(column: Column, customers: KeptRows, seed: int) -> pa.Array:
    """Whole groups on one day where the id is the group: the same customer draws the same."""
    names, which = np.unique(
        np.array([f"row {place}" if one is None else one for place, one in enumerate(customers.ids)]), return_inverse=True
    )
    later = (np.random.default_rng(seed).random(len(names)) < _HELD_SHARE)[which]
    days = np.where(later, _SECOND, _FIRST).astype(np.int32)
    if column.kind == "date":
        return pa.array(days + (date(2000, 1, 1) - date(1970, 1, 1)).days, pa.int32()).cast(pa.date32())
    return pa.array(days.astype(np.float64), pa.float64())
