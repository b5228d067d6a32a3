"""An honest holdout."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from tidegate.customers.admit import Tally
from tidegate.customers.history import History
from tidegate.customers.rows import Rows
from tidegate.customers.split import Split, repeated_across, split_history
from tidegate.errors import NotEnoughData


def history(
    label: list[int] | np.ndarray,
    ids: list[str | None] | None = None,
    groups: list[str | None] | None = None,
    times: list[float] | None = None,
) -> History:
    count = len(label)
    return History(
        rows=Rows(np.zeros((1, count)), np.zeros((0, count), np.int32)),
        label=np.asarray(label, np.int8),
        ids=None if ids is None else np.array(ids, object),
        groups=None if groups is None else np.array(groups, object),
        times=None if times is None else np.asarray(times, np.float64),
        row_numbers=np.arange(1, count + 1),
        unlabelled=0,
        tally=Tally(),
        sha256="",
        warnings=(),
    )


LABEL = np.random.default_rng(0).random(500) < 0.16


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
@pytest.mark.parametrize("ids", [None, [f"c{row}" for row in range(500)], [None] * 500])
def test_the_random_split_is_that_of_scikit_learn(seed: int, ids: list[str | None] | None) -> None:
    split = split_history(history(LABEL, ids), seed)
    train, holdout = train_test_split(np.arange(500), test_size=0.2, stratify=LABEL.astype(np.int8), random_state=seed)
    assert np.array_equal(split.train, train)
    assert np.array_equal(split.holdout, holdout)
    assert (split.kind, split.groups) == ("random, stratified by label", None)


def test_the_latest_period_is_held_out() -> None:
    times = np.random.default_rng(1).integers(0, 10, 500).astype(float)
    split = split_history(history(LABEL, times=times.tolist()), 0)
    assert times[split.train].max() < times[split.holdout].min()
    assert sorted([*split.train, *split.holdout]) == list(range(500))
    assert 100 <= len(split.holdout) < 160
    assert split.kind == "latest period"


def test_two_periods_of_any_size_can_be_told_apart() -> None:
    times = [0.0] * 20 + [1.0] * 480
    split = split_history(history([0, 1] * 250, times=times), 0)
    assert (len(split.train), len(split.holdout)) == (20, 480)


@pytest.mark.parametrize("as_ids", [False, True])
def test_rows_that_belong_together_are_held_out_together(as_ids: bool) -> None:
    names: list[str | None] = [f"g{number}" for number in np.random.default_rng(2).integers(0, 60, 500)]
    split = split_history(history(LABEL, ids=names) if as_ids else history(LABEL, groups=names), 3)
    train, holdout = ({names[row] for row in rows} for rows in (split.train, split.holdout))
    assert train.isdisjoint(holdout)
    assert sorted([*split.train, *split.holdout]) == list(range(500))
    assert 60 < len(split.holdout) < 140
    assert split.kind == "whole groups"


def test_rows_without_a_group_stand_alone() -> None:
    names: list[str | None] = [None if row % 2 else f"g{row % 20}" for row in range(500)]
    split = split_history(history(LABEL, groups=names), 0)
    alone = [row for row in split.holdout if names[row] is None]
    assert 0 < len(alone) < 250
    assert split.groups is not None
    assert len(set(split.groups)) == 250 + 10


def test_declared_groups_count_before_repeated_ids() -> None:
    groups: list[str | None] = [f"g{row % 25}" for row in range(500)]
    split = split_history(history(LABEL, ids=[f"c{row // 2}" for row in range(500)], groups=groups), 0)
    assert {groups[row] for row in split.train}.isdisjoint(groups[row] for row in split.holdout)


@pytest.mark.parametrize("as_ids", [False, True])
def test_with_time_and_groups_no_group_is_on_both_sides(as_ids: bool) -> None:
    generator = np.random.default_rng(4)
    label = generator.random(4_000) < 0.4
    names: list[str | None] = [f"g{number}" for number in generator.integers(0, 200, 4_000)]
    times = generator.integers(0, 5, 4_000).astype(float)
    given = history(label, ids=names, times=times.tolist()) if as_ids else history(label, groups=names, times=times.tolist())
    split = split_history(given, 0)
    assert times[split.train].max() < times[split.holdout].min()
    assert {names[row] for row in split.train}.isdisjoint(names[row] for row in split.holdout)
    assert np.array_equal(split_history(given, 0).holdout, split.holdout)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (history([]), "one class"),
        (history([1] * 100), "one class"),
        (history([0] * 100), "one class"),
        (history([0, 1] * 20), "too few"),
        (history([0] * 91 + [1] * 9), "too few"),
        (history([0, 1] * 50, times=[1.0] * 100), "a single period"),
        (history([0, 1] * 50, times=[1.0] * 99 + [np.nan]), "1 rows have no readable time"),
        (history([0, 1] * 50, times=[1.0] * 99 + [np.inf]), "1 rows have no readable time"),
        (history([0] * 50 + [1] * 50, times=[0.0] * 50 + [1.0] * 50), "holds one class only"),
        (history([0, 1] * 50, groups=["a", "b"] * 50), "2 groups"),
    ],
)
def test_what_cannot_be_judged_is_refused(given: History, says: str) -> None:
    with pytest.raises(NotEnoughData, match=says):
        split_history(given, 0)


def test_rows_that_occur_on_both_sides_are_counted() -> None:
    matrix = np.array([[1, np.nan], [2, 3], [1, np.nan], [2, 4], [2, 3]], np.float32)
    split = Split(np.array([0, 1]), np.array([2, 3, 4]), "random", None)
    assert repeated_across(split, matrix) == 2
