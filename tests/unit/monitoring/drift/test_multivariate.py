"""The classifier that tells two tables apart: where it should, where it cannot, and what it says of little."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.measures.classification import Floats
from tidegate.monitoring.drift.multivariate import Separation, separation


def apart(reference: Floats, batch: Floats) -> Separation | None:
    generator = np.random.default_rng(0)
    return separation(reference, batch, (generator.random(len(reference)) < 0.5, generator.random(len(batch)) < 0.5), 0)


def normal(seed: int, count: int, correlation: float = 0.0) -> Floats:
    return np.random.default_rng(seed).multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], count)


def test_what_no_column_shows_alone_is_seen() -> None:
    found = apart(normal(1, 2_000, 0.9), normal(2, 2_000, -0.9))
    assert found is not None
    assert found.low > 0.8
    assert found.rows == 4_000
    assert found.columns == 2


def test_two_draws_of_one_distribution_are_not_told_apart() -> None:
    found = [apart(normal(2 * seed, 1_500), normal(2 * seed + 1, 500)) for seed in range(8)]
    assert all(one is not None and abs(one.roc_auc - 0.5) < 1.5 * (one.high - one.roc_auc) for one in found)


def test_a_repeated_row_on_the_same_side_in_both_does_not_help() -> None:
    table = normal(3, 1_000)
    side = np.random.default_rng(1).random(1_000) < 0.5
    found = separation(table, table, (side, side), 0)
    assert found is not None
    assert found.roc_auc == pytest.approx(0.5, abs=0.03)


def test_too_few_rows_in_a_half_or_no_column_is_no_answer() -> None:
    sides = np.zeros(40, bool), np.zeros(40, bool)
    assert separation(normal(1, 40), normal(2, 40), sides, 0) is None
    assert apart(np.empty((100, 0)), np.empty((100, 0))) is None


def test_a_few_rows_told_apart_without_a_fault_are_not_certain() -> None:
    found = apart(normal(1, 40), normal(2, 40) + 50)
    assert found is not None
    assert found.low < 0.95


def test_missing_and_constant_columns_are_no_obstacle() -> None:
    table = np.column_stack([np.full(200, np.nan), np.ones(200)])
    found = apart(table, table)
    assert found is not None
    assert found.roc_auc == 0.5
