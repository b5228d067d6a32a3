"""Arrow columns → typed rows, with declared repairs counted. Reads a cell as `cells` does, a column at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidegate.customers.cells import level_code, missing_numbers, number_from_text, repaired, stand_ins, text_of
from tidegate.customers.contract import LAST_DAY, Contract
from tidegate.customers.rows import MISSING_LEVEL, UNREADABLE, Rows
from tidegate.customers.spec import Column, TableSpec


@dataclass
class Repairs:
    """Normalisations that changed a cell, counted by column."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, column: str, count: int) -> None:
        """Count `count` changed cells of a column."""
        if count:
            self.counts[column] = self.counts.get(column, 0) + count


def rows_from_arrow(contract: Contract, batch: pa.RecordBatch, repairs: Repairs) -> Rows:
    """Typed rows of a batch whose columns bear the spec's names. Repairs are counted."""
    spec, layout = contract.spec, contract.layout
    numbers = np.empty((len(layout.number_columns), len(batch)))
    codes = np.empty((len(layout.category_columns), len(batch)), np.int32)
    for position, column in enumerate(layout.number_columns):
        numbers[position] = _arrow_numbers(batch.column(column.name), column, spec, repairs)
    for position, column in enumerate(layout.category_columns):
        codes[position] = _arrow_codes(batch.column(column.name), column, spec, repairs)
    return Rows(numbers, codes)


def numbers_of(array: pa.Array, column: Column, spec: TableSpec) -> NDArray[np.float64]:
    """One declared number, boolean or date column outside the model (time, opt-out …): float64 (n,), NaN missing, +inf unreadable."""
    return _arrow_numbers(array, column, spec, Repairs())


def _arrow_numbers(array: pa.Array, column: Column, spec: TableSpec, repairs: Repairs) -> NDArray[np.float64]:
    if not pa.types.is_string(array.type):
        return _meant(_typed_numbers(array, column), column, stand_ins(column, spec))
    plain = column.kind in ("integer", "number") and not column.replace and set(column.normalise) <= {"strip"}
    if plain:
        text = array
        if column.normalise:
            text = pc.utf8_trim_whitespace(array)
            repairs.add(column.name, pc.sum(pc.not_equal(text, array)).as_py() or 0)
        present = pc.if_else(pc.is_in(text, pa.array(spec.missing, pa.string())), pa.scalar(None, pa.string()), text)
        try:
            values = pc.cast(present, pa.float64())
        except pa.ArrowInvalid:
            return _by_distinct(array, lambda cell: number_from_text(cell, column, spec), math.nan, np.float64)
        numbers = _to_numpy(values)
        numbers[~np.isfinite(numbers) & _to_mask(pc.is_valid(values))] = UNREADABLE
        return _meant(numbers, column, dict.fromkeys(missing_numbers(spec.missing), math.nan))
    _count_repairs(array, column, repairs)
    return _by_distinct(array, lambda cell: number_from_text(cell, column, spec), math.nan, np.float64)


def _meant(numbers: NDArray[np.float64], column: Column, meaning: Mapping[float, float]) -> NDArray[np.float64]:
    """Numbers after what some of them stand for; a boolean that is neither 0 nor 1 is unreadable."""
    if column.kind == "date":
        return numbers
    read = numbers.copy()
    for spelt, meant in meaning.items():
        read[numbers == spelt] = meant
    if column.kind == "boolean":
        read[(read != 0) & (read != 1) & ~np.isnan(read)] = UNREADABLE
    return read


def _to_numpy(values: pa.Array) -> NDArray[np.float64]:
    return np.array(values.to_numpy(zero_copy_only=False), dtype=np.float64)


def _to_mask(values: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=bool)


def _typed_numbers(array: pa.Array, column: Column) -> NDArray[np.float64]:
    kind = array.type
    valid = _to_mask(pc.is_valid(array))
    if pa.types.is_null(kind):
        return np.full(len(array), math.nan)
    if column.kind == "date" and pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        return _days(array)
    if pa.types.is_boolean(kind) and column.kind == "boolean":
        return _to_numpy(pc.cast(pc.cast(array, pa.int8()), pa.float64()))
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)) and column.kind != "date":
        numbers = _to_numpy(pc.cast(array, pa.float64(), safe=False))
        # A float's own NaN is how many writers store "missing"; an infinity is never a value.
        numbers[np.isinf(numbers)] = UNREADABLE
        return numbers
    return np.where(valid, UNREADABLE, math.nan)


def _days(array: pa.Array) -> NDArray[np.float64]:
    """Dates and timestamps as days since 1970 in their own time zone; what no calendar holds is unreadable."""
    if pa.types.is_date32(array.type):
        return _to_numpy(pc.cast(pc.cast(array, pa.int32()), pa.float64()))
    unit = "ms" if pa.types.is_date64(array.type) else array.type.unit
    ticks_a_day = 86_400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    rough = _to_numpy(pc.cast(pc.cast(array, pa.int64()), pa.float64(), safe=False)) / ticks_a_day
    try:
        days = _to_numpy(pc.cast(pc.cast(pc.cast(array, pa.date32(), safe=False), pa.int32()), pa.float64()))
    except pa.ArrowInvalid:  # a time zone that this machine does not know
        return np.where(np.isnan(rough), math.nan, UNREADABLE)
    days[np.abs(rough) > LAST_DAY + 1] = UNREADABLE  # the cast wraps around
    return days


def _arrow_codes(array: pa.Array, column: Column, spec: TableSpec, repairs: Repairs) -> NDArray[np.int32]:
    text = as_text(array)
    _count_repairs(text, column, repairs)
    return _by_distinct(text, lambda cell: level_code(cell, column, spec), MISSING_LEVEL, np.int32)


def as_text(array: pa.Array) -> pa.Array:
    """Any column as text, whole floats without their point, so that a level or an id reads the same from every source."""
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_floating(array.type):
        return pa.array([None if cell is None or cell != cell else text_of(cell) for cell in array.to_pylist()], pa.string())
    try:
        return pc.cast(array, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if cell is None else "(unreadable)" for cell in array.to_pylist()], pa.string())


def _by_distinct(array: pa.Array, read: Any, absent: float, kind: Any) -> NDArray[Any]:
    """Read each distinct text once; null cells become `absent`."""
    encoded = pc.dictionary_encode(array)
    table = np.array([read(cell) for cell in encoded.dictionary.to_pylist()] + [absent], dtype=kind)
    positions = np.asarray(pc.fill_null(encoded.indices, len(table) - 1).to_numpy(zero_copy_only=False), np.int64)
    return table[positions]


def _count_repairs(array: pa.Array, column: Column, repairs: Repairs) -> None:
    if column.normalise or column.replace:
        changed = _by_distinct(array, lambda cell: float(repaired(cell, column) != cell), 0.0, np.float64)
        repairs.add(column.name, int(changed.sum()))
