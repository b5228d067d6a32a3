"""Who is treated: evenly, in every process alike, and never moved by a higher share."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tidegate.experiments.assign import position, treated
from tidegate.experiments.judge import sample_ratio
from tidegate.ledger.customer_key import customer_hash

IDS = [customer_hash(bytes(32), f"C-{number}") for number in range(20_000)]


def test_positions_are_fixed_for_good() -> None:
    """Changing the function would move the customers of every running experiment."""
    assert [position("salt", one) for one in IDS[:2]] == [0.3774605311924498, 0.6960869876177682]


def test_who_is_treated_is_fixed_for_good_too() -> None:
    assert [treated("salt", one, 0.5) for one in IDS[:2]] == [True, False]
    assert treated("salt", IDS[1], 0.7)


def test_positions_are_uniform_and_independent_of_another_salt() -> None:
    here, there = (np.array([position(salt, one) for one in IDS]) for salt in ("a", "b"))
    # Kolmogorov-Smirnov at one in a million
    distance = np.abs(np.sort(here) - np.arange(len(IDS)) / len(IDS)).max()
    assert distance < math.sqrt(math.log(2e6) / (2 * len(IDS)))
    assert abs(np.corrcoef(here, there)[0, 1]) < 5 / math.sqrt(len(IDS))
    assert 0 <= here.min() <= here.max() < 1


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.9])
def test_the_share_is_kept(share: float) -> None:
    drawn = sum(treated("salt", one, share) for one in IDS)
    assert abs(drawn - share * len(IDS)) < 5 * math.sqrt(share * (1 - share) * len(IDS))
    assert sample_ratio([(drawn, len(IDS) - drawn, share)]) > 0.001


def test_a_higher_share_keeps_everyone_who_is_treated() -> None:
    shares = (0.0, 0.05, 0.05, 0.3, 0.9, 1.0)
    groups = [{one for one in IDS if treated("salt", one, share)} for share in shares]
    assert all(smaller <= larger for smaller, larger in itertools.pairwise(groups))
    assert (len(groups[0]), len(groups[-1])) == (0, len(IDS))
