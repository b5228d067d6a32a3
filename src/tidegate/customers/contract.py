"""The contract: what a customer must satisfy. One implementation for training, files, the API and monitoring."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import MISSING_LEVEL, UNKNOWN_LEVEL, Layout, Rows, layout_of
from tidegate.customers.rules import broken
from tidegate.customers.spec import Column, Rule, TableSpec

LARGEST_NUMBER = 3.0e38  # beyond it a float32 feature would be infinite
LARGEST_INTEGER = 2.0**53 - 1  # above it two whole numbers may read as the same float64
EPOCH = date(1970, 1, 1)
LAST_DAY = (date.max - EPOCH).days
FIRST_DAY = (date.min - EPOCH).days
_KINDS = {"integer": "a whole number", "number": "a finite number", "boolean": "true or false", "date": "a date as YYYY-MM-DD"}


@dataclass(frozen=True, eq=False)
class Contract:
    """A spec compiled to arrays, one entry a number column: bounds (numbers, 1), and which must be whole or present."""

    spec: TableSpec
    layout: Layout
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    expected_low: NDArray[np.float64]
    expected_high: NDArray[np.float64]
    whole: NDArray[np.bool_]
    required: NDArray[np.bool_]
    required_codes: NDArray[np.bool_]
    refusing_rules: tuple[Rule, ...]
    warning_rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Breach:
    """Rows (positions, int64) that break one rule in one column; `expects` completes "expected …"."""

    column: str
    rule: str
    expects: str
    rows: NDArray[np.int64]


def compile_contract(spec: TableSpec) -> Contract:
    """The contract of a spec."""
    layout = layout_of(spec)
    numbers, categories = layout.number_columns, layout.category_columns
    bounds = np.array([_hard_bounds(column) for column in numbers]).reshape(-1, 2)
    expected = np.array([column.expected or (-math.inf, math.inf) for column in numbers]).reshape(-1, 2)
    return Contract(
        spec=spec,
        layout=layout,
        low=bounds[:, :1],
        high=bounds[:, 1:],
        expected_low=expected[:, :1],
        expected_high=expected[:, 1:],
        whole=np.array([column.kind in ("integer", "boolean", "date") for column in numbers], bool).reshape(-1, 1),
        required=np.array([not column.nullable for column in numbers], bool).reshape(-1, 1),
        required_codes=np.array([not column.nullable for column in categories], bool).reshape(-1, 1),
        refusing_rules=tuple(rule for rule in spec.rules if rule.severity == "refuse"),
        warning_rules=tuple(rule for rule in spec.rules if rule.severity == "warn"),
    )


def _hard_bounds(column: Column) -> tuple[float, float]:
    widest = {"integer": LARGEST_INTEGER, "number": LARGEST_NUMBER, "boolean": 1.0, "date": float(LAST_DAY)}[column.kind]
    low, high = column.limit or (-math.inf, math.inf)
    floor = {"boolean": 0.0, "date": float(FIRST_DAY)}.get(column.kind, -widest)
    return max(low, floor), min(high, widest)


def breaches(contract: Contract, rows: Rows) -> list[Breach]:
    """Everything that refuses a row; an empty list means that every row holds. A row may appear under several rules."""
    numbers, codes = rows.numbers, rows.codes
    absent = np.isnan(numbers)
    outside = (numbers < contract.low) | (numbers > contract.high)
    with np.errstate(invalid="ignore"):  # a damaged file may hold signalling NaNs
        broken_whole = contract.whole & (np.floor(numbers) != numbers) & ~absent
    bad_numbers = outside | broken_whole | (absent & contract.required)
    bad_codes = (codes == UNKNOWN_LEVEL) | ((codes == MISSING_LEVEL) & contract.required_codes)
    found: list[Breach] = []
    if bad_numbers.any():
        for position in np.flatnonzero(bad_numbers.any(axis=1)):
            found += _number_breaches(contract, int(position), numbers[position], bad_numbers[position])
    if bad_codes.any():
        for position in np.flatnonzero(bad_codes.any(axis=1)):
            found += _code_breaches(contract.layout.category_columns[position], codes[position], bad_codes[position])
    if contract.refusing_rules:
        found += [_rule_breach(rule, hits) for rule, hits in _broken_rules(contract, contract.refusing_rules, rows) if hits.size]
    return found


def warnings(contract: Contract, rows: Rows) -> dict[str, int]:
    """Rows that break each warning rule, by rule name; rules that hold everywhere are left out."""
    return {rule.name: int(hits.size) for rule, hits in _broken_rules(contract, contract.warning_rules, rows) if hits.size}


def outside_expected(contract: Contract, rows: Rows) -> dict[str, int]:
    """Values outside the `expected` range, by column; they are scored all the same."""
    outside = (rows.numbers < contract.expected_low) | (rows.numbers > contract.expected_high)
    if not outside.any():
        return {}
    columns = zip(contract.layout.number_columns, outside.sum(axis=1).tolist(), strict=True)
    return {column.name: count for column, count in columns if count}


def refused_rows(found: list[Breach], count: int) -> NDArray[np.bool_]:
    """Mask (count,) of rows that break at least one rule."""
    mask = np.zeros(count, dtype=bool)
    for breach in found:
        mask[breach.rows] = True
    return mask


def number_columns(contract: Contract, rows: Rows) -> Mapping[str, NDArray[np.float64]]:
    """Number columns by name, float64 (n,), NaN where missing."""
    return {column.name: rows.numbers[position] for position, column in enumerate(contract.layout.number_columns)}


def _broken_rules(contract: Contract, rules: tuple[Rule, ...], rows: Rows) -> list[tuple[Rule, NDArray[np.int64]]]:
    if not rules:
        return []
    columns = number_columns(contract, rows)
    return [(rule, np.flatnonzero(broken(rule.check, rule.tolerance, columns))) for rule in rules]


def _rule_breach(rule: Rule, hits: NDArray[np.int64]) -> Breach:
    return Breach(rule.name, "cross_field", rule.check, hits)


def _number_breaches(contract: Contract, position: int, values: NDArray[np.float64], bad: NDArray[np.bool_]) -> list[Breach]:
    column = contract.layout.number_columns[position]
    low, high = float(contract.low[position, 0]), float(contract.high[position, 0])
    kind = _KINDS[column.kind]
    absent, unreadable = bad & np.isnan(values), bad & np.isinf(values)
    outside = bad & ~absent & ~unreadable & ((values < low) | (values > high))
    fraction = bad & ~absent & ~unreadable & ~outside
    parts = (
        ("missing", f"{kind}, and it is not nullable", absent),
        ("type", kind, unreadable),
        ("limit", f"{kind} from {_shown(low, column)} to {_shown(high, column)}", outside),
        ("whole", kind, fraction),
    )
    return [Breach(column.name, rule, expects, np.flatnonzero(mask)) for rule, expects, mask in parts if mask.any()]


def _shown(bound: float, column: Column) -> str:
    if column.kind == "date":
        return (EPOCH + timedelta(days=int(min(max(bound, FIRST_DAY), LAST_DAY)))).isoformat()
    return f"{bound:g}"


def _code_breaches(column: Column, codes: NDArray[np.int32], bad: NDArray[np.bool_]) -> list[Breach]:
    absent = bad & (codes == MISSING_LEVEL)
    unknown = bad & (codes == UNKNOWN_LEVEL)
    shown = ", ".join(column.levels[:12]) + (", …" if len(column.levels) > 12 else "")
    parts = (("missing", "a level, and it is not nullable", absent), ("level", f"one of {shown}", unknown))
    return [Breach(column.name, rule, expects, np.flatnonzero(mask)) for rule, expects, mask in parts if mask.any()]
