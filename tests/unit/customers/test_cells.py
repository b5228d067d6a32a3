"""One cell, one value: texts and JSON values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tidegate.customers.cells import days_from_text, level_code, number_from_text, objects_from_rows, rows_from_objects
from tidegate.customers.contract import compile_contract
from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, UNKNOWN_LEVEL
from tidegate.customers.spec import Column, TableSpec, parse_spec

SPEC = parse_spec("""
name = "t"
missing = ["", "NA", "-", "-999"]
[columns.age]
kind = "integer"
nullable = true
[columns.income]
kind = "number"
nullable = true
[columns.active]
kind = "boolean"
nullable = true
[columns.since]
kind = "date"
nullable = true
[columns.plan]
kind = "category"
levels = ["basic", "gold"]
nullable = true
[columns.shop]
kind = "category"
levels = ["1", "2"]
unknown = "other"
nullable = true
""")


def one_column(kind: str, extra: str = "") -> tuple[Column, TableSpec]:
    spec = parse_spec(f'name = "t"\nmissing = ["", "NA", "-", "-999"]\n[columns.x]\nkind = "{kind}"\n{extra}\n')
    return spec.columns["x"], spec


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5.0),
        ("+5", 5.0),
        ("-5", -5.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("9007199254740993", 9007199254740992.0),
        ("", math.nan),
        ("NA", math.nan),
        ("-", math.nan),
        ("-999", math.nan),
        ("-999.0", math.nan),
        ("1e400", math.inf),
        ("-1e400", math.inf),
        ("inf", math.inf),
        ("nan", math.inf),
        ("1_000", math.inf),
        ("0x10", math.inf),
        (" 5", math.inf),
        ("5\n", math.inf),
        ("٥", math.inf),
        ("1,5", math.inf),
        ("true", math.inf),
        ("five", math.inf),
        ("5;6", math.inf),
    ],
)
def test_a_number_is_plain_decimal_text_and_nothing_else(text: str, value: float) -> None:
    assert number_from_text(text, *one_column("number")) == pytest.approx(value, nan_ok=True)


def test_declared_repairs_run_in_order() -> None:
    assert number_from_text(" 5 ", *one_column("number", 'normalise = ["strip"]')) == 5.0
    assert number_from_text("1.234,5", *one_column("number", 'normalise = ["decimal_comma"]')) == 1234.5
    assert number_from_text("1,234.5", *one_column("number", 'normalise = ["thousands_comma"]')) == 1234.5
    assert number_from_text("1.5", *one_column("number", 'normalise = ["decimal_comma"]')) == 1.5
    assert number_from_text(" NA ", *one_column("number", 'normalise = ["strip"]')) == pytest.approx(math.nan, nan_ok=True)
    assert number_from_text("none", *one_column("number", "[columns.x.replace]\nnone = '0'")) == 0.0


@pytest.mark.parametrize(
    ("text", "value"), [("TRUE", 1.0), ("yes", 1.0), ("1", 1.0), ("0.0", 0.0), ("N", 0.0), ("2", math.inf), ("maybe", math.inf)]
)
def test_a_boolean_is_one_of_the_usual_words(text: str, value: float) -> None:
    assert number_from_text(text, *one_column("boolean")) == value


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1970-01-01", 0.0),
        ("1969-12-31", -1.0),
        ("2000-02-29", 11016.0),
        ("2020-01-01T23:59:59", 18262.0),
        ("2020-01-01 23:59:59.123456+02:00", 18262.0),
        ("2020-01-01T00:00Z", 18262.0),
        ("1900-02-29", math.inf),
        ("2020-1-1", math.inf),
        ("20200101", math.inf),
        ("2020-W01-1", math.inf),
        ("01/02/2020", math.inf),
        ("2020-01-01 to 2021", math.inf),
        ("２０２０-01-01", math.inf),
        ("0000-01-01", math.inf),
        ("", math.inf),
    ],
)
def test_a_date_is_an_iso_date_and_a_time_of_day_is_ignored(text: str, days: float) -> None:
    assert days_from_text(text) == days


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("plan", "gold", 1),
        ("plan", "Gold", UNKNOWN_LEVEL),
        ("plan", " gold", UNKNOWN_LEVEL),
        ("plan", "NA", MISSING_LEVEL),
        ("shop", "2", 1),
        ("shop", "2.0", 1),
        ("shop", "7", OTHER_LEVEL),
        ("shop", "2.5", OTHER_LEVEL),
    ],
)
def test_a_level_is_matched_as_spelt(column: str, text: str, code: int) -> None:
    assert level_code(text, SPEC.columns[column], SPEC) == code


def row(**changes: object) -> dict[str, object]:
    return {"age": 5, "income": 1.5, "active": True, "since": "2020-01-01", "plan": "basic", "shop": "1", **changes}


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("age", 5.0, 5.0),
        ("age", None, math.nan),
        ("age", -999, math.nan),
        ("income", -999.0, math.nan),
        ("income", 10**400, math.inf),
        ("income", -(10**400), math.inf),
        ("income", math.inf, math.inf),
        ("income", -math.inf, math.inf),
        ("income", math.nan, math.inf),
        ("income", "5", math.inf),
        ("income", True, math.inf),
        ("income", [5], math.inf),
        ("income", {}, math.inf),
        ("active", False, 0.0),
        ("active", 1, 1.0),
        ("active", 2, math.inf),
        ("active", "yes", math.inf),
        ("since", "NA", math.nan),
        ("since", 18262, math.inf),
        ("since", True, math.inf),
    ],
)
def test_a_json_value_of_a_wrong_type_is_unreadable(name: str, value: object, read: float) -> None:
    contract = compile_contract(SPEC)
    place = [column.name for column in contract.layout.number_columns].index(name)
    assert rows_from_objects(contract, [row(**{name: value})]).numbers[place, 0] == pytest.approx(read, nan_ok=True)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2", 1),
        (2, 1),
        (2.0, 1),
        (3, OTHER_LEVEL),
        (None, MISSING_LEVEL),
        ("", MISSING_LEVEL),
        (True, UNKNOWN_LEVEL),
        (["2"], UNKNOWN_LEVEL),
    ],
)
def test_a_level_may_be_a_json_number(value: object, code: int) -> None:
    assert rows_from_objects(compile_contract(SPEC), [row(shop=value)]).codes[1, 0] == code


def test_valid_rows_survive_the_way_through_json() -> None:
    contract = compile_contract(SPEC)
    objects = [row(), row(age=None, income=None, active=None, since=None, plan=None, shop=None), row(shop="elsewhere", since="1969-12-31")]
    rows = rows_from_objects(contract, objects)
    again = rows_from_objects(contract, objects_from_rows(contract, rows))
    assert np.array_equal(rows.numbers, again.numbers, equal_nan=True)
    assert np.array_equal(rows.codes, again.codes)
    assert objects_from_rows(contract, rows)[0] == row()


def test_no_objects_are_no_rows() -> None:
    rows = rows_from_objects(compile_contract(SPEC), [])
    assert (rows.numbers.shape, rows.codes.shape) == ((4, 0), (2, 0))
