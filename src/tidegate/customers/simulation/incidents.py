"""Data-quality incidents: cells of a finished table are spoilt, and which rows were hit is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidegate.customers.simulation import bank
from tidegate.customers.simulation.draw import INCIDENT, stream
from tidegate.customers.simulation.scenario import FEATURE_LEVELS, INCIDENTS, Incident, IncidentKind

Mask = NDArray[np.bool_]
FEATURES = bank.COLUMNS[2:]
LIMIT = "Credit_Limit"
UNKNOWN_LEVEL = "Titanium"


def spoilt(
    table: pa.Table, incidents: Sequence[Incident], open_to: Sequence[Mask], seed: int, block: int, month: int
) -> tuple[pa.Table, pa.Array]:
    """The table with its incidents, and for each row (string, null where none) the kinds that hit it, joined by `;`.

    `open_to` says for each incident which rows it may hit at all. Incidents strike in the order of `INCIDENTS`.
    """
    hits = np.zeros(len(table), np.int64)
    for incident, rows in sorted(zip(incidents, open_to, strict=True), key=lambda pair: INCIDENTS.index(pair[0].kind)):
        number = INCIDENTS.index(incident.kind)
        draws = stream(seed, block, INCIDENT, number, month).random((len(table), 2))
        hit = rows & (draws[:, 0] < incident.hit_share)
        concerned = _CONCERNED[incident.kind]
        position = (draws[:, 1] * len(concerned)).astype(np.int64)
        for place, name in enumerate(concerned):
            table = _spoil(table, name, hit & (position == place), incident.kind)
        hits |= hit.astype(np.int64) << number
    names = [";".join(kind for bit, kind in enumerate(INCIDENTS) if code >> bit & 1) for code in range(1 << len(INCIDENTS))]
    codes = pa.array(hits, mask=hits == 0)
    return table, pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())


def _spoil(table: pa.Table, name: str, hit: Mask, kind: IncidentKind) -> pa.Table:
    column = table[name]
    return table.set_column(table.column_names.index(name), name, pc.if_else(pa.array(hit), _STRIKES[kind](column), column))


_CONCERNED: dict[IncidentKind, tuple[str, ...]] = {
    "trailing_spaces": tuple(FEATURE_LEVELS),
    "empty_cells": FEATURES,
    "negative_limits": (LIMIT,),
    "limits_in_cents": (LIMIT,),
    "unknown_level": ("Card_Category",),
    "missing_column": ("Total_Trans_Ct",),
}
"""A hit row is spoilt in one of these columns, drawn at random."""
_STRIKES: dict[IncidentKind, Callable[[pa.ChunkedArray], Any]] = {
    "trailing_spaces": lambda column: pc.binary_join_element_wise(column, "", " "),
    "empty_cells": lambda column: pa.scalar(None, column.type),
    "negative_limits": pc.negate,
    "limits_in_cents": lambda column: pc.round(pc.multiply(column, 100.0)),
    "unknown_level": lambda column: pa.scalar(UNKNOWN_LEVEL, column.type),
    "missing_column": lambda column: pa.scalar(None, column.type),
}
