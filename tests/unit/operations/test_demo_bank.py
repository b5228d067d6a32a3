"""The bank of the demo hands in what a bank would: new customers without labels, labels later, a sample that people checked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from tidegate.customers.spec import load_spec
from tidegate.home import Home
from tidegate.monitoring.order import named_time, newest
from tidegate.operations.demo_bank import AUDITED, STORY, Bank, write_audit, write_batch, write_outcomes, write_training

ROWS = 600


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def bank() -> Bank:
    return Bank(load_spec("bank"), ROWS, 42, datetime(2026, 3, 1, tzinfo=UTC))


def table(path: Path) -> pa.Table:
    return pyarrow.csv.read_csv(path)


def month_where(what: str) -> int:
    return next(number for number, month in enumerate(STORY, 1) if getattr(month, what))


def test_every_month_brings_other_customers_and_no_label(bank: Bank, home: Home) -> None:
    seen = set(table(write_training(bank, home))["CLIENTNUM"].to_pylist())
    assert len(seen) == 2 * ROWS
    for month in range(1, len(STORY) + 1):
        batch = table(write_batch(bank, home, month))
        mine = set(batch["CLIENTNUM"].to_pylist())
        assert len(mine) == ROWS
        assert not mine & seen
        assert "Attrition_Flag" not in batch.column_names
        seen |= mine


def test_the_file_of_a_month_is_the_newest_of_the_inbox_and_says_when_it_was_seen(bank: Bank, home: Home) -> None:
    for month in (1, 2, 3):
        path = write_batch(bank, home, month)
        assert newest(home.inbox) == path
        assert named_time(path.name) == bank.began + timedelta(days=30 * month)


def test_a_repaired_batch_is_newer_and_has_the_same_customers_without_the_spoilt_cells(bank: Bank, home: Home) -> None:
    month = month_where("incident")
    spoilt, repaired = table(write_batch(bank, home, month)), table(path := write_batch(bank, home, month, repaired=True))
    assert newest(home.inbox) == path
    assert spoilt["CLIENTNUM"] == repaired["CLIENTNUM"]
    assert min(repaired["Credit_Limit"].to_pylist()) > 0
    assert min(one for one in spoilt["Credit_Limit"].to_pylist() if one is not None) < 0
    assert sum(column.null_count for column in repaired.columns) == 0 < sum(column.null_count for column in spoilt.columns)


def test_outcomes_are_of_the_month_before_and_wrong_only_where_the_story_poisons_them(bank: Bank, home: Home) -> None:
    poisoned = month_where("mislabelled")
    for month in range(2, len(STORY) + 1):
        path, wrong = write_outcomes(bank, home, month)
        said = table(path)
        assert said["customer_id"] == table(write_batch(bank, home, month - 1))["CLIENTNUM"]
        assert (wrong > 0) == (month == poisoned)
        left = np.array(said["outcome"])
        assert 0.08 < left.mean() < 0.25
        seen = datetime.fromisoformat(str(said["observed_at"][0].as_py()))
        assert bank.day(month - 1) < seen.replace(tzinfo=UTC) < bank.day(month)


def test_an_audit_says_the_truth_where_the_labels_are_poisoned(bank: Bank, home: Home) -> None:
    month = month_where("mislabelled")
    path, wrong = write_outcomes(bank, home, month)
    ordinary = dict(zip(*(table(path)[name].to_pylist() for name in ("customer_id", "outcome")), strict=True))
    audit = table(write_audit(bank, home, month))
    assert len(audit) == AUDITED
    differ = [(ordinary[one], checked) for one, checked in zip(audit["customer_id"].to_pylist(), audit["outcome"].to_pylist(), strict=True)]
    against = [pair for pair in differ if pair[0] != pair[1]]
    assert 0 < len(against) < wrong
    assert set(against) == {(0, 1)}, "the poison hides those who left, and makes up nobody"


def test_the_same_seed_writes_the_same_files(bank: Bank, tmp_path: Path) -> None:
    one, two = Home(tmp_path / "one"), Home(tmp_path / "two")
    for write in (
        lambda home: write_batch(bank, home, 3),
        lambda home: write_outcomes(bank, home, 7)[0],
        lambda home: write_audit(bank, home, 7),
    ):
        assert write(one).read_bytes() == write(two).read_bytes()
