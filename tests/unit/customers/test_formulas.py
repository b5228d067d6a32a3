"""Cells that a spreadsheet would run."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tidegate.customers.formulas import neutralised, neutralised_header

DANGEROUS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\x00=1",
    "+x",
    "--5",
    "-A1",
    "-1e",
    "-5\n=1",
    "+49 170 1",
    "-inf",
]
HARMLESS = [
    "",
    "plain",
    "5",
    "-5",
    "+5",
    "-5.25",
    "-.5",
    "1e-5",
    "-1E+5",
    "-1,5",
    "-1.234,56",
    "-12%",
    "a=b",
    " =1",
    "-",
    "+",
    "'=1",
    "2020-01-01",
]


@pytest.mark.parametrize("cell", DANGEROUS)
def test_a_formula_is_neutralised(cell: str) -> None:
    assert neutralised(pa.array([cell])).to_pylist() == ["'" + cell]
    assert neutralised_header(cell) == "'" + cell


def test_numbers_and_plain_text_are_untouched() -> None:
    array = pa.array([*HARMLESS, None])
    assert neutralised(array).equals(array)
    assert neutralised(pa.array([*HARMLESS, "=1", None])).to_pylist() == [*HARMLESS, "'=1", None]


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())]
)
def test_a_formula_is_neutralised_in_every_type_of_text(kind: pa.DataType) -> None:
    assert neutralised(pa.array(["=1+1", "x", None]).cast(kind)).to_pylist() == ["'=1+1", "x", None]


def test_other_types_are_as_they_are() -> None:
    for array in (pa.array([-5, None]), pa.array([-0.5]), pa.array([True]), pa.array([[-1]]), pa.nulls(2)):
        assert neutralised(array) is array


def test_a_slice_keeps_its_place() -> None:
    assert neutralised(pa.array(["a", "=1", "-5", "=2"]).slice(1, 2)).to_pylist() == ["'=1", "-5"]
