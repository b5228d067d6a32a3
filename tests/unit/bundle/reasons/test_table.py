"""Reasons in files: behind the version, replaced by a later scoring, never in the place of a column of the table's own."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.bundle.reasons import table as reasons_table
from tidegate.bundle.reasons.customers import explain_rows, reasons_of
from tidegate.bundle.reasons.table import with_reasons
from tidegate.bundle.scorer import Scorer
from tidegate.customers.cells import rows_from_objects
from tidegate.errors import SettingRefused, TableRefused
from tidegate.home import Home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.operations.score_file import score_file
from tidegate.storage.files import Folder


@pytest.fixture
def scorer(own_home: Home) -> Scorer:
    return open_champion(Folder(own_home.storage))


@pytest.fixture
def many(scorer: Scorer) -> list[dict[str, Any]]:
    return synthetic_rows(scorer.contract.spec, seed=8, count=30)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def scored(home: Home, source: Path, output: Path, reasons: int) -> list[dict[str, str]]:
    ledger = open_ledger(sqlite_url(home.ledger))
    try:
        score_file(home, ledger, source, output, 1.0, "test", datetime.now(UTC), lambda rows: None, reasons)
    finally:
        close_ledger(ledger)
    if output.suffix == ".parquet":
        return list(pa.parquet.read_table(output).to_pylist())
    with output.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_gets_the_sentences_of_the_service(own_home: Home, scorer: Scorer, many: list[dict[str, Any]], tmp_path: Path) -> None:
    wrong = {**many[0], "gender": "zzz"}
    found = scored(own_home, write(tmp_path / "in.csv", [many[0], wrong, *many[1:]]), tmp_path / "out.csv", 24)
    explained = explain_rows(scorer, rows_from_objects(scorer.contract, many))
    assert list(found[0])[-27:] == ["churn_probability", "churn_prediction", "model_version", *(f"reason_{n}" for n in range(1, 25))]
    for row, (line, customer) in enumerate(zip(found, many, strict=True)):
        expected = [reason.sentence for reason in reasons_of(explained, row, customer, 24) if reason.direction != "none"]
        assert [line[f"reason_{number}"] for number in range(1, 25)] == [*expected, *[""] * (24 - len(expected))]
        assert 3 < len(expected) < 24, "this model has ratios that move nothing"


def test_steps_do_not_show(scorer: Scorer, many: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    rows, empty = rows_from_objects(scorer.contract, many), pa.RecordBatch.from_arrays([pa.array(range(30))], names=["n"])
    whole = with_reasons(empty, scorer, rows, 3)
    monkeypatch.setattr(reasons_table, "ROWS_AT_ONCE", 7)
    assert with_reasons(empty, scorer, rows, 3).equals(whole)
    nobody = with_reasons(empty.slice(0, 0), scorer, rows.take(np.array([], np.int64)), 3)
    assert nobody.schema == whole.schema


def test_a_later_scoring_replaces_all_reasons_of_the_former(own_home: Home, many: list[dict[str, Any]], tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", many)
    five = scored(own_home, source, tmp_path / "five.csv", 5)
    three = scored(own_home, tmp_path / "five.csv", tmp_path / "three.csv", 3)
    assert list(three[0]) == [name for name in five[0] if name not in ("reason_4", "reason_5")]
    plain = scored(own_home, tmp_path / "three.csv", tmp_path / "plain.csv", 0)
    assert list(plain[0]) == [*many[0], "churn_probability", "churn_prediction", "model_version"]
    parquet = scored(own_home, source, tmp_path / "out.parquet", 3)
    assert [line["reason_3"] for line in parquet] == [line["reason_3"] for line in three]


def test_a_column_of_the_tables_own_is_kept_or_the_name_is_refused(own_home: Home, many: list[dict[str, Any]], tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", [{"reason_1": "moved house", **row} for row in many])
    kept = scored(own_home, source, tmp_path / "plain.csv", 0)
    assert kept[0]["reason_1"] == "moved house"
    assert scored(own_home, tmp_path / "plain.csv", tmp_path / "again.csv", 0) == kept
    with pytest.raises(TableRefused, match="already has a column 'reason_1'"):
        scored(own_home, source, tmp_path / "out.csv", 1)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("most", [-1, 25])
def test_more_reasons_than_there_are_columns_are_refused(most: int, own_home: Home, many: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(SettingRefused, match="0 to 24"):
        scored(own_home, write(tmp_path / "in.csv", many), tmp_path / "out.csv", most)


def test_a_meaning_that_a_spreadsheet_would_run_is_neutralised(
    scorer: Scorer, many: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reasons_table, "told", lambda explained, row, place: "=cmd|' /C calc'!A0: 3, raises")
    rows, empty = rows_from_objects(scorer.contract, many), pa.RecordBatch.from_arrays([pa.array(range(30))], names=["n"])
    assert with_reasons(empty, scorer, rows, 1).column("reason_1")[0].as_py() == "'=cmd|' /C calc'!A0: 3, raises"
