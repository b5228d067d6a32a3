"""The gate every file passes: kept and quarantined add up, numbers are right, no value leaves, every source reads alike."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tidegate.customers import csv_stream, load
from tidegate.customers.admit import Admitted, Tally, admit, guard_share, kind_of
from tidegate.customers.cells import rows_from_objects
from tidegate.customers.contract import Breach, Contract, breaches, compile_contract, refused_rows
from tidegate.customers.load import columns_of, open_table
from tidegate.customers.quarantine import Quarantine
from tidegate.customers.rows import Rows, concatenate
from tidegate.customers.spec import parse_spec
from tidegate.errors import TableRefused
from tidegate.features import compute, plan_features

SPEC = parse_spec("""
name = "t"
missing = ["", "NA", "-999"]
[columns.age]
kind = "integer"
limit = [16, 120]
[columns.income]
kind = "number"
nullable = true
expected = [0, 1000]
[columns.active]
kind = "boolean"
nullable = true
[columns.since]
kind = "date"
[columns.plan]
kind = "category"
levels = ["basic", "gold", "7"]
[columns.shop]
kind = "category"
levels = ["1", "2"]
unknown = "other"
nullable = true
[[ratios]]
name = "income_per_age"
numerator = "income"
denominator = "age"
[[rules]]
name = "modest"
check = "income <= age * 100"
severity = "refuse"
""")
CONTRACT = compile_contract(SPEC)
NAMES = [column.name for column in SPEC.feature_columns]


def customers(count: int, seed: int = 0) -> list[dict[str, object]]:
    """Customers as JSON objects: about a third breaks the contract somewhere."""
    generator = np.random.default_rng(seed)

    def maybe(value: object, odd: object, share: float = 0.06) -> object:
        return odd if generator.random() < share else value

    return [
        {
            "age": maybe(int(generator.integers(16, 90)), int(generator.choice([5, 200, -999, 2**53 + 1]))),
            "income": maybe(float(generator.normal(500, 800)), None),
            "active": maybe(bool(generator.integers(2)), None),
            "since": maybe(str(np.datetime64("1970-01-01") + int(generator.integers(-9_000, 20_000))), None),
            "plan": maybe(str(generator.choice(["basic", "gold", "7"])), "platinum"),
            "shop": maybe(int(generator.integers(0, 4)), None),
        }
        for _ in range(count)
    ]


def as_csv(path: Path, objects: list[dict[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([name.title() for name in NAMES])
        writer.writerows([["" if row[name] is None else row[name] for name in NAMES] for row in objects])
    return path


def as_parquet(path: Path, objects: list[dict[str, object]]) -> Path:
    columns = {name: [row[name] for row in objects] for name in NAMES}
    columns["since"] = [None if day is None else np.datetime64(str(day)).item() for day in columns["since"]]
    pyarrow.parquet.write_table(pa.table(columns), path, row_group_size=97)
    return path


def through(path: Path, tally: Tally) -> list[Admitted]:
    table = open_table(path)
    positions = columns_of(table, SPEC, tuple(NAMES))
    return [admit(CONTRACT, batch, positions, tally) for batch in table.batches()]


def assert_same(first: Rows, second: Rows) -> None:
    assert first.numbers.tobytes() == second.numbers.tobytes()
    assert np.array_equal(first.codes, second.codes)


def kept_of(objects: list[dict[str, object]], contract: Contract = CONTRACT) -> tuple[Rows, list[bool]]:
    rows = rows_from_objects(contract, objects)
    mask = ~refused_rows(breaches(contract, rows), len(rows))
    return rows.take(mask), mask.tolist()


def test_a_customer_reads_alike_from_csv_parquet_and_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = customers(500)
    rows, kept = kept_of(objects)
    assert 100 < sum(kept) < 450
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 2048)
    monkeypatch.setattr(load, "PARQUET_ROWS", 41)
    quarantined = []
    for path in (as_csv(tmp_path / "t.csv", objects), as_parquet(tmp_path / "t.parquet", objects)):
        tally = Tally()
        admitted = through(path, tally)
        assert len(admitted) > 5
        assert_same(concatenate([part.rows for part in admitted], CONTRACT.layout), rows)
        assert [keep for part in admitted for keep in part.kept.tolist()] == kept
        assert (tally.read, tally.quarantined) == (500, 500 - sum(kept))
        quarantined.append([(refusal.row, refusal.column, refusal.rule) for part in admitted for refusal in part.refusals])
        assert sorted({row for row, _, _ in quarantined[-1]}) == [row for row, keep in enumerate(kept, 1) if not keep]
    assert sorted(quarantined[0]) == sorted(quarantined[1])


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_batch_size_changes_no_bit(size: int) -> None:
    objects = customers(1000, seed=5)
    whole, kept = kept_of(objects)
    parts = [kept_of(objects[start : start + size]) for start in range(0, 1000, size)]
    assert_same(concatenate([rows for rows, _ in parts], CONTRACT.layout), whole)
    assert [keep for _, mask in parts for keep in mask] == kept
    plan = plan_features(SPEC)
    assert b"".join(compute(plan, rows).tobytes() for rows, _ in parts) == compute(plan, whole).tobytes()


def test_every_row_is_kept_or_quarantined_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 400)
    good = "30,5,true,2020-01-01,basic,1"
    lines = []
    for row in range(1, 301):
        lines.append({0: "1,2,3", 1: good + ",", 2: good.replace("30", '"30\n"'), 3: good.replace("basic", "lead")}.get(row % 7, good))
        if row % 11 == 0:
            lines.append("")
    path = tmp_path / "t.csv"
    path.write_text("\n".join([",".join(NAMES), *lines]))
    tally = Tally()
    admitted = through(path, tally)
    kept = [int(number) for part in admitted for number in part.batch.row_numbers[part.kept]]
    refused = [refusal.row for part in admitted for refusal in part.refusals]
    assert kept == [row for row in range(1, 301) if row % 7 not in (0, 1, 2, 3)]
    assert sorted(refused) == [row for row in range(1, 301) if row % 7 in (0, 1, 2, 3)]
    assert (tally.read, tally.quarantined) == (300, len(refused))
    assert sum(len(part.rows) for part in admitted) == len(kept)
    assert tally.rules == {"line: fields": 85, "age: type": 43, "plan: level": 43}


SECRET = "Mustermann"


def test_no_value_reaches_the_quarantine_file(tmp_path: Path) -> None:
    cells = [SECRET, f"={SECRET}", "2020-99-99", "31337.31337", "1e400", f'"{SECRET}, {SECRET}"', "\u2028" + SECRET]
    lines = [",".join([cell] * 6) for cell in cells] + [",".join([SECRET] * 9)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([",".join(NAMES), *lines]), encoding="utf-8")
    tally = Tally()
    with Quarantine(tmp_path / "q.csv") as quarantine:
        for part in through(path, tally):
            quarantine.add(part.refusals)
    written = (tmp_path / "q.csv").read_text(encoding="utf-8")
    assert (tally.read, tally.quarantined) == (8, 8)
    assert not any(secret in written + json.dumps(tally.rules) for secret in (SECRET, "31337", "99-99", "1e400"))


def test_repairs_warnings_and_unexpected_values_are_counted(tmp_path: Path) -> None:
    column = '[columns.x]\nkind = "number"\nexpected = [0, 10]\nnormalise = ["strip"]\n'
    spec = parse_spec(f'name = "t"\n{column}[[rules]]\nname = "small"\ncheck = "x <= 20"\n')
    path = tmp_path / "t.csv"
    path.write_text("x\n 1\n11\n30 \nbad\n")
    table, tally = open_table(path), Tally()
    for batch in table.batches():
        admit(compile_contract(spec), batch, columns_of(table, spec, ("x",)), tally)
    assert tally == Tally(4, 1, {"x: type": 1}, {"x": 2}, {"small": 1}, {"x": 2})


def test_breaches_found_elsewhere_refuse_too(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "t.csv", [row for row in customers(60) if kept_of([row])[1][0]][:5])
    table, tally = open_table(path), Tally()
    extra = [Breach("outcome", "label", "yes or no", np.array([1, 3]))]
    admitted = admit(CONTRACT, next(table.batches()), columns_of(table, SPEC, tuple(NAMES)), tally, extra)
    assert admitted.kept.tolist() == [True, False, True, False, True]
    assert [(refusal.row, refusal.column, refusal.kind) for refusal in admitted.refusals] == [(2, "outcome", "row"), (4, "outcome", "row")]


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([2**53], pa.timestamp("s")), "date"),
        (pa.array([2**31 - 1], pa.date32()), "date"),
        (pa.array([1], pa.timestamp("ns", tz="Mars/Phobos")), "date"),
        (pa.array([1], pa.time64("ns")), "time"),
        (pa.array([1], pa.duration("ns")), "time"),
        (pa.array([b"\xff"]), "bytes"),
        (pa.array([[1]]), "list"),
        (pa.array([{"a": 1}]), "object"),
        (pa.array([True]), "boolean"),
        (pa.array([float("inf")]), "number"),
        (pa.array([SECRET]), "text"),
    ],
)
def test_every_type_that_a_file_may_hold_has_a_kind(array: pa.Array, kind: str, tmp_path: Path) -> None:
    spec = parse_spec('name = "t"\n[columns.x]\nkind = "number"\n')
    batch = load.RawBatch(pa.RecordBatch.from_arrays([array], ["f0"]), np.array([1]))
    (refusal,) = admit(compile_contract(spec), batch, {"x": 0}, Tally()).refusals
    assert (refusal.rule, refusal.kind) == ("type", kind)


def test_the_kind_of_a_value_is_not_the_value() -> None:
    kinds = [kind_of(value) for value in ("", " ", SECRET, "5", "nan", 5, 5.0, False, None, [SECRET], {SECRET: 1}, b"x")]
    assert kinds == ["empty", "empty", "text", "number", "number", "number", "number", "boolean", "null", "list", "object", "bytes"]


def test_a_table_with_too_many_bad_rows_is_refused_with_the_commonest_rule() -> None:
    tally = Tally(read=100, quarantined=21, rules={"age: limit": 15, "plan: level": 6})
    with pytest.raises(TableRefused, match=r"21 of 100 rows break the contract, most often age: limit \(15 rows\); at most 20%"):
        guard_share(tally, 0.2, "t.csv", final=True)
    guard_share(tally, 0.2, "t.csv")
    guard_share(tally, 0.21, "t.csv", final=True)
    guard_share(Tally(), 0.0, "t.csv", final=True)
    with pytest.raises(TableRefused):
        guard_share(Tally(read=10_000, quarantined=2_001), 0.2, "t.csv")
