"""The newest batch is told by its name, then its content; never by the file's own time."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.monitoring import order
from tidegate.monitoring.order import is_batch, named_time, newest, newest_key


@pytest.mark.parametrize(
    "names",
    [
        ["prod_batch_2.csv", "prod_batch_10.csv"],
        ["prod_batch_99.csv", "prod_batch_2026-01-31.csv"],
        ["prod_batch_2026-01-31.csv", "prod_batch_20260201.parquet"],
        ["prod_batch_20260201T0800.csv", "prod_batch_20260201T0930.csv"],
        ["prod_batch_final.csv", "prod_batch_1.csv"],
        ["prod_batch_01_no_drift.csv", "prod_batch_03_strong_drift.csv"],
    ],
)
def test_the_later_name_is_the_newest_whatever_the_files_time(tmp_path: Path, names: list[str]) -> None:
    for age, name in enumerate(names):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    found = newest(tmp_path)
    assert found is not None
    assert found.name == names[1]
    assert newest_key(f"in/{name}" for name in names) == f"in/{names[1]}"


def test_equal_names_in_two_formats_are_told_apart_by_content_alone(tmp_path: Path) -> None:
    for first, second in (("a", "b"), ("b", "a")):
        (tmp_path / "prod_batch_1.csv").write_text(first)
        (tmp_path / "prod_batch_1.parquet").write_text(second)
        found = newest(tmp_path)
        assert found is not None
        assert found.read_text() == "a"  # its SHA-256 begins with c, that of b with 3


def test_of_a_full_inbox_only_what_the_names_leave_open_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        (tmp_path / f"prod_batch_{number}.csv").write_text("x")
    monkeypatch.setattr(order, "file_digest", None)  # would be noticed
    found = newest(tmp_path)
    assert found is not None
    assert found.name == "prod_batch_4.csv"


def test_what_is_no_batch_is_left_alone(tmp_path: Path) -> None:
    for name in (".prod_batch_1.csv.part", "prod_batch_1.xlsx", "notes.csv", ".prod_batch_2.csv"):
        (tmp_path / name).write_text("x")
    (tmp_path / "prod_batch_3.csv").mkdir()
    assert newest(tmp_path) is None
    assert newest(tmp_path / "absent") is None
    assert not is_batch(".prod_batch_1.csv")


def test_times_in_names() -> None:
    assert named_time("prod_batch_2026-02-30.csv") is None
    assert named_time("prod_batch_123456789.csv") is None
    assert named_time("prod_batch_20261123_1805.csv") == datetime(2026, 11, 23, 18, 5, tzinfo=UTC)
