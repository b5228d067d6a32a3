"""One cell → one value: how a text or a JSON value is read. Files and the API share it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from tidegate.customers.contract import EPOCH, Contract
from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, UNKNOWN_LEVEL, UNREADABLE, Rows
from tidegate.customers.spec import Column, TableSpec

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TRUE = frozenset({"true", "yes", "t", "y", "1", "1.0"})
_FALSE = frozenset({"false", "no", "f", "n", "0", "0.0"})


def repaired(text: str, column: Column) -> str:
    """The text after the column's declared normalisations, in order."""
    for step in column.normalise:
        if step == "strip":
            text = text.strip()
        elif step == "lower":
            text = text.lower()
        elif step == "decimal_comma":
            text = text.replace(".", "").replace(",", ".") if "," in text else text
        else:
            text = text.replace(",", "")
    return column.replace.get(text, text)


def number_from_text(text: str, column: Column, spec: TableSpec) -> float:
    """A number, boolean or date read from text: NaN where it means missing, UNREADABLE where it is no such value."""
    text = repaired(text, column)
    if text in spec.missing:
        return math.nan
    if column.kind == "boolean":
        return 1.0 if text.lower() in _TRUE else 0.0 if text.lower() in _FALSE else UNREADABLE
    if column.kind == "date":
        return days_from_text(text)
    if not _NUMBER.fullmatch(text):
        return UNREADABLE
    return float(text)


def level_code(text: str, column: Column, spec: TableSpec) -> int:
    """Position of a category's level; MISSING_LEVEL, OTHER_LEVEL or UNKNOWN_LEVEL where it is none."""
    text = repaired(text, column)
    if text in column.levels:
        return column.levels.index(text)
    if text in spec.missing:
        return MISSING_LEVEL
    return OTHER_LEVEL if column.unknown == "other" else UNKNOWN_LEVEL


def days_from_text(text: str) -> float:
    """Days since 1970-01-01 of an ISO date (a time of day after it is ignored); UNREADABLE where it is none.

    >>> days_from_text("1970-01-02"), days_from_text("2020-02-30")
    (1.0, inf)
    """
    try:
        return float((date.fromisoformat(text[:10]) - EPOCH).days) if len(text) == 10 or text[10:11] in ("T", " ") else UNREADABLE
    except ValueError:
        return UNREADABLE


def rows_from_objects(contract: Contract, objects: Sequence[Mapping[str, object]]) -> Rows:
    """Typed rows of JSON objects that hold every feature column. A value of a wrong JSON type becomes UNREADABLE or UNKNOWN_LEVEL."""
    spec, layout = contract.spec, contract.layout
    numbers = [[_json_number(row[column.name], column) for row in objects] for column in layout.number_columns]
    codes = [[_json_code(row[column.name], column, spec) for row in objects] for column in layout.category_columns]
    count = len(objects)
    return Rows(np.array(numbers, np.float64).reshape(-1, count), np.array(codes, np.int32).reshape(-1, count))


def _json_number(value: object, column: Column) -> float:
    kind = type(value)
    if kind is float and column.kind != "date":
        return UNREADABLE if value != value else value  # type: ignore[return-value]
    if kind is int and column.kind != "date":
        return float(value) if -(1 << 1000) < value < (1 << 1000) else UNREADABLE  # type: ignore[operator, arg-type]
    if value is None:
        return math.nan
    if kind is bool and column.kind == "boolean":
        return float(value)  # type: ignore[arg-type]
    if kind is str and column.kind == "date":
        return days_from_text(value)  # type: ignore[arg-type]
    return UNREADABLE


def _json_code(value: object, column: Column, spec: TableSpec) -> int:
    if type(value) is str:
        return level_code(value, column, spec)
    if type(value) is int and abs(value) < 1 << 63:
        return level_code(str(value), column, spec)
    return MISSING_LEVEL if value is None else UNKNOWN_LEVEL


def objects_from_rows(contract: Contract, rows: Rows) -> list[dict[str, object]]:
    """Valid rows as JSON objects that `rows_from_objects` reads back to the same rows; an other level is written as "(other)"."""
    layout = contract.layout
    columns: dict[str, list[object]] = {}
    for position, column in enumerate(layout.number_columns):
        columns[column.name] = [_number_object(value, column) for value in rows.numbers[position].tolist()]
    for position, column in enumerate(layout.category_columns):
        named = {MISSING_LEVEL: None, OTHER_LEVEL: "(other)", **dict(enumerate(column.levels))}
        columns[column.name] = [named[code] for code in rows.codes[position].tolist()]
    names = [column.name for column in contract.spec.feature_columns]
    return [dict(zip(names, values, strict=True)) for values in zip(*(columns[name] for name in names), strict=True)]


def _number_object(value: float, column: Column) -> object:
    if value != value:
        return None
    if column.kind == "date":
        return (EPOCH + timedelta(days=int(value))).isoformat()
    if column.kind == "boolean":
        return bool(value)
    return int(value) if column.kind == "integer" else value
