"""One cell → one value: how a text or a JSON value is read. Files and the API share it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from tidegate.customers.contract import EPOCH, Contract
from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, UNKNOWN_LEVEL, UNREADABLE, Rows
from tidegate.customers.spec import OTHER, Column, TableSpec

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"(-?\d+)(\.0+)?", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)([T ]\d\d:\d\d[\d:.,+\-ZUTC ]*)?", re.ASCII)
_TRUE = frozenset({"true", "yes", "t", "y", "1", "1.0"})
_FALSE = frozenset({"false", "no", "f", "n", "0", "0.0"})


def repaired(text: str, column: Column) -> str:
    """The text after the column's declared normalisations, in order."""
    return column.repaired(text)


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
    value = float(text)
    if math.isinf(value):
        return UNREADABLE
    return math.nan if value in missing_numbers(spec.missing) else value


@lru_cache(maxsize=64)
def missing_numbers(missing: tuple[str, ...]) -> frozenset[float]:
    """The texts that mean missing and are numbers, as numbers: such a value is missing however a source spells or types it.

    >>> sorted(missing_numbers(("", "NA", "-999", "99.0")))
    [-999.0, 99.0]
    """
    return frozenset(float(text) for text in missing if _NUMBER.fullmatch(text))


def stand_ins(column: Column, spec: TableSpec) -> dict[float, float]:
    """Typed numbers that mean something else, as their spelling would in a text: declared missing, or replaced."""
    found = dict.fromkeys(missing_numbers(spec.missing), math.nan)
    return found | {float(text): number_from_text(text, column, spec) for text in column.replace if _NUMBER.fullmatch(text)}


def level_code(text: str, column: Column, spec: TableSpec) -> int:
    """Position of a category's level; MISSING_LEVEL, OTHER_LEVEL or UNKNOWN_LEVEL where it is none."""
    text = repaired(text, column)
    if text in column.levels:
        return column.levels.index(text)
    if text in spec.missing:
        return MISSING_LEVEL
    # A column of whole numbers with gaps is often stored as floats: "1.0" is the level "1", and the other way round.
    if whole := _WHOLE.fullmatch(text):
        for spelling in (whole[1], f"{whole[1]}.0"):
            if spelling in column.levels:
                return column.levels.index(spelling)
    return OTHER_LEVEL if column.unknown == "other" else UNKNOWN_LEVEL


def days_from_text(text: str) -> float:
    """Days since 1970-01-01 of an ISO date (a time of day after it is ignored); UNREADABLE where it is none.

    >>> days_from_text("1970-01-02"), days_from_text("1970-01-02T23:59:00Z"), days_from_text("2020-02-30")
    (1.0, 1.0, inf)
    """
    if not _DATE.fullmatch(text):
        return UNREADABLE
    try:
        return float((date.fromisoformat(text[:10]) - EPOCH).days)
    except ValueError:
        return UNREADABLE


def rows_from_objects(contract: Contract, objects: Sequence[Mapping[str, object]]) -> Rows:
    """Typed rows of JSON objects that hold every feature column. A value of a wrong JSON type becomes UNREADABLE or UNKNOWN_LEVEL."""
    spec, layout, reading = contract.spec, contract.layout, _reading(contract)
    numbers = np.array(
        [[_json_number(row[column.name], column, spec) for row in objects] for column in layout.number_columns], np.float64
    ).reshape(len(layout.number_columns), len(objects))
    for position, meaning in reading.meanings:
        numbers[position] = [meaning.get(number, number) for number in numbers[position].tolist()]
    for position in reading.booleans:
        numbers[position][~np.isin(numbers[position], (0.0, 1.0)) & ~np.isnan(numbers[position])] = UNREADABLE
    codes = [
        [_json_code(row[column.name], column, spec, levels) for row in objects]
        for column, levels in zip(layout.category_columns, reading.levels, strict=True)
    ]
    return Rows(numbers, np.array(codes, np.int32).reshape(len(layout.category_columns), len(objects)))


@dataclass(frozen=True)
class _Reading:
    """What reading JSON needs to know of a contract, found once: requests come one by one.

    `meanings`: number columns in which some numbers mean something else. `booleans`: positions. `levels`: text → code, a dict a category.
    """

    meanings: tuple[tuple[int, dict[float, float]], ...]
    booleans: tuple[int, ...]
    levels: tuple[dict[str, int], ...]


@lru_cache(maxsize=16)
def _reading(contract: Contract) -> _Reading:
    columns = list(enumerate(contract.layout.number_columns))
    meanings = [(position, stand_ins(column, contract.spec)) for position, column in columns if column.kind != "date"]
    return _Reading(
        meanings=tuple((position, meaning) for position, meaning in meanings if meaning),
        booleans=tuple(position for position, column in columns if column.kind == "boolean"),
        levels=tuple({level: code for code, level in enumerate(column.levels)} for column in contract.layout.category_columns),
    )


def _json_number(value: object, column: Column, spec: TableSpec) -> float:
    kind = type(value)
    if kind is float and column.kind != "date":
        return value if math.isfinite(value) else UNREADABLE  # type: ignore[return-value, arg-type]
    if kind is int and column.kind != "date":
        return float(value) if -(1 << 1000) < value < (1 << 1000) else UNREADABLE  # type: ignore[operator, arg-type]
    if value is None:
        return math.nan
    if kind is bool and column.kind == "boolean":
        return float(value)  # type: ignore[arg-type]
    if kind is str and column.kind == "date":
        return number_from_text(value, column, spec)  # type: ignore[arg-type]
    return UNREADABLE


def _json_code(value: object, column: Column, spec: TableSpec, levels: Mapping[str, int]) -> int:
    if type(value) is str:
        # A level as it is listed needs no repair: the spec refuses levels that its own repairs would change.
        code = levels.get(value)
        return level_code(value, column, spec) if code is None else code
    if type(value) is int and abs(value) < 1 << 63:
        return level_code(str(value), column, spec)
    if type(value) is float and math.isfinite(value):
        return level_code(text_of(value), column, spec)
    return MISSING_LEVEL if value is None else UNKNOWN_LEVEL


def text_of(value: float) -> str:
    """A float as text, a whole one without its point: what a level or an id that arrives as a number is called.

    >>> text_of(3.0), text_of(-0.5)
    ('3', '-0.5')
    """
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)


def objects_from_rows(contract: Contract, rows: Rows) -> list[dict[str, object]]:
    """Valid rows as JSON objects that `rows_from_objects` reads back to the same rows; an other level is written as "(other)"."""
    layout = contract.layout
    columns: dict[str, list[object]] = {}
    for position, column in enumerate(layout.number_columns):
        columns[column.name] = [_number_object(value, column) for value in rows.numbers[position].tolist()]
    for position, column in enumerate(layout.category_columns):
        named = {MISSING_LEVEL: None, OTHER_LEVEL: OTHER, **dict(enumerate(column.levels))}
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
