"""The labelled table that training learns from."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tidegate.customers import csv_stream, load
from tidegate.customers.history import History, load_history
from tidegate.customers.spec import TableSpec, load_spec, parse_spec
from tidegate.errors import SpecRefused, TableRefused

COLUMN = '[columns.x]\nkind = "number"\n'


def spec_of(head: str, columns: str = COLUMN) -> TableSpec:
    return parse_spec(f'name = "t"\nmissing = ["", "NA"]\nlabel = "left"\n{head}\n{columns}')


BOTH = spec_of('id = "who"\npositive = "yes"\nnegative = "no"')


def loaded(folder: Path, text: str, spec: TableSpec, most_bad: float = 1.0) -> History:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return load_history(path, spec, folder / "q.csv", most_bad)


def test_a_missing_label_is_unlabelled_and_not_stayed(tmp_path: Path) -> None:
    history = loaded(tmp_path, "who,x,left\na,1,yes\nb,2,\nc,3,no\nd,4,NA\ne,5,  \n", BOTH)
    assert history.label.tolist() == [1, 0]
    assert history.label.dtype == np.int8
    assert history.unlabelled == 3
    assert history.row_numbers.tolist() == [1, 3]
    assert history.rows.numbers.tolist() == [[1.0, 3.0]]
    assert list(history.ids) == ["a", "c"]
    assert (history.tally.read, history.tally.quarantined) == (5, 0)


def test_a_missing_label_is_unlabelled_also_where_every_other_value_means_stayed(tmp_path: Path) -> None:
    history = loaded(tmp_path, "x,left\n1,yes\n2,\n3,anything\n4,NA\n", spec_of('positive = "yes"'))
    assert (history.label.tolist(), history.unlabelled) == ([1, 0], 2)


def test_an_unknown_label_is_quarantined_where_both_values_are_named(tmp_path: Path) -> None:
    history = loaded(tmp_path, "who,x,left\na,1,yes\nb,2,Erika\nc,bad,maybe\nd,4,no\n", BOTH)
    assert (history.label.tolist(), history.unlabelled, history.tally.quarantined) == ([1, 0], 0, 2)
    written = (tmp_path / "q.csv").read_text()
    assert "2,left,label,expected 'yes' or 'no',text" in written
    assert "Erika" not in written
    assert history.tally.rules == {"left: label": 2, "x: type": 1}


def test_declared_repairs_of_the_label_are_applied(tmp_path: Path) -> None:
    label = '[columns.left]\nkind = "category"\nlevels = ["yes", "no"]\nnormalise = ["strip", "lower"]\n'
    spec = spec_of('positive = "yes"\nnegative = "no"', COLUMN + label)
    assert loaded(tmp_path, "x,left\n1, YES\n2,No \n", spec).label.tolist() == [1, 0]


def test_labels_read_the_same_from_integers_floats_and_text(tmp_path: Path) -> None:
    spec = spec_of('positive = "1"\nnegative = "0"')
    path = tmp_path / "t.parquet"
    for labels in (pa.array([1, 0, None]), pa.array([1.0, 0.0, None]), pa.array(["1", "0", None]), pa.array([1.0, 0.0, np.nan])):
        pyarrow.parquet.write_table(pa.table({"x": [1, 2, 3], "left": labels}), path)
        history = load_history(path, spec, tmp_path / "q.csv", 0.0)
        assert (history.label.tolist(), history.unlabelled) == ([1, 0], 1)


def test_rows_keep_their_place_over_blocks_and_ragged_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 64)
    odd = {0: "1", 1: "c,bad,yes"}
    lines = [odd.get(row % 5, f"c{row},{row},{('yes', 'no', '')[row % 3]}") for row in range(1, 101)]
    history = loaded(tmp_path, "who,x,left\n" + "\n".join(lines), BOTH)
    expected = [row for row in range(1, 101) if row % 5 > 1 and row % 3 != 2]
    assert history.row_numbers.tolist() == expected
    assert history.rows.numbers[0].tolist() == expected
    assert list(history.ids) == [f"c{row}" for row in expected]
    assert history.label.tolist() == [int(row % 3 == 0) for row in expected]
    assert history.tally.read == 100 == len(expected) + history.unlabelled + history.tally.quarantined


def test_repeated_missing_and_contradicting_ids_are_reported(tmp_path: Path) -> None:
    history = loaded(tmp_path, "who,x,left\na,1,yes\na,2,no\nb,3,no\nb,4,no\nb,5,no\n,6,no\nNA,7,no\nc,8,\nc,9,no\n", BOTH)
    assert history.warnings == ("2 rows have no id.", "3 rows repeat an id; 1 ids have rows that disagree about the label.")
    assert loaded(tmp_path, "who,x,left\na,1,yes\nb,2,no\n", BOTH).warnings == ()


def test_times_and_groups_come_along(tmp_path: Path) -> None:
    spec = spec_of('positive = "yes"\ntime = "day"\ngroup = "home"', COLUMN + '[columns.day]\nkind = "date"\n')
    history = loaded(tmp_path, "x,left,day,home\n1,yes,1970-01-02,7\n2,no,NA,\n3,,1970-01-03,8\n", spec)
    assert np.array_equal(history.times, [1.0, np.nan], equal_nan=True)
    assert list(history.groups) == ["7", None]
    assert history.ids is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("who,x,left\n", "a header and no rows"),
        ("who,x,left", "a header and no rows"),
        ("who,x\na,1\n", "lacks the column left"),
        ("who,x,left,Left\na,1,yes,no\n", "has the column left more than once"),
        ("who,x,left\na,bad,yes\nb,2,no\n", "1 of 2 rows break the contract"),
        ("who,x,left\n1\n2\n", "2 of 2 rows break the contract, most often line: fields"),
    ],
)
def test_a_table_that_nothing_can_be_learned_from_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TableRefused, match=says):
        loaded(tmp_path, text, BOTH, most_bad=0.2)


def test_a_hopeless_table_is_given_up_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 4096)
    seen: list[int] = []
    path = tmp_path / "t.csv"
    path.write_text("who,x,left\n" + "a,bad,yes\n" * 40_000)
    with pytest.raises(TableRefused):
        load_history(path, BOTH, tmp_path / "q.csv", 0.2, seen.append)
    assert max(seen) < 12_000


def test_a_spec_without_a_label_trains_nothing(tmp_path: Path) -> None:
    with pytest.raises(SpecRefused, match="names no label"):
        loaded(tmp_path, "x\n1\n", parse_spec('name = "t"\n' + COLUMN))


@pytest.fixture
def real_data() -> Path:
    folder = os.environ.get("TIDEGATE_REAL_DATA")
    if folder is None:
        pytest.skip("TIDEGATE_REAL_DATA names no folder with the real tables")
    return Path(folder)


@pytest.mark.real_data
def test_the_real_table_is_admitted_whole(real_data: Path, tmp_path: Path) -> None:
    history = load_history(real_data / "bank_churners.csv", load_spec("bank"), tmp_path / "q.csv", 0.0)
    assert (len(history.rows), int(history.label.sum()), history.unlabelled) == (10_127, 1_627, 0)
    assert history.warnings == ()
    assert not (tmp_path / "q.csv").exists()


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "quarantined", "repaired"), [("prod_batch_01_no_drift.csv", 0, 0), ("prod_batch_03_strong_drift.csv", None, 26)]
)
def test_the_real_batches_add_up(real_data: Path, tmp_path: Path, name: str, quarantined: int | None, repaired: int) -> None:
    from tidegate.customers.admit import Tally, admit
    from tidegate.customers.contract import compile_contract

    spec, tally, kept = load_spec("bank"), Tally(), 0
    table, contract = load.open_table(real_data / name), compile_contract(spec)
    positions = load.columns_of(table, spec, tuple(column.name for column in spec.feature_columns))
    for batch in table.batches():
        kept += len(admit(contract, batch, positions, tally).rows)
    assert tally.read == 3_000 == kept + tally.quarantined
    assert sum(tally.repaired.values()) == repaired
    if quarantined is None:
        missing = sum(count for rule, count in tally.rules.items() if rule.endswith(": missing"))
        limits = {rule: count for rule, count in tally.rules.items() if rule.endswith(": limit")}
        assert (missing, limits) == (91, {"avg_open_to_buy: limit": 127, "credit_limit: limit": 2})
    else:
        assert tally.quarantined == quarantined
