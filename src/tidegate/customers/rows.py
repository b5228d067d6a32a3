"""Typed customers in memory: what every source becomes before anything judges or scores it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.spec import Column, TableSpec

UNREADABLE = np.inf
MISSING_LEVEL, OTHER_LEVEL, UNKNOWN_LEVEL = -1, -2, -3


@dataclass(frozen=True)
class Layout:
    """Which declared columns stand in which row of the two matrices."""

    number_columns: tuple[Column, ...]
    category_columns: tuple[Column, ...]


@dataclass(frozen=True)
class Rows:
    """n customers by column.

    `numbers`: float64 (numbers, n); a boolean is 0 or 1, a date days since 1970-01-01; NaN is missing, +inf could not be read.
    `codes`: int32 (categories, n); position in the column's `levels`, or MISSING_LEVEL, OTHER_LEVEL (scored as other) or
    UNKNOWN_LEVEL (refused).
    """

    numbers: NDArray[np.float64]
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        """Number of customers."""
        return int(self.numbers.shape[1])

    def take(self, selection: NDArray[np.bool_] | NDArray[np.int64]) -> Rows:
        """Rows by mask or by position."""
        return Rows(self.numbers[:, selection], self.codes[:, selection])


def layout_of(spec: TableSpec) -> Layout:
    """The feature columns of a spec, numbers (with booleans and dates) and categories apart, each in the order of the spec."""
    columns = spec.feature_columns
    return Layout(
        tuple(column for column in columns if column.kind != "category"),
        tuple(column for column in columns if column.kind == "category"),
    )


def concatenate(parts: Sequence[Rows], layout: Layout) -> Rows:
    """One table from consecutive parts; zero parts give zero rows."""
    if not parts:
        return Rows(np.empty((len(layout.number_columns), 0)), np.empty((len(layout.category_columns), 0), np.int32))
    return Rows(np.concatenate([part.numbers for part in parts], axis=1), np.concatenate([part.codes for part in parts], axis=1))
