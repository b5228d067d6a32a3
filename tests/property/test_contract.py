"""The same customer gets the same rows and the same verdict, alone or among others, from text, Parquet or JSON."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.customers.admit import Tally, admit
from tidegate.customers.cells import number_from_text, objects_from_rows, rows_from_objects
from tidegate.customers.columns import numbers_of
from tidegate.customers.contract import breaches, compile_contract, refused_rows
from tidegate.customers.load import columns_of, open_table
from tidegate.customers.rows import Rows, concatenate
from tidegate.customers.spec import parse_spec
from tidegate.errors import TableRefused

MODEST = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
SPEC = parse_spec("""
name = "t"
missing = ["", "NA", "-999", "0.5"]
[columns.whole]
kind = "integer"
limit = [-100, 100_000]
[columns.real]
kind = "number"
nullable = true
[columns.flag]
kind = "boolean"
nullable = true
[columns.day]
kind = "date"
limit = [-5000, 25000]
[columns.plan]
kind = "category"
levels = ["basic", "gold", "1", "2.0"]
[columns.shop]
kind = "category"
unknown = "other"
nullable = true
[[rules]]
name = "real_below_whole"
check = "real <= whole * 1000"
severity = "refuse"
""")
CONTRACT = compile_contract(SPEC)
NAMES = tuple(column.name for column in SPEC.feature_columns)
plain_text = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00", exclude_categories=["Cs"]), min_size=1, max_size=5)
customer = st.fixed_dictionaries(
    {
        "whole": st.one_of(st.integers(-150, 110_000), st.just(-999), st.integers(-(2**62), 2**62)),
        "real": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.5, -999.0, 0.0, -0.0, 1e39])),
        "flag": st.one_of(st.none(), st.booleans()),
        "day": st.one_of(st.none(), st.dates()),
        "plan": st.one_of(st.none(), st.sampled_from(["basic", "gold", "1", "2.0", "2", "NA", "-999", "silver"])),
        "shop": st.one_of(st.none(), plain_text),
    }
)
customers = st.lists(customer, min_size=1, max_size=12)
Customer = dict[str, object]


def as_json(row: Customer) -> Customer:
    return {name: str(value) if name == "day" and value is not None else value for name, value in row.items()}


def csv_bytes(rows: list[Customer]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(NAMES)
    writer.writerows([["" if row[name] is None else row[name] for name in NAMES] for row in rows])
    return text.getvalue().encode()


def read(path: Path) -> tuple[Rows, list[int], Tally]:
    """Kept rows, their numbers, and the tally, which must add up."""
    table, tally, parts, kept, refused = open_table(path), Tally(), [], [], set()
    positions = columns_of(table, SPEC, NAMES)
    for batch in table.batches():
        admitted = admit(CONTRACT, batch, positions, tally)
        parts.append(admitted.rows)
        kept += batch.row_numbers[admitted.kept].tolist()
        refused |= {refusal.row for refusal in admitted.refusals}
    assert sorted([*kept, *refused]) == list(range(1, tally.read + 1))
    assert tally.quarantined == len(refused)
    return concatenate(parts, CONTRACT.layout), kept, tally


def same(first: Rows, second: Rows) -> bool:
    return first.numbers.tobytes() == second.numbers.tobytes() and np.array_equal(first.codes, second.codes)


@settings(MODEST, max_examples=120)
@given(customers)
def test_csv_parquet_and_json_agree(rows: list[Customer]) -> None:
    typed = rows_from_objects(CONTRACT, [as_json(row) for row in rows])
    mask = ~refused_rows(breaches(CONTRACT, typed), len(rows))
    expected = [position + 1 for position in np.flatnonzero(mask).tolist()]
    schema = pa.schema([("whole", pa.int64()), ("real", pa.float64()), ("flag", pa.bool_()), ("day", pa.date32())])
    schema = schema.append(pa.field("plan", pa.string())).append(pa.field("shop", pa.large_string()))
    with tempfile.TemporaryDirectory() as folder:
        text, typed_file = Path(folder) / "t.csv", Path(folder) / "t.parquet"
        text.write_bytes(csv_bytes(rows))
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema), typed_file)
        for path in (text, typed_file):
            kept_rows, kept, tally = read(path)
            assert (kept, tally.read) == (expected, len(rows))
            assert same(kept_rows, typed.take(mask))


@settings(MODEST, max_examples=60)
@given(customers, st.integers(1, 5))
def test_neighbours_do_not_matter(rows: list[Customer], size: int) -> None:
    objects = [as_json(row) for row in rows]
    whole = rows_from_objects(CONTRACT, objects)
    refused = refused_rows(breaches(CONTRACT, whole), len(rows))
    parts = [rows_from_objects(CONTRACT, objects[start : start + size]) for start in range(0, len(rows), size)]
    assert same(concatenate(parts, CONTRACT.layout), whole)
    assert [flag for part in parts for flag in refused_rows(breaches(CONTRACT, part), len(part)).tolist()] == refused.tolist()
    valid = whole.take(~refused)
    assert same(rows_from_objects(CONTRACT, objects_from_rows(CONTRACT, valid)), valid)
    assert np.isfinite(valid.numbers[0]).all()


@settings(MODEST, max_examples=150)
@given(st.lists(st.one_of(st.text("0123456789+-.eE _xninfa\t", max_size=8), st.text(max_size=4)), min_size=1, max_size=6))
def test_a_number_column_reads_as_each_of_its_cells(cells: list[str]) -> None:
    for extra in ("", 'normalise = ["strip"]', 'normalise = ["decimal_comma"]'):
        spec = parse_spec(f'name = "t"\nmissing = ["", "NA", "-1"]\n[columns.x]\nkind = "number"\n{extra}\n')
        column = spec.columns["x"]
        expected = [number_from_text(cell, column, spec) for cell in cells]
        assert np.array_equal(numbers_of(pa.array(cells, pa.string()), column, spec), expected, equal_nan=True)
        assert not any(value == -np.inf for value in expected)


@settings(MODEST, max_examples=150)
@given(st.one_of(st.binary(max_size=120), st.text('ab12,;"\n\r\t=<>', max_size=60).map(str.encode)), st.booleans())
def test_any_bytes_are_a_table_whose_rows_add_up_or_are_refused(content: bytes, headed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(",".join(NAMES).encode() + b"\n" + content if headed else content)
        try:
            _, _, tally = read(path)
        except TableRefused:
            return
        assert tally.read >= tally.quarantined


hostile = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=2), st.just({})
)


@settings(MODEST, max_examples=150)
@given(st.fixed_dictionaries(dict.fromkeys(NAMES, hostile)))
def test_any_json_value_is_judged(row: Customer) -> None:
    rows = rows_from_objects(CONTRACT, [row])
    for breach in breaches(CONTRACT, rows):
        assert breach.rows.tolist() == [0]
        assert breach.expects
