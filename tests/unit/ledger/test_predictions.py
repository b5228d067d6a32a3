"""Recorded predictions come back as they were."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tidegate.ledger.connections import writing
from tidegate.ledger.failures import UnstorableRow
from tidegate.ledger.predictions import (
    Prediction,
    count_predictions,
    find_by_id,
    find_by_key,
    find_keys,
    insert_predictions,
    sample_predictions,
)
from tidegate.ledger.store import Ledger

Make = Callable[..., Prediction]


def record(ledger: Ledger, predictions: list[Prediction]) -> None:
    with writing(ledger.engine) as connection:
        insert_predictions(connection, predictions)


def test_every_field_comes_back(ledger: Ledger, make: Make) -> None:
    full = make(1, key="k", digest="d" * 64, probability=0.1 + 0.2, prediction=1)
    bare = make(2, customer=None)
    record(ledger, [full, bare])
    assert find_by_id(ledger, "id-00000001") == full
    assert find_by_id(ledger, "id-00000002") == bare
    assert find_by_key(ledger, "k") == full
    assert find_by_id(ledger, "k") is None
    assert find_by_key(ledger, "id-00000001") is None


@pytest.mark.parametrize("size", [0, 1, 2, 3, 511, 512, 513, 1337])
def test_any_number_of_rows_is_inserted_once(ledger: Ledger, make: Make, size: int) -> None:
    predictions = [make(number) for number in range(size)]
    record(ledger, predictions)
    assert count_predictions(ledger) == size
    assert sample_predictions(ledger, size) == predictions


def test_the_callers_transaction_decides(ledger: Ledger, make: Make) -> None:
    def change_of_mind() -> None:
        with writing(ledger.engine) as connection:
            insert_predictions(connection, [make(1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_of_mind()
    assert count_predictions(ledger) == 0


@pytest.mark.parametrize("changes", [{"variant": None}, {"probability": float("nan")}, {"row": "\ud800"}, {"prediction": 2**70}])
def test_an_unstorable_row_is_told_from_a_failing_database(ledger: Ledger, make: Make, changes: dict[str, object]) -> None:
    with pytest.raises(UnstorableRow):
        record(ledger, [make(1), make(2, **changes)])
    assert count_predictions(ledger) == 0


def test_what_the_file_cannot_bind_is_the_rows_fault(path: Path, ledger: Ledger, make: Make) -> None:
    with pytest.raises(UnstorableRow):
        record(ledger, [make(1, row=[])])


def test_a_second_row_under_a_key_is_refused_by_the_database(ledger: Ledger, make: Make) -> None:
    record(ledger, [make(1, key="k"), make(2), make(3)])  # no key is no duplicate of no key
    with pytest.raises(UnstorableRow):
        record(ledger, [make(4, key="k")])


@pytest.mark.parametrize("size", [1, 3, 512, 700])
def test_keys_are_found_in_bulk(ledger: Ledger, make: Make, size: int) -> None:
    predictions = [make(number, key=f"k{number}") for number in range(size)]
    record(ledger, predictions)
    with writing(ledger.engine) as connection:
        found = find_keys(connection, [f"k{number}" for number in range(size)] + ["absent"])
        assert found == {prediction.idempotency_key: prediction for prediction in predictions}
        assert find_keys(connection, []) == {}


@pytest.mark.parametrize("n", [1, 7, 99, 100])
def test_a_sample_has_the_size_asked_and_spans_all_time(ledger: Ledger, make: Make, n: int) -> None:
    record(ledger, [make(number) for number in reversed(range(100))])
    sample = sample_predictions(ledger, n)
    numbers = [int(prediction.prediction_id[3:]) for prediction in sample]
    assert len(set(numbers)) == n
    assert numbers == sorted(numbers)
    assert sample == sample_predictions(ledger, n)
    gaps = {later - earlier for earlier, later in pairwise(numbers)}
    assert gaps <= {100 // n, 100 // n + 1}
    assert numbers[-1] == 99


def test_a_sample_of_little_is_all(ledger: Ledger, make: Make) -> None:
    assert sample_predictions(ledger, 5) == []
    record(ledger, [make(1), make(2)])
    assert sample_predictions(ledger, 5) == [make(1), make(2)]
    assert sample_predictions(ledger, 0) == []
