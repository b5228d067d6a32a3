"""Old customers are learned from where they still say something about new ones."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.renewal.window import Window, choose_window, weighted


def customers(count: int, seed: int, sign: float) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    matrix = chance.normal(size=(count, 3)).astype(np.float32)
    label = chance.random(count) < 1 / (1 + np.exp(-(sign * 3 * matrix[:, 0] - 1)))
    return matrix, label.astype(np.int8)


@pytest.mark.parametrize(("sign", "kept"), [(1.0, 800), (-1.0, 0)])
def test_the_window_follows_the_world(sign: float, kept: int) -> None:
    window = choose_window(*customers(800, 1, 1.0), *customers(600, 2, sign), "auto", 1)
    assert len(window.old) == kept
    assert window.reason


@pytest.mark.parametrize(("rule", "kept"), [("all", 800), ("new", 0)])
def test_a_setting_goes_before(rule: str, kept: int) -> None:
    assert len(choose_window(*customers(800, 1, 1.0), *customers(600, 2, 1.0), rule, 1).old) == kept  # type: ignore[arg-type]


def test_few_new_leavers_teach_too_little_alone() -> None:
    window = choose_window(*customers(800, 1, 1.0), *customers(60, 2, -1.0), "auto", 1)
    assert len(window.old) == 800
    assert "fewer than 100" in window.reason


def test_old_customers_that_count_half_are_half_as_many_and_drawn_alike_by_the_same_seed() -> None:
    window = Window(np.arange(0, 2_000, 2), "all are learned from")
    half = weighted(window, 0.5, 3)
    assert len(half.old) == 500
    assert set(half.old) < set(window.old)
    assert len(set(half.old)) == 500
    assert (weighted(window, 0.5, 3).old == half.old).all()
    assert (weighted(window, 0.5, 4).old != half.old).any()
    # from all over the window, not its first half
    assert 900 < float(half.old.mean()) < 1_100
