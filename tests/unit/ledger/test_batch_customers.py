"""Customers of monitored batches are known by their batch, before anything was predicted of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from champions import write_linear_champion
from tidegate.errors import HomeRefused, TableRefused
from tidegate.home import Home, open_home
from tidegate.ledger import batch_customers
from tidegate.ledger.batch_customers import BatchCustomers
from tidegate.ledger.customer_key import customer_hash, load_or_create_key
from tidegate.ledger.seen import seen_within
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations.outcomes import record_file

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = bytes(32)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = open_home(tmp_path / "home")
    write_linear_champion(place)
    return place


def keep_batch(home: Home, *ids: str | None) -> Path:
    home.batches.mkdir(exist_ok=True)
    path = home.batches / f"prod_batch_{len(list(home.batches.iterdir()))}.parquet"
    pyarrow.parquet.write_table(pa.table({"customer_id": pa.array(ids, pa.string()), "age": [1.0] * len(ids)}), path)
    return path


def hashed(*ids: str) -> set[str]:
    return {customer_hash(KEY, one) for one in ids}


def test_who_is_in_a_batch_is_known(home: Home) -> None:
    batches = BatchCustomers(home.batches, KEY)
    assert batches.among(hashed("a")) == set()
    keep_batch(home, "a", None, "b")
    keep_batch(home, "c")
    assert batches.among(hashed("a", "c", "d")) == hashed("a", "c")


def test_a_damaged_batch_is_named_or_passed_over(home: Home) -> None:
    keep_batch(home, "b")
    keep_batch(home, "a").write_bytes(b"PAR1")
    batches = BatchCustomers(home.batches, KEY)
    assert batches.among(hashed("b")) == hashed("b")
    with pytest.raises(HomeRefused, match="is damaged"):
        batches.among(hashed("a", "b"))
    assert batches.among(hashed("a", "b"), skip_damaged=True) == hashed("b")


def test_a_file_is_read_once_and_again_where_it_changed_or_went(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(key: bytes, one: str) -> str:
        read.append(one)
        return customer_hash(key, one)

    monkeypatch.setattr(batch_customers, "customer_hash", counted)
    batches, path = BatchCustomers(home.batches, KEY), keep_batch(home, "a", "b")
    for _ in range(3):
        assert batches.among(hashed("a", "z")) == hashed("a")
    assert read == ["a", "b"]
    pyarrow.parquet.write_table(pa.table({"customer_id": ["b"]}), path)  # as an erasure does
    assert batches.among(hashed("a", "b")) == hashed("b")
    path.unlink()
    assert batches.among(hashed("b")) == set()


def record(home: Home, ledger: Ledger, text: str, audit: bool = False) -> dict[str, object]:
    source = home.root.parent / "left.csv"
    source.write_text(text)
    return record_file(home, ledger, source, 0.2, "ana", NOON, lambda _: None, audit).document()


def test_their_outcomes_are_recorded_under_a_key_that_stays(home: Home) -> None:
    """No prediction was made, so no key was there: a passing one would lose every label."""
    keep_batch(home, "ana", "ben")
    ledger = open_ledger(sqlite_url(home.ledger))
    try:
        told = record(home, ledger, "customer_id,outcome,observed_at\nana,1,2026-02-01\nben,0,2026-02-01\neve,0,2026-02-01\n")
        assert (told["recorded"], told["unknown_customers"], told["audit"]) == (2, 1, False)
        key = load_or_create_key(home.secrets / "customer.key")
        found = seen_within(ledger, [customer_hash(key, "ana")], datetime(2026, 1, 1, tzinfo=UTC), NOON)
        assert [one.left for one in found.values()] == [True]
        told = record(home, ledger, "customer_id,outcome,observed_at\nana,0,2026-02-01\n", audit=True)
        assert (told["recorded"], told["audit"]) == (1, True)
        with pytest.raises(TableRefused, match="no prediction, campaign or monitored batch"):
            record(home, ledger, "customer_id,outcome\neve,1\n")
    finally:
        close_ledger(ledger)
