"""Shares, their differences, and how many customers it takes."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.campaign.proportions import FEWEST_OUTCOMES, Share, customers_needed, difference, power, wilson


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_the_paper_s_examples(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    found = difference(Share(*first), Share(*second))
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)
    mirrored = difference(Share(*second), Share(*first))
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))


def test_an_interval_of_one_share_stays_within_0_and_1() -> None:
    for part in range(11):
        low, high = wilson(Share(part, 10))
        assert 0 <= low <= part / 10 <= high <= 1


def test_the_number_needed_gives_the_power_wanted() -> None:
    for untreated, treated, share in ((0.5, 0.35, 0.1), (0.1, 0.08, 0.3), (0.9, 0.6, 0.5)):
        needed = customers_needed(untreated, treated, share)
        assert needed is not None
        control = round(needed * share)
        assert power(untreated, treated, control, needed - control) == pytest.approx(0.8, abs=0.02)


def test_the_power_is_the_share_of_campaigns_that_prove_it() -> None:
    generator = np.random.default_rng(0)
    left, stayed = generator.binomial(100, 0.4, 2000), generator.binomial(300, 0.25, 2000)
    shown = [difference(Share(a, 100), Share(b, 300)).low > 0 for a, b in zip(left.tolist(), stayed.tolist(), strict=True)]
    assert np.mean(shown) == pytest.approx(power(0.4, 0.25, 100, 300), abs=0.03)


def test_a_handful_proves_nothing() -> None:
    assert power(0.99, 0.5, FEWEST_OUTCOMES - 1, 1000) == 0.0
    assert power(0.5, 0.5, 100, 100) == 0.0
    assert customers_needed(0.5, 0.5, 0.1) is None
    assert customers_needed(0.5, 0.4, 0.0) is None
    assert customers_needed(0.999, 0.001, 0.1) == 100  # ten in the smaller arm
