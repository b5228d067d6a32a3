"""When a canary is stopped, and when it is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tidegate.experiments.guard import (
    FALSE_ALARM,
    LATENCY_BOUNDS,
    SCORE_BOUNDS,
    SCORE_MARGIN,
    Seen,
    exceeds,
    judge_canary,
    missing_customers,
    missing_metrics,
    quantile,
)


def seen(count: int, errors: int = 0, seconds: float = 0.004, scores: tuple[float, float] = (1.0, 5.0), seed: int = 0) -> Seen:
    generator = np.random.default_rng(seed)
    latency = np.bincount(
        np.searchsorted(LATENCY_BOUNDS, generator.lognormal(math.log(seconds), 0.4, count)), minlength=len(LATENCY_BOUNDS) + 1
    )
    drawn = np.bincount(np.searchsorted(SCORE_BOUNDS, generator.beta(*scores, count)), minlength=len(SCORE_BOUNDS) + 1)
    return Seen(count, errors, count, tuple(latency.tolist()), tuple(drawn.tolist()))


def what(treatment: Seen, control: Seen) -> str | None:
    found = judge_canary(treatment, control)
    return None if found is None else found.what


def test_a_canary_like_the_champion_goes_on() -> None:
    assert [what(seen(count, seed=1), seen(2_000)) for count in (0, 1, 10, 100, 1_000, 5_000)] == [None] * 6
    assert what(seen(300, errors=1, seed=1), seen(5_000, errors=10)) is None
    assert what(seen(2_000, scores=(1.2, 5.0), seed=1), seen(5_000)) is None
    assert what(seen(2_000, seconds=0.005, seed=1), seen(5_000)) is None


def test_errors_stop_it() -> None:
    nothing = seen(0)
    assert what(Seen(0, 8, 0, nothing.latency, nothing.scores), seen(100)) == "errors"
    assert what(Seen(0, 8, 0, nothing.latency, nothing.scores), nothing) == "errors"
    assert what(seen(1_000, errors=100), seen(1_000, errors=5)) == "errors"
    # Both fail alike: that is the ledger, or the machine, and not the version.
    assert what(seen(1_000, errors=400), seen(1_000, errors=400)) is None


def test_latency_stops_it() -> None:
    assert what(seen(60, seconds=0.06), seen(1_000)) == "latency"
    assert what(seen(60, seconds=2.0), seen(3)) == "latency"
    assert what(seen(60, seconds=0.06), seen(1_000, seconds=0.06)) is None


def test_scores_stop_it() -> None:
    assert what(seen(400, scores=(5.0, 1.0)), seen(2_000)) == "scores"
    assert what(seen(1_000, scores=(1.0, 200.0)), seen(2_000)) == "scores"
    assert what(seen(10, scores=(5.0, 1.0)), seen(2_000)) is None


def test_few_scores_that_are_far_away_by_chance_do_not_stop_it() -> None:
    """Thirty scores a little higher than the champion's: beyond the margin, and well within what chance explains."""
    few, many = seen(30, scores=(2.5, 5.0), seed=3), seen(2_000)
    shares = [np.cumsum(one.scores) / one.customers for one in (few, many)]
    assert np.abs(shares[0] - shares[1]).max() > SCORE_MARGIN
    assert what(few, many) is None


def test_metrics_that_are_missing_stop_it() -> None:
    assert missing_metrics(recorded=100, counted=0) is not None
    assert missing_metrics(recorded=100, counted=100) is None
    assert missing_metrics(recorded=5, counted=0) is None
    assert missing_metrics(recorded=0, counted=0) is None


def test_customers_whom_nobody_treats_stop_it() -> None:
    assert missing_customers(treated=0, others=100, share=0.5) is not None
    assert missing_customers(treated=0, others=1_000, share=0.05) is not None
    assert missing_customers(treated=0, others=100, share=0.05) is None
    assert missing_customers(treated=50, others=950, share=0.05) is None
    assert missing_customers(treated=0, others=10_000, share=0.0) is None
    assert missing_customers(treated=0, others=40, share=1.0) is not None


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("total", [10, 100, 2_000])
def test_the_bound_holds(share: float, total: int) -> None:
    """The exact binomial tail at the smallest count that exceeds is below the level."""
    from scipy.stats import binom

    counts = [count for count in range(total + 1) if exceeds(count, total, share)]
    assert not counts or binom.sf(counts[0] - 1, total, share) <= FALSE_ALARM


def test_quantiles_are_those_of_the_times() -> None:
    times = np.random.default_rng(2).lognormal(-5, 1, 20_000)
    binned = np.bincount(np.searchsorted(LATENCY_BOUNDS, times), minlength=len(LATENCY_BOUNDS) + 1).tolist()
    for level in (0.5, 0.95, 0.99):
        assert quantile(binned, level) == pytest.approx(np.quantile(times, level), rel=0.1)
    assert math.isnan(quantile([0] * (len(LATENCY_BOUNDS) + 1), 0.5))
