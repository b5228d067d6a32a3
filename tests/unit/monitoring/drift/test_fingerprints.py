"""Rows by value: repeated ones are counted, samples do not hang on the order of rows."""

from __future__ import annotations

import numpy as np

from tidegate.customers.rows import Rows
from tidegate.monitoring.drift.fingerprints import fingerprints, repeated_rows, sample, twins


def rows(seed: int, count: int) -> Rows:
    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(3, count))
    numbers[generator.random((3, count)) < 0.1] = np.nan
    return Rows(numbers, generator.integers(-2, 3, (2, count)).astype(np.int32))


def test_rows_of_the_reference_are_found_again_in_any_order() -> None:
    reference, fresh = rows(1, 2_000), rows(2, 500)
    again = reference.take(np.random.default_rng(3).permutation(2_000)[:700])
    both = Rows(np.concatenate([fresh.numbers, again.numbers], axis=1), np.concatenate([fresh.codes, again.codes], axis=1))
    assert repeated_rows(reference, both) == 700
    assert repeated_rows(reference, fresh) == 0


def test_one_value_or_one_level_makes_another_row() -> None:
    one = rows(1, 1)
    for place in range(3):
        other = one.numbers.copy()
        other[place] = 0.25
        assert repeated_rows(one, Rows(other, one.codes)) == 0
    assert repeated_rows(one, Rows(one.numbers, one.codes[::-1] + np.array([[1], [0]], np.int32))) == 0
    swapped = Rows(np.array([[1.0], [2.0]]), np.empty((0, 1), np.int32)), Rows(np.array([[2.0], [1.0]]), np.empty((0, 1), np.int32))
    assert repeated_rows(*swapped) == 0


def test_the_signs_of_zero_and_of_a_missing_value_do_not_matter() -> None:
    codes = np.empty((0, 2), np.int32)
    assert repeated_rows(Rows(np.array([[0.0, np.nan]]), codes), Rows(np.array([[-0.0, -np.nan]]), codes)) == 2


def test_twins_are_rows_that_another_row_equals() -> None:
    values = np.array([[1.0, 2.0, 1.0, 3.0, 1.0]])
    assert twins(fingerprints(Rows(values, np.empty((0, 5), np.int32)))) == 3


def test_a_sample_holds_the_same_rows_in_the_same_order_however_they_come() -> None:
    table = rows(5, 3_000)
    mixed = table.take(np.random.default_rng(0).permutation(3_000))
    (first, first_keys), (second, second_keys) = (sample(fingerprints(one), 400, 9) for one in (table, mixed))
    assert len(set(first.tolist())) == 400
    assert np.array_equal(first_keys, second_keys)
    assert np.array_equal(table.take(first).numbers, mixed.take(second).numbers, equal_nan=True)
    assert set(first.tolist()) != set(sample(fingerprints(table), 400, 10)[0].tolist())


def test_a_sample_of_few_distinct_rows_keeps_their_shares() -> None:
    values = np.array([[1.0] * 9_000 + [2.0] * 1_000])
    places, keys = sample(fingerprints(Rows(values, np.empty((0, 10_000), np.int32))), 1_000, 1)
    assert 0.07 < np.mean(values[0, places] == 2) < 0.13
    assert 0.45 < np.mean(keys & np.uint64(1)) < 0.55
