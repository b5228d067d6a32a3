"""The exact test of equal odds agrees with drawing, with Fisher's test, and keeps its promise where rows are few."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tidegate.measures.strata import equal_odds


def drawn(chance: np.random.Generator, count: int, rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    stratum = chance.integers(-2, 3, count)
    return (chance.random(count) < rate * (1 + 0.3 * stratum)).astype(np.int8), chance.random(count) < 0.35, stratum


@pytest.mark.parametrize(("count", "rate"), [(40, 0.3), (300, 0.1), (2_000, 0.02)])
def test_it_is_what_drawing_gives(count: int, rate: float) -> None:
    chance = np.random.default_rng(count)
    label, second, stratum = drawn(chance, count, rate)
    observed, sums = int(label[second].sum()), np.zeros(100_000)
    for one in np.unique(stratum):
        among = stratum == one
        sums += chance.hypergeometric(label[among].sum(), (1 - label[among]).sum(), second[among].sum(), len(sums))
    expected = min(2 * min((sums <= observed).mean(), (sums >= observed).mean()), 1.0)
    assert equal_odds(label, second, stratum) == pytest.approx(expected, abs=0.01)


def test_one_stratum_is_fishers_test() -> None:
    label, second, _ = drawn(np.random.default_rng(3), 60, 0.3)
    law = stats.hypergeom(60, int(label.sum()), int(second.sum()))
    observed = int(label[second].sum())
    expected = min(2 * min(law.cdf(observed), law.sf(observed - 1)), 1.0)
    assert equal_odds(label, second, np.zeros(60, np.int64)) == pytest.approx(expected, rel=1e-9)


def test_below_p_at_most_as_often_as_p_says() -> None:
    chance = np.random.default_rng(1)
    found = np.array([equal_odds(*drawn(chance, 80, 0.05)) for _ in range(2_000)])
    for level in (0.01, 0.05, 0.2):
        assert (found <= level).mean() <= level + 3 * np.sqrt(level / len(found))


def test_a_stratum_in_which_all_differ_is_no_difference() -> None:
    """The second group has more leavers because it has more of the stratum that leaves."""
    stratum = np.repeat([0, 1], 500)
    label = (np.random.default_rng(2).random(1_000) < np.where(stratum, 0.9, 0.1)).astype(np.int8)
    second = np.random.default_rng(3).random(1_000) < np.where(stratum, 0.7, 0.3)
    assert equal_odds(label, second, stratum) > 0.05
    assert equal_odds(label, second, np.zeros(1_000, np.int64)) < 1e-9


def test_nothing_to_compare_is_no_difference_and_much_is_found() -> None:
    nobody = np.zeros(0, np.int64)
    assert equal_odds(nobody.astype(np.int8), nobody.astype(bool), nobody) == 1.0
    ones = np.ones(50, np.int8)
    assert equal_odds(ones, np.arange(50) < 20, np.zeros(50, np.int64)) == 1.0
    second = np.arange(200_000) < 100_000
    assert equal_odds(second.astype(np.int8), second, np.zeros(200_000, np.int64)) == 0.0
