"""What a column's drift does to scores: nothing without drift, what the formula says with it."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.customers.rows import Rows
from tidegate.monitoring.drift.influence import influences, moved_codes, moved_numbers

GENERATOR = np.random.default_rng(0)
VALUES = GENERATOR.normal(10, 2, 1_000)
DRAWS = GENERATOR.random((2, 1_000))


def test_a_column_that_has_not_moved_moves_nobody() -> None:
    whole = np.rint(VALUES)
    for values in (VALUES, whole):
        assert np.array_equal(moved_numbers(values, np.sort(values), np.sort(values), (0, 0), DRAWS), values)


def test_a_shifted_column_moves_everybody_by_the_shift_and_keeps_ranks() -> None:
    moved = moved_numbers(VALUES, np.sort(VALUES), np.sort(VALUES + 3), (0, 0), DRAWS)
    assert moved == pytest.approx(VALUES + 3)


def test_missing_values_come_and_go_with_their_share() -> None:
    known = np.sort(VALUES)
    assert np.mean(np.isnan(moved_numbers(VALUES, known, known, (0.0, 0.3), DRAWS))) == pytest.approx(0.3, abs=0.05)
    some = np.where(GENERATOR.random(1_000) < 0.4, np.nan, VALUES)
    back = moved_numbers(some, known, known, (0.4, 0.1), DRAWS)
    assert np.mean(np.isnan(back)) == pytest.approx(0.1, abs=0.04)
    assert np.isnan(moved_numbers(VALUES, known, np.empty(0), (0.0, 1.0), DRAWS)).all()
    assert not np.isnan(moved_numbers(np.full(1_000, np.nan), np.empty(0), known, (1.0, 0.0), DRAWS)).any()


def test_only_as_many_levels_change_as_have_to() -> None:
    codes = GENERATOR.choice([-1, 0, 1], 1_000, p=[0.2, 0.5, 0.3]).astype(np.int32)
    cells = np.array([-1, 0, 1, 2], np.int32)
    before = np.array([0.2, 0.5, 0.3, 0.0])
    assert np.array_equal(moved_codes(codes, cells, before, before, DRAWS), codes)
    moved = moved_codes(codes, cells, before, np.array([0.2, 0.2, 0.4, 0.2]), DRAWS)
    assert np.mean(moved != codes) == pytest.approx(0.3, abs=0.04)
    assert np.mean(moved == 2) == pytest.approx(0.2, abs=0.04)
    assert np.array_equal(moved[codes == -1], codes[codes == -1])


def test_influence_is_the_mean_change_of_the_score() -> None:
    rows = Rows(np.stack([VALUES, VALUES]), np.zeros((1, 1_000), np.int32))

    def score(customers: Rows) -> np.ndarray:
        return 0.01 * customers.numbers[0] + 0.2 * customers.codes[0]

    found = influences(score, rows, rows.numbers + 5, np.ones((1, 1_000), np.int32))
    assert found == pytest.approx([0.05, 0.0, 0.2])
