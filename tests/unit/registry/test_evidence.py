"""Slice and audit agree as often as promised where nothing is wrong, whatever the champion is, and differ where labels are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.registry.evidence import Evidence, Name, agreement
from tidegate.registry.gates import GateLimits

LEAST = GateLimits().least_agreement


def evidence(name: Name, truth: np.ndarray, champion: np.ndarray, chance: np.random.Generator) -> Evidence:
    label = (chance.random(len(truth)) < truth).astype(np.int8)
    return Evidence(name, label, champion, champion, 0.5, 0.5, {})


def pair(seed: int, spread: float, right: bool, top_audit: bool = False) -> tuple[Evidence, Evidence]:
    """A slice of 540 and an audit of 300; the champion knows the odds, or is wrong by half of them."""
    chance = np.random.default_rng(seed)
    odds = chance.normal(-0.7 * spread, spread, 4_000)
    rows = np.argsort(-odds)[chance.permutation(1_500)[:840]] if top_audit else np.arange(840)
    truth, champion = 1 / (1 + np.exp(-odds[rows])), 1 / (1 + np.exp(-odds[rows] * (1.0 if right else 0.5)))
    parts = ("reserved", slice(0, 540)), ("audit", slice(540, 840))
    reserved, audit = (evidence(name, truth[part], champion[part], chance) for name, part in parts)  # type: ignore[arg-type]
    return reserved, audit


@pytest.mark.parametrize("spread", [0.3, 3.0, 12.0])
@pytest.mark.parametrize("right", [True, False])
def test_where_nothing_is_wrong_it_fails_no_more_often_than_promised(spread: float, right: bool) -> None:
    failures = sum(agreement(*pair(seed, spread, right)) < LEAST for seed in range(400))
    # at 1 % of 400, 11 or more would come in 3 of 1,000 runs
    assert failures <= 10


def test_an_audit_of_those_with_high_scores_is_no_difference() -> None:
    failures = 0
    for seed in range(200):
        reserved, _ = pair(seed, 3.0, right=False)
        _, audit = pair(seed + 1_000, 3.0, right=False, top_audit=True)
        failures += agreement(reserved, audit) < LEAST
    assert failures <= 10


@pytest.mark.parametrize("wrong", ["stayers said to have left", "half of the top fifth said to have stayed", "both, as many as these"])
def test_wrong_labels_differ(wrong: str) -> None:
    found = 0
    for seed in range(40):
        reserved, audit = pair(seed, 12.0, right=True)
        chance, label = np.random.default_rng(seed), reserved.label.copy()
        top = np.flatnonzero((label == 1) & (reserved.champion >= np.quantile(reserved.champion, 0.8)))
        rest = np.flatnonzero((label == 0) & (reserved.champion < np.quantile(reserved.champion, 0.8)))
        count = len(top) // 2
        if not wrong.startswith("stayers"):
            label[chance.choice(top, count, replace=False)] = 0
        if not wrong.startswith("half"):
            label[chance.choice(rest, count, replace=False)] = 1
        spoilt = Evidence("reserved", label, reserved.champion, reserved.champion, 0.5, 0.5, {})
        found += agreement(spoilt, audit) < LEAST
    assert found >= 30


def test_scores_of_0_and_1_and_samples_of_one_are_judged() -> None:
    one = Evidence("reserved", np.array([1], np.int8), np.array([1.0]), np.array([1.0]), 0.5, 0.5, {})
    other = Evidence("audit", np.array([0], np.int8), np.array([0.0]), np.array([0.0]), 0.5, 0.5, {})
    assert agreement(one, other) == 1.0
