"""Bins and draws: nothing is lost up to so many scores, and beyond that almost nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.measures.classification import measure
from tidegate.measures.intervals import measured
from tidegate.monitoring.performance.draws import gathered, measures_of
from tidegate.monitoring.performance.realised import _drawn


def customers(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    probability = generator.beta(0.6, 2.5, count)
    return (generator.random(count) < probability).astype(np.int8), probability


def counted(label: np.ndarray, probability: np.ndarray, threshold: float, most: int) -> dict[str, float]:
    bins = gathered(probability, threshold, most)
    left = np.bincount(bins.of, weights=label, minlength=len(bins.count))
    return {name: float(value[0]) for name, value in measures_of(left[None, :], (bins.count - left)[None, :], bins).items()}


@pytest.mark.parametrize("decimals", [2, 16])
def test_a_draw_of_the_labels_themselves_is_the_measure(decimals: int) -> None:
    label, probability = customers(3_000)
    probability = np.round(probability, decimals)
    found, known = counted(label, probability, 0.3, 4_000), measure(label, probability, 0.3)
    assert found == pytest.approx({name: known[name] for name in found}, abs=1e-12)


def test_with_many_scores_little_is_lost_and_no_bin_straddles_the_threshold() -> None:
    label, probability = customers(60_000)
    bins = gathered(probability, 0.3, 1_000)
    assert len(bins.count) <= 1_001
    assert bins.count.sum() == 60_000
    assert bins.count @ bins.flagged == (probability >= 0.3).sum()
    assert np.all(np.diff(bins.probability) < 0)
    found, known = counted(label, probability, 0.3, 1_000), measure(label, probability, 0.3)
    assert found == pytest.approx({name: known[name] for name in found}, abs=1e-3)
    assert found["recall"] == pytest.approx(known["recall"], abs=1e-12)


def test_equal_scores_stay_together_when_there_are_too_many_customers() -> None:
    probability = np.repeat([0.9, 0.2, 0.1], [1, 9_000, 999])
    bins = gathered(np.concatenate([probability, np.linspace(0.3, 0.8, 50)]), 0.5, 20)
    shared = bins.of[1:9_001]
    assert len(set(shared.tolist())) == 1


def test_bootstrap_by_cells_is_the_bootstrap_by_customers() -> None:
    label, probability = customers(1_500)
    by_rows = measured(label, probability, 0.3, seed=3, draws=400)
    by_cells = _drawn(label, gathered(probability, 0.3), 3)
    for name in by_cells:
        width = by_rows[name].high - by_rows[name].low
        low, high = np.quantile(by_cells[name], [0.025, 0.975])
        assert (low, high) == pytest.approx((by_rows[name].low, by_rows[name].high), abs=0.2 * width), name
