"""What reasons are about: the raw columns and ratios of a table, with their names for people and their values in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType

from tidegate.customers.contract import EPOCH, Contract
from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, Rows
from tidegate.customers.spec import Column, Ratio, TableSpec
from tidegate.features import Matrix

MISSING, OTHER = "not known", "none of the listed levels"
_COUNTED = frozenset({"years", "months", "weeks", "days", "hours", "minutes", "seconds"})
_YEARS_END = 10_000  # below it a whole number without a unit may be a year, which nobody writes with a comma
_EXACT = 2.0**53


@dataclass(frozen=True)
class Source:
    """A raw column, or a ratio of two (`columns` names them). `label` says what it is in the spec's words, `unit` what it is counted in.

    `place` is its row among the numbers or the codes of `Rows`; of a ratio, its column in the matrix. `column` is None for a ratio.
    """

    name: str
    columns: tuple[str, ...]
    label: str
    unit: str
    place: int
    column: Column | None


@lru_cache(maxsize=16)
def sources_of(contract: Contract) -> Mapping[str, Source]:
    """Every source of a contract by its name, as `explain.by_source` names them."""
    spec, layout = contract.spec, contract.layout
    places = [*enumerate(layout.number_columns), *enumerate(layout.category_columns)]
    found = {one.name: Source(one.name, (one.name,), _label(one), _line(one.unit), place, one) for place, one in places}
    for place, ratio in enumerate(spec.ratios, len(layout.number_columns)):
        columns = (ratio.numerator, ratio.denominator)
        found[ratio.name] = Source(ratio.name, columns, _ratio_label(ratio, spec), "", place, None)
    return MappingProxyType(found)


def words_of(source: Source, rows: Rows, matrix: Matrix, row: int) -> str:
    """One customer's value of a source as a person reads it."""
    if source.column is None:
        value = float(matrix[row, source.place])
        return MISSING if math.isnan(value) else number_words(float(f"{value:.4g}"), "")
    if source.column.kind == "category":
        code = int(rows.codes[source.place, row])
        return {MISSING_LEVEL: MISSING, OTHER_LEVEL: OTHER}.get(code) or source.column.levels[code]
    value = float(rows.numbers[source.place, row])
    if math.isnan(value):
        return MISSING
    if source.column.kind == "boolean":
        return "yes" if value else "no"
    return (EPOCH + timedelta(days=int(value))).isoformat() if source.column.kind == "date" else number_words(value, source.unit)


def number_words(value: float, unit: str) -> str:
    """A finite number as a person writes it, with its unit.

    >>> number_words(12691.0, "USD"), number_words(1.0, "months"), number_words(0.061, ""), number_words(2019.0, "")
    ('12,691 USD', '1 month', '0.061', '2019')
    """
    whole = value == int(value) and abs(value) < _EXACT
    grouping = "" if whole and not unit and abs(value) < _YEARS_END else ","
    text = f"{int(value):{grouping}}" if whole else f"{value:{grouping}.15g}"
    return f"{text} {unit[:-1] if value == 1 and unit in _COUNTED else unit}".rstrip()


def _line(text: str) -> str:
    return " ".join(text.split()).rstrip(" .:;,")


def _label(column: Column) -> str:
    return _line(column.meaning) or column.name.replace("_", " ").capitalize()


def _ratio_label(ratio: Ratio, spec: TableSpec) -> str:
    """Its meaning and the columns it is made of: a ratio appears in no table, so nobody knows it by name."""
    below = ratio.denominator if ratio.factor == 1 else f"({ratio.denominator} × {ratio.factor:g})"
    made = f"{ratio.numerator} / {below}"
    above, under = (_label(spec.columns[name]) for name in (ratio.numerator, ratio.denominator))
    return f"{_line(ratio.meaning) or f'{above} over {under[:1].lower()}{under[1:]}'} ({made})"
