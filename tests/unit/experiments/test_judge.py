"""What is said of two arms: nothing false however often it is asked, and something where there is something."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.experiments.judge import NOT_ENOUGH, Evidence, Judgement, difference_of_shares, judge, sample_ratio
from tidegate.measures.classification import Floats, Labels


def bank(generator: np.random.Generator, count: int) -> tuple[Labels, Floats]:
    """Customers of whom a sixth leave, and the log-odds of a fair model."""
    label = (generator.random(count) < 0.16).astype(np.int8)
    return label, generator.normal(size=count) + 2.5 * label - 1.5


def evidence(label: Labels, score: Floats) -> Evidence:
    return Evidence(label, 1 / (1 + np.exp(-score)), score >= 0)


def daily(label: Labels, score: Floats, treated: Floats, days: int) -> list[Judgement]:
    ends = np.linspace(0, len(label), days + 1).astype(int)[1:]
    return [
        judge(
            evidence(label[:end][~treated[:end]], score[:end][~treated[:end]]),
            evidence(label[:end][treated[:end]], score[:end][treated[:end]]),
        )
        for end in ends
    ]


def test_equal_versions_looked_at_every_day_are_rarely_told_apart() -> None:
    generator = np.random.default_rng(5)
    alarms = dict.fromkeys(("verdict", "roc_auc", "pr_auc", "false_positive_rate", "false_negative_rate"), 0)
    runs = 150
    for _ in range(runs):
        label, score = bank(generator, 3_000)
        looks = daily(label, score, generator.random(3_000) < 0.5, 30)
        alarms["verdict"] += any(look.verdict != NOT_ENOUGH for look in looks)
        for name in tuple(alarms)[1:]:
            alarms[name] += any(look.measures[name].word != NOT_ENOUGH for look in looks if look.measures)
    # 5 % of 150 is 7.5; a usual 95 % interval, asked on 30 days, gives some 35
    assert max(alarms.values()) <= 8, alarms


def test_a_spoilt_version_is_found_to_be_worse_and_the_other_way_round() -> None:
    generator = np.random.default_rng(6)
    label, score = bank(generator, 6_000)
    treated = generator.random(6_000) < 0.5
    noisy = score + 2 * generator.normal(size=6_000)
    worse = judge(evidence(label[~treated], score[~treated]), evidence(label[treated], noisy[treated]))
    assert worse.verdict == "treatment worse"
    assert worse.measures["false_positive_rate"].word == "treatment worse"
    assert judge(evidence(label[~treated], noisy[~treated]), evidence(label[treated], score[treated])).verdict == "treatment better"


def test_a_pair_needs_fewer_customers() -> None:
    generator = np.random.default_rng(7)
    label, score = bank(generator, 800)
    noisy = score + generator.normal(size=800)
    assert judge(evidence(label, score), evidence(label, noisy), paired=True).verdict == "treatment worse"
    assert judge(evidence(label, score), evidence(label, score), paired=True).verdict == NOT_ENOUGH
    half = np.arange(800) % 2 == 0
    assert judge(evidence(label[half], score[half]), evidence(label[~half], noisy[~half])).verdict == NOT_ENOUGH


@pytest.mark.parametrize("left", [0, 19, 200])
def test_few_leavers_are_not_enough(left: int) -> None:
    label = np.array([1] * left + [0] * (219 - left), np.int8)
    few = evidence(label, np.linspace(-1, 1, 219))
    assert judge(few, few) == Judgement({}, NOT_ENOUGH)


def test_perfect_separation_claims_no_certainty() -> None:
    label = np.array([1] * 20 + [0] * 20, np.int8)
    perfect, almost = label * 4.0 - 2.0, label * 4.0 - 2.0
    almost[[0, 20]] = 0.1, 0.2
    found = judge(evidence(label, almost), evidence(label, perfect))
    assert found.verdict == NOT_ENOUGH
    assert found.measures["roc_auc"].treatment.low < 0.95


def test_a_split_that_drifts_is_found_and_a_fair_one_is_not() -> None:
    generator = np.random.default_rng(8)
    fair = np.cumsum(generator.random((200, 4_000)) < 0.3, axis=1)
    looks = np.arange(100, 4_001, 100)
    alarms = [any(sample_ratio([(int(row[n - 1]), int(n - row[n - 1]), 0.3)]) < 0.001 for n in looks) for row in fair]
    assert sum(alarms) <= 1
    assert sample_ratio([(3_300, 6_700, 0.3)]) < 0.001
    assert sample_ratio([(30, 70, 0.3), (500, 500, 0.6)]) < 0.001  # the second phase alone
    assert sample_ratio([(0, 40, 0.0), (9, 0, 1.0)]) == 1.0
    assert sample_ratio([(1, 40, 0.0)]) == 0.0


def test_shares_of_errors_are_compared() -> None:
    assert difference_of_shares(1, 19, 0, 1_000) is None
    clear = difference_of_shares(60, 1_000, 10, 1_000)
    assert clear is not None
    assert clear.low > 0
    none = difference_of_shares(0, 1_000, 0, 1_000)
    assert none is not None
    assert none.low < 0 < none.high
