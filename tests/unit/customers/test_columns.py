"""Arrow columns of every type become the numbers and codes that the same cells give as text."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from tidegate.customers.cells import number_from_text
from tidegate.customers.columns import Repairs, as_text, numbers_of, rows_from_arrow
from tidegate.customers.contract import compile_contract
from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, UNKNOWN_LEVEL
from tidegate.customers.spec import TableSpec, parse_spec

NAN, INF = np.nan, np.inf


def spec_of(kind: str, extra: str = "") -> TableSpec:
    return parse_spec(f'name = "t"\nmissing = ["", "NA", "-", "-999"]\n[columns.x]\nkind = "{kind}"\n{extra}\n')


def numbers(array: pa.Array, kind: str = "number", extra: str = "") -> list[float]:
    spec = spec_of(kind, extra)
    return numbers_of(array, spec.columns["x"], spec).tolist()


def codes(array: pa.Array, extra: str) -> list[int]:
    return (
        rows_from_arrow(compile_contract(spec_of("category", extra)), pa.RecordBatch.from_arrays([array], ["x"]), Repairs())
        .codes[0]
        .tolist()
    )


def same(found: list[float], expected: list[float]) -> bool:
    return np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1, None, -999], pa.int16()), [1, NAN, NAN]),
        (pa.array([2**64 - 1], pa.uint64()), [2.0**64]),
        (pa.array([1.5, NAN, INF, -INF, None]), [1.5, NAN, INF, INF, NAN]),
        (pa.array([1.5], pa.float16()), [1.5]),
        (pa.array([Decimal("1.50"), Decimal("-999.00"), None]), [1.5, NAN, NAN]),
        (pa.array([True, None]), [INF, NAN]),
        (pa.nulls(2), [NAN, NAN]),
        (pa.array([b"5", None]), [INF, NAN]),
        (pa.array([[1], None]), [INF, NAN]),
        (pa.array([{"a": 1}]), [INF]),
        (pa.array([datetime.date(2020, 1, 1)]), [INF]),
        (pa.array([5], pa.duration("s")), [INF]),
    ],
)
def test_typed_numbers(array: pa.Array, expected: list[float]) -> None:
    assert same(numbers(array), expected)


def test_typed_booleans() -> None:
    assert same(numbers(pa.array([True, False, None]), "boolean"), [1, 0, NAN])
    assert same(numbers(pa.array([1, 0, 2, None]), "boolean"), [1, 0, INF, NAN])
    assert same(numbers(pa.array([1.0, 0.5]), "boolean"), [1, INF])


def test_a_replaced_number_is_replaced_in_every_type() -> None:
    for array in (pa.array(["1", "2"]), pa.array([1, 2]), pa.array([1.0, 2.0])):
        assert numbers(array, "boolean", "[columns.x.replace]\n1 = 'yes'\n2 = 'no'") == [1, 0]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([datetime.date(2020, 1, 1), None]), [18262, NAN]),
        (pa.array([86_400_000], pa.date64()), [1]),
        (pa.array([datetime.datetime(1969, 12, 31, 23)]), [-1]),
        (pa.array([1], pa.timestamp("ns")), [0]),
        (pa.array([datetime.datetime(2019, 12, 31, 23, 30)], pa.timestamp("us", tz="+02:00")), [18262]),
        (pa.array([0, None], pa.timestamp("us", tz="Mars/Phobos")), [INF, NAN]),
        (pa.array([2**53, -(2**53), None], pa.timestamp("s")), [INF, INF, NAN]),
        (pa.array([2**53], pa.timestamp("ms")), [INF]),
        (pa.array([datetime.time(1, 2)]), [INF]),
        (pa.array([18262]), [INF]),
        (pa.array(["2020-01-01", "NA", "soon"]), [18262, NAN, INF]),
    ],
)
def test_typed_dates_count_days_in_their_own_time_zone(array: pa.Array, expected: list[float]) -> None:
    assert same(numbers(array, "date"), expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("extra", ["", 'normalise = ["strip"]', 'normalise = ["strip", "lower"]'])
def test_a_column_of_text_reads_as_each_of_its_cells(extra: str) -> None:
    generator = random.Random(1)
    hostile = [
        "",
        "NA",
        "-",
        "-999",
        "-999.0",
        "1e400",
        "-1e400",
        "nan",
        "inf",
        "1_000",
        "0x10",
        "+5",
        " 5",
        "5 ",
        "٥",
        "5\n",
        "1,5",
        "\xa05",
        "5d",
    ]
    cells = hostile + ["".join(generator.choices("0123456789+-.eE _xna\t", k=generator.randint(1, 6))) for _ in range(600)]
    spec = spec_of("number", extra)
    column = spec.columns["x"]
    expected = [number_from_text(cell, column, spec) for cell in cells]
    assert same(numbers(pa.array(cells), extra=extra), expected)
    assert same([numbers(pa.array([cell]), extra=extra)[0] for cell in cells], expected)


def test_levels_read_the_same_from_text_numbers_and_floats() -> None:
    extra = 'levels = ["1", "2"]'
    for array in (pa.array(["1", "2", "3"]), pa.array([1, 2, 3]), pa.array([1.0, 2.0, 3.0]), pa.array(["1.0", "2.0", "3.0"])):
        assert codes(array, extra) == [0, 1, UNKNOWN_LEVEL]
    assert codes(pa.array([1, 2]), 'levels = ["1.0", "2.0"]') == [0, 1]


def test_levels_that_are_absent_unlisted_or_unreadable() -> None:
    assert codes(pa.array([None, "a", "z", "NA"]), 'levels = ["a"]\nunknown = "other"') == [MISSING_LEVEL, 0, OTHER_LEVEL, MISSING_LEVEL]
    assert codes(pa.array([NAN, INF, None]), 'levels = ["a"]') == [MISSING_LEVEL, UNKNOWN_LEVEL, MISSING_LEVEL]
    assert codes(pa.array([b"\xff", b"a"]), 'levels = ["a"]') == [UNKNOWN_LEVEL, UNKNOWN_LEVEL]
    assert codes(pa.array([["a"], None]), 'levels = ["a"]') == [UNKNOWN_LEVEL, MISSING_LEVEL]
    assert codes(pa.nulls(1), 'levels = ["a"]') == [MISSING_LEVEL]


def test_repairs_are_counted_by_column() -> None:
    spec = parse_spec("""
name = "t"
[columns.a]
kind = "number"
normalise = ["strip"]
[columns.b]
kind = "category"
levels = ["x"]
normalise = ["strip", "lower"]
[columns.b.replace]
ex = "x"
""")
    batch = pa.RecordBatch.from_arrays([pa.array([" 1", "2", "3 "]), pa.array(["X ", "x", "Ex"])], ["a", "b"])
    repairs = Repairs()
    rows = rows_from_arrow(compile_contract(spec), batch, repairs)
    assert repairs.counts == {"a": 2, "b": 2}
    assert (rows.numbers.tolist(), rows.codes.tolist()) == ([[1, 2, 3]], [[0, 0, 0]])


def test_ids_read_the_same_from_integers_and_floats() -> None:
    assert as_text(pa.array([7, None])).to_pylist() == ["7", None]
    assert as_text(pa.array([7.0, NAN, 0.5, None])).to_pylist() == ["7", None, "0.5", None]
    assert as_text(pa.array(["7"])).to_pylist() == ["7"]
