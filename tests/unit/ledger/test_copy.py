"""A ledger copied whole: into a file while it is written to, and from a file into an empty one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.errors import BackupRefused, LedgerUnavailable
from tidegate.ledger.connections import writing
from tidegate.ledger.copy import copy_into_empty, copy_to_file, count_rows
from tidegate.ledger.events import append_event, list_events, verify_events
from tidegate.ledger.predictions import Prediction, insert_predictions, sample_predictions
from tidegate.ledger.store import Ledger, check_ledger, close_ledger, open_ledger, sqlite_url

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Make = Callable[..., Prediction]


def fill(ledger: Ledger, make: Make, first: int = 0, count: int = 50) -> None:
    with writing(ledger.engine) as connection:
        insert_predictions(connection, [make(number, probability=0.1 + number / 7) for number in range(first, first + count)])
    append_event(ledger, "ana", "filled", {"text": "Zoë ☂", "count": count}, NOON)


def test_a_copy_in_a_file_is_the_same_ledger_in_one_file(ledger: Ledger, tmp_path: Path, make: Make) -> None:
    fill(ledger, make)
    target = tmp_path / "copy.db"
    copy_to_file(ledger, target)
    copy_to_file(ledger, target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("copy.db-*"))
    copied = open_ledger(sqlite_url(target))
    assert check_ledger(copied) == verify_events(copied) == "ok"
    assert sample_predictions(copied, 99) == sample_predictions(ledger, 99)
    assert list_events(copied) == list_events(ledger)
    assert count_rows(copied)["predictions"] == 50
    close_ledger(copied)


def test_a_copy_beside_a_writer_is_one_moment(ledger: Ledger, tmp_path: Path, make: Make) -> None:
    fill(ledger, make)
    ending, errors = threading.Event(), []

    def write() -> None:
        number = 50
        while not ending.is_set():
            try:
                fill(ledger, make, number, 20)
            except LedgerUnavailable as error:
                errors.append(error)
                return
            number += 20

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            copy_to_file(ledger, tmp_path / f"{number}.db")
    finally:
        ending.set()
        writer.join()
    assert errors == []
    for number in range(5):
        copied = open_ledger(sqlite_url(tmp_path / f"{number}.db"))
        rows = count_rows(copied)
        # an event follows its rows in a transaction of its own
        assert (rows["predictions"] - 50) // 20 - (rows["events"] - 1) in (0, 1)
        assert verify_events(copied) == "ok"
        close_ledger(copied)


def test_into_an_empty_ledger_only(ledger: Ledger, tmp_path: Path, make: Make) -> None:
    source = open_ledger(sqlite_url(tmp_path / "source.db"))
    fill(source, make)
    copy_into_empty(source, ledger)
    assert sample_predictions(source, 99) == sample_predictions(ledger, 99)
    assert verify_events(ledger) == "ok"
    append_event(ledger, "ana", "goes on", {}, NOON)
    with pytest.raises(BackupRefused, match="holds rows already") as refused:
        copy_into_empty(source, ledger)
    assert "pier-and-tide" not in str(refused.value)
    assert count_rows(ledger)["predictions"] == 50
    close_ledger(source)
