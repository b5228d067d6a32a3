"""What refuses a row, what only warns, and what is merely counted."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.customers.cells import rows_from_objects
from tidegate.customers.contract import LARGEST_INTEGER, breaches, compile_contract, outside_expected, refused_rows, warnings
from tidegate.customers.rows import Rows, concatenate
from tidegate.customers.spec import load_spec, parse_spec

SPEC = parse_spec("""
name = "t"
[columns.age]
kind = "integer"
limit = [16, 120]
expected = [20, 70]
[columns.income]
kind = "number"
nullable = true
[columns.active]
kind = "boolean"
[columns.since]
kind = "date"
limit = [0, 20000]
[columns.plan]
kind = "category"
levels = ["basic", "gold"]
[columns.shop]
kind = "category"
unknown = "other"
nullable = true
[[rules]]
name = "income_by_age"
check = "income <= age * 1000"
severity = "refuse"
[[rules]]
name = "young"
check = "age <= 60"
""")
CONTRACT = compile_contract(SPEC)
GOOD: dict[str, object] = {"age": 30, "income": 100.5, "active": True, "since": "2020-01-01", "plan": "gold", "shop": "anything"}


def found(**changes: object) -> list[tuple[str, str]]:
    rows = rows_from_objects(CONTRACT, [{**GOOD, **changes}])
    return [(breach.column, breach.rule) for breach in breaches(CONTRACT, rows)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"age": 16},
        {"age": 120},
        {"age": 30.0},
        {"income": None},
        {"active": 0},
        {"since": "1970-01-01"},
        {"shop": None},
        {"age": 61},
    ],
)
def test_a_customer_within_the_contract_is_admitted(changes: dict[str, object]) -> None:
    assert found(**changes) == []


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("age", 15, "limit"),
        ("age", 121, "limit"),
        ("age", 30.5, "whole"),
        ("age", None, "missing"),
        ("age", "30", "type"),
        ("age", float("inf"), "type"),
        ("income", 1e39, "limit"),
        ("income", "x", "type"),
        ("active", 2, "type"),
        ("active", None, "missing"),
        ("since", "1969-12-31", "limit"),
        ("since", "soon", "type"),
        ("plan", "silver", "level"),
        ("plan", None, "missing"),
        ("plan", "", "missing"),
    ],
)
def test_a_breach_names_the_column_and_the_rule(column: str, value: object, rule: str) -> None:
    assert (column, rule) in found(**{column: value})


def test_a_refusing_rule_names_itself_and_a_missing_side_breaks_nothing() -> None:
    assert found(income=30_001) == [("income_by_age", "cross_field")]
    assert found(income=None) == []


@pytest.mark.parametrize(
    ("value", "holds"), [(2**53 - 1, True), (2**53, False), (2**53 + 1, False), (-(2**53), False), (-(2**53) + 1, True), (10**300, False)]
)
def test_a_whole_number_that_a_float_cannot_hold_is_refused(value: int, holds: bool) -> None:
    contract = compile_contract(parse_spec('name = "t"\n[columns.x]\nkind = "integer"\n'))
    assert (breaches(contract, rows_from_objects(contract, [{"x": value}])) == []) is holds
    assert LARGEST_INTEGER == 2**53 - 1


def test_what_was_expected_is_said_in_words() -> None:
    rows = rows_from_objects(CONTRACT, [{**GOOD, "age": 5, "since": "1960-01-01", "plan": "silver", "active": "x", "income": 9000}])
    assert {breach.column: breach.expects for breach in breaches(CONTRACT, rows)} == {
        "age": "a whole number from 16 to 120",
        "since": "a date as YYYY-MM-DD from 1970-01-01 to 2024-10-04",
        "plan": "one of basic, gold",
        "active": "true or false",
        "income_by_age": "income <= age * 1000",
    }


@pytest.mark.parametrize("limit", ["[5_000_000_000, 6_000_000_000]", "[inf, inf]", "[-inf, -1e12]", "[0.5, 1.5]"])
def test_a_date_limit_beyond_the_calendar_is_still_a_sentence(limit: str) -> None:
    contract = compile_contract(parse_spec(f'name = "t"\n[columns.x]\nkind = "date"\nlimit = {limit}\n'))
    assert "a date as YYYY-MM-DD from" in breaches(contract, rows_from_objects(contract, [{"x": "2020-01-01"}]))[0].expects


def test_warnings_count_rows_by_rule() -> None:
    rows = rows_from_objects(CONTRACT, [{**GOOD, "age": age} for age in (30, 61, 70)])
    assert warnings(CONTRACT, rows) == {"young": 2}
    assert warnings(CONTRACT, rows.take(np.array([True, False, False]))) == {}


def test_values_outside_the_expected_range_are_counted_and_admitted() -> None:
    rows = rows_from_objects(CONTRACT, [{**GOOD, "age": age} for age in (19, 20, 70, 71)])
    assert outside_expected(CONTRACT, rows) == {"age": 2}
    assert breaches(CONTRACT, rows) == []


def test_refused_rows_unite_all_breaches() -> None:
    rows = rows_from_objects(CONTRACT, [{**GOOD}, {**GOOD, "age": 5, "plan": "x"}, {**GOOD, "income": 1e9}, {**GOOD}])
    assert refused_rows(breaches(CONTRACT, rows), 4).tolist() == [False, True, True, False]


def test_no_rows_break_nothing() -> None:
    rows = concatenate([], CONTRACT.layout)
    assert (len(rows), breaches(CONTRACT, rows), warnings(CONTRACT, rows), outside_expected(CONTRACT, rows)) == (0, [], {}, {})


@pytest.mark.parametrize("kind", ['kind = "number"', 'kind = "category"\nlevels = ["a"]'])
def test_a_table_may_have_only_numbers_or_only_categories(kind: str) -> None:
    contract = compile_contract(parse_spec(f'name = "t"\n[columns.x]\n{kind}\n'))
    good, bad = ("a", "b") if "category" in kind else (1.0, "b")
    assert [breach.rows.tolist() for breach in breaches(contract, rows_from_objects(contract, [{"x": good}, {"x": bad}]))] == [[1]]


@pytest.mark.filterwarnings("error")
def test_signalling_nans_of_a_damaged_file_warn_nobody() -> None:
    contract = compile_contract(parse_spec('name = "t"\n[columns.x]\nkind = "integer"\n'))
    signalling = np.array([[0x7FF0000000000001, 0x7FF4000000000000]], np.uint64).view(np.float64)
    assert [breach.rule for breach in breaches(contract, Rows(signalling, np.empty((0, 2), np.int32)))] == ["missing"]


def test_the_bank_refuses_a_negative_credit_limit_and_only_warns_of_odd_balances() -> None:
    contract = compile_contract(load_spec("bank"))
    assert [rule.severity for rule in contract.spec.rules] == ["warn"] * 3
    low = dict(zip([column.name for column in contract.layout.number_columns], contract.low[:, 0].tolist(), strict=True))
    assert (low["credit_limit"], low["avg_open_to_buy"], low["customer_age"]) == (0.0, 0.0, 16.0)
