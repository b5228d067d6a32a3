"""The proof: everyone as assigned, no missing outcome taken for "stayed", intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tidegate.campaign.plan import Candidates, Terms, plan_campaign
from tidegate.campaign.proportions import Share, difference
from tidegate.campaign.prove import Followed, Proof, prove, saved_value
from tidegate.customers.simulation.simulate import simulate_table
from tidegate.customers.spec import Money
from tidegate.measures.intervals import Interval

PRICES = Money(customer_value=500, contact_cost=2, incentive_cost=30, acceptance_rate=0.4)
RUNS = 200
FEWEST_HELD = 179
"""Of 200 intervals that hold the truth with 95 %: fewer happens once in 1,000 (binomial)."""


def arms(treated: list[float], control: list[float], value: float = 500.0) -> Followed:
    left = np.array([*treated, *control], np.float64)
    mask = np.arange(len(left)) < len(treated)
    return Followed(mask, left, np.full(len(left), value), np.full(len(left), 0.5))


def judged(followed: Followed, money: Money = PRICES) -> Proof:
    return prove(followed, money, int(followed.treated.sum()), int((~followed.treated).sum()))


def test_uplift_retained_and_money() -> None:
    proof = judged(arms([1.0] * 90 + [0.0] * 210, [1.0] * 60 + [0.0] * 40))
    assert proof.verdict == "proved"
    assert proof.uplift == difference(Share(60, 100), Share(90, 300))
    assert proof.retained is not None
    assert proof.retained.value == pytest.approx(0.3 * 300)
    assert proof.saved_value is not None
    assert proof.net_money is not None
    assert proof.saved_value.value == pytest.approx(90 * 500)
    assert proof.saved_value.low == pytest.approx(proof.uplift.low * 300 * 500)
    assert proof.costs == 300 * 2 + 210 * 30  # those who stayed took the offer
    assert proof.net_money.value == pytest.approx(90 * 500 - 6_900)
    assert proof.more_needed is None
    assert proof.warnings == ()


def test_a_missing_outcome_is_not_stayed() -> None:
    full = judged(arms([1.0] * 30 + [0.0] * 70, [1.0] * 60 + [0.0] * 40))
    half = judged(arms([1.0] * 30 + [0.0] * 70 + [np.nan] * 100, [1.0] * 60 + [0.0] * 40 + [np.nan] * 100))
    assert half.uplift == full.uplift
    assert (half.treated.assigned, half.treated.observed, half.treated.left) == (200, 100, 30)
    assert half.retained is not None
    assert half.retained.value == pytest.approx(0.3 * 200)
    assert half.costs == pytest.approx(200 * 2 + 140 * 30)


def test_too_little_evidence_says_how_much_is_missing() -> None:
    waiting = judged(arms([np.nan] * 300, [np.nan] * 100))
    assert waiting.verdict == "not enough evidence yet"
    assert (waiting.uplift, waiting.retained, waiting.net_money, waiting.costs) == (None, None, None, None)
    assert waiting.more_needed is not None
    some = judged(arms([1.0] * 9 + [0.0] * 21, [1.0] * 5 + [0.0] * 5))
    assert some.verdict == "not enough evidence yet"
    assert some.uplift is not None
    assert some.uplift.low < 0 < some.uplift.high
    assert some.more_needed is not None
    many = some.more_needed + 40
    grown = judged(arms([1.0] * int(0.75 * many * 0.3) + [0.0] * int(0.75 * many * 0.7), [1.0, 0.0] * (many // 8)))
    assert grown.verdict == "proved"


def test_where_more_outcomes_would_not_help_none_are_asked_for() -> None:
    proof = judged(arms([1.0, 0.0] * 3_000, [1.0, 0.0] * 1_000))
    assert (proof.verdict, proof.more_needed) == ("not enough evidence yet", None)


def test_a_handful_is_no_evidence_however_clear() -> None:
    few = judged(arms([0.0] * 500, [1.0] * 9 + [np.nan] * 41))
    assert few.verdict == "not enough evidence yet"
    assert few.more_needed == 11  # one more of control is one of eleven
    assert judged(arms([0.0] * 500, [1.0] * 10)).verdict == "proved"


def test_a_campaign_that_drives_customers_away_is_said_to_be_harmful() -> None:
    proof = judged(arms([1.0] * 150 + [0.0] * 150, [1.0] * 20 + [0.0] * 80))
    assert proof.verdict == "harmful"
    assert proof.more_needed is None


def test_outcomes_missing_unevenly_are_warned_about() -> None:
    even = judged(arms([1.0, 0.0] * 100 + [np.nan] * 50, [1.0, 0.0] * 100 + [np.nan] * 50))
    assert even.warnings == ()
    uneven = judged(arms([1.0, 0.0] * 100 + [np.nan] * 200, [1.0, 0.0] * 100 + [np.nan] * 50))
    assert "missing unevenly: 50.0% of treated and 20.0% of control" in uneven.warnings[0]


def test_assignments_that_are_gone_and_arms_that_differ_are_warned_about() -> None:
    followed = arms([1.0, 0.0] * 100, [1.0, 0.0] * 50)
    assert "10 assignments are no longer" in prove(followed, PRICES, 205, 105).warnings[0]
    risk = np.where(followed.treated, 0.3, 0.4) + np.random.default_rng(0).normal(0, 0.05, 300)
    unlike = judged(Followed(followed.treated, followed.left, followed.value, risk))
    assert "risk predicted before" in unlike.warnings[0]
    assert "nothing can be proved" in prove(arms([1.0, 0.0] * 50, []), PRICES, 100, 0).warnings[0]


@pytest.mark.parametrize("treated", [True, False])
def test_an_arm_of_which_nobody_is_left_in_the_ledger_proves_nothing(treated: bool) -> None:
    mask = np.full(40, treated)
    followed = Followed(mask, np.ones(40), np.full(40, 100.0), np.full(40, 0.5))
    found = prove(followed, PRICES, 40, 40)
    assert (found.verdict, found.uplift, found.more_needed) == ("not enough evidence yet", None, None)
    assert any("no longer in the ledger" in warning for warning in found.warnings)


def test_value_kept_weighs_customers_by_what_they_are_worth() -> None:
    # The rich are kept, the poor leave as before: by heads half the gain, by value nearly all of it.
    left = np.array([0.0] * 100 + [1.0] * 100 + [1.0] * 100 + [1.0] * 100)
    value = np.array([1000.0] * 100 + [10.0] * 100 + [1000.0] * 100 + [10.0] * 100)
    mask = np.arange(400) < 200
    found = saved_value(Followed(mask, left, value, np.full(400, 0.5)))
    assert found.value == pytest.approx(100_000)


def simulated_campaigns(effect: float) -> tuple[list[Proof], list[float], list[float]]:
    """200 campaigns on simulated customers: proofs, true uplifts, and the true value kept."""
    truth = simulate_table(1_500, 11).churn_probability
    value = np.random.default_rng(5).lognormal(6, 0.7, len(truth))
    proofs, uplifts, saved = [], [], []
    for seed in range(RUNS):
        plan = plan_campaign(Candidates(truth, value), PRICES, Terms(None, 120, control=0.3, seed=seed), 0)
        p, chance = truth[plan.chosen], np.random.default_rng((seed, 9))
        leaves: NDArray[np.bool_] = chance.random(len(p)) < p
        stays = plan.treated & (chance.random(len(p)) < effect)
        proofs.append(judged(Followed(plan.treated, (leaves & ~stays).astype(float), value[plan.chosen], p)))
        uplifts.append(effect * float(p.mean()))
        saved.append(effect * float((p * value[plan.chosen])[plan.treated].sum()))
    return proofs, uplifts, saved


def held(intervals: list[Interval], truths: list[float]) -> int:
    return sum(one.low <= truth <= one.high for one, truth in zip(intervals, truths, strict=True))


def test_intervals_hold_the_true_uplift_in_95_percent_of_200_campaigns() -> None:
    proofs, uplifts, saved = simulated_campaigns(PRICES.acceptance_rate)
    found = [proof.uplift for proof in proofs if proof.uplift]
    kept = [proof.saved_value for proof in proofs if proof.saved_value]
    assert held(found, uplifts) >= FEWEST_HELD
    assert held(kept, saved) >= FEWEST_HELD
    halved = [Interval(one.value, (one.value + one.low) / 2, (one.value + one.high) / 2) for one in found]
    assert held(halved, uplifts) < FEWEST_HELD, "this test could not tell an interval that is too short"


def test_a_campaign_without_effect_is_seldom_proved() -> None:
    proofs, uplifts, _ = simulated_campaigns(0.0)
    assert held([proof.uplift for proof in proofs if proof.uplift], uplifts) >= FEWEST_HELD
    assert sum(proof.verdict == "proved" for proof in proofs) <= 12  # 2.5 % of 200; more happens once in 1,000
