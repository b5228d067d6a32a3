"""Whom to contact: the best under the terms, the excluded never, the budget kept for every draw."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tidegate.campaign.plan import Candidates, Terms, control_size, expected_outlay, interval_of, plan_campaign
from tidegate.customers.spec import Money
from tidegate.errors import InputRefused, SettingRefused
from tidegate.measures.profit import net_value

PRICES = Money(customer_value=500, contact_cost=2, incentive_cost=30, acceptance_rate=0.4)
TODAY = 20_000


def bank(count: int = 1_000, seed: int = 0) -> Candidates:
    generator = np.random.default_rng(seed)
    return Candidates(generator.beta(1, 3, count), generator.uniform(50, 2_000, count))


def test_a_head_count_takes_the_most_valuable_contacts_and_no_more() -> None:
    customers = bank()
    plan = plan_campaign(customers, PRICES, Terms(None, 90, control=0.1), TODAY)
    assert plan.treated.sum() == 90
    assert (~plan.treated).sum() == 10
    worth = net_value(PRICES, customers.probability, customers.value)
    assert set(plan.chosen.tolist()) == set(np.argsort(-worth)[:100].tolist())
    assert (np.diff(plan.net_value) <= 0).all()
    assert np.array_equal(plan.net_value, worth[plan.chosen])
    assert plan.expected.value == pytest.approx(worth[plan.chosen[plan.treated]].sum())
    assert not plan.budget_binds


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("control", [0.0, 0.1, 0.5])
def test_the_budget_holds_for_every_draw_and_is_nearly_used(seed: int, control: float) -> None:
    customers = bank()
    plan = plan_campaign(customers, PRICES, Terms(2_000.0, None, control=control, seed=seed), TODAY)
    cost = expected_outlay(PRICES, customers.probability[plan.chosen])
    assert plan.outlay == pytest.approx(cost[plan.treated].sum())
    dearest = np.sort(cost)[len(cost) - int(plan.treated.sum()) :].sum()
    assert plan.outlay <= dearest <= 2_000
    assert plan.outlay > 1_750  # the dearest draw would cost up to 2,000
    assert plan.budget_binds


def test_the_choice_under_a_budget_is_nearly_the_best_there_is() -> None:
    customers = bank(14, seed=2)
    worth, cost = net_value(PRICES, customers.probability, customers.value), expected_outlay(PRICES, customers.probability)
    best = 0.0
    for size in range(15):
        for some in itertools.combinations(range(14), size):
            chosen = list(some)
            if cost[chosen].sum() <= 150:
                best = max(best, float(worth[chosen].sum()))
    plan = plan_campaign(customers, PRICES, Terms(150.0, None, control=0.0), TODAY)
    assert best - worth.max() < plan.expected.value <= best


def test_what_a_budget_buys_is_judged_by_yield_not_by_worth() -> None:
    prices = Money(customer_value=500, contact_cost=0, incentive_cost=100, acceptance_rate=0.1)
    # The first brings in more, but what contacting it costs pays for both others, who bring in more together.
    customers = Candidates(np.array([0.35, 0.99, 0.99]), np.array([6_000.0, 1_500, 1_500]))
    worth, cost = net_value(prices, customers.probability, customers.value), expected_outlay(prices, customers.probability)
    assert worth[0] > worth[1] == worth[2]
    plan = plan_campaign(customers, prices, Terms(float(cost[0]), None, control=0.0), TODAY)
    assert sorted(plan.chosen.tolist()) == [1, 2]
    assert plan.expected.value > worth[0]


def test_a_large_budget_stops_at_the_optimum() -> None:
    customers = bank()
    worth = net_value(PRICES, customers.probability, customers.value)
    plan = plan_campaign(customers, PRICES, Terms(1e9, None), TODAY)
    assert len(plan.chosen) == (worth > 0).sum() == plan.curve.optimum
    assert plan.unprofitable == (worth <= 0).sum() > 0
    assert plan.curve.optimum_value == pytest.approx(worth[worth > 0].sum())
    assert plan.curve.contacts[-1] == 1_000
    assert plan.curve.net_value[-1] == pytest.approx(worth.sum())
    assert plan.curve.net_value.max() == plan.curve.optimum_value


def test_the_excluded_are_never_chosen_and_counted_once() -> None:
    customers = bank(8)
    customers = Candidates(
        np.full(8, 0.9),
        np.array([500, 500, 500, 500, 500, 500, np.nan, 500.0]),
        np.array([1, np.nan, 0, 0, 0, 1, 0, 0]),
        np.array([np.nan, np.nan, TODAY, TODAY - 30, TODAY - 31, TODAY, np.nan, TODAY + 5]),
    )
    plan = plan_campaign(customers, PRICES, Terms(None, 100), TODAY)
    assert plan.chosen.tolist() == [4]
    assert plan.excluded == {"opted_out": 2, "opt_out_unknown": 1, "recently_contacted": 3, "value_unknown": 1}
    shorter = plan_campaign(customers, PRICES, Terms(None, 100, quiet_days=29), TODAY)
    assert sorted(shorter.chosen.tolist()) == [3, 4]


def test_the_draw_is_random_seeded_and_blind_to_rank() -> None:
    customers = bank()
    terms = Terms(None, 90)
    first = plan_campaign(customers, PRICES, terms, TODAY).treated
    assert np.array_equal(first, plan_campaign(customers, PRICES, terms, TODAY).treated)
    draws = np.array([plan_campaign(customers, PRICES, replace(terms, seed=seed), TODAY).treated for seed in range(600)])
    aside = (~draws).mean(axis=0)
    assert (draws.sum(axis=1) == 90).all()
    # 600 draws at 10 %: a rank outside five standard errors would be no accident
    assert np.abs(aside - 0.1).max() < 5 * (0.1 * 0.9 / 600) ** 0.5


def test_the_interval_holds_what_happens() -> None:
    customers = bank(300, seed=4)
    p, v = customers.probability, customers.value
    expected = interval_of(PRICES, p, v)
    generator = np.random.default_rng(1)
    leaves, accepts = generator.random((4000, 300)) < p, generator.random((4000, 300)) < PRICES.acceptance_rate
    gained = np.where(leaves, np.where(accepts, v - PRICES.incentive_cost, 0.0), -PRICES.incentive_cost) - PRICES.contact_cost
    total = gained.sum(axis=1)
    assert total.mean() == pytest.approx(expected.value, rel=0.01)
    assert ((total >= expected.low) & (total <= expected.high)).mean() == pytest.approx(0.95, abs=0.015)


def test_a_small_control_group_is_warned_about_with_the_number_needed() -> None:
    few = plan_campaign(bank(), PRICES, Terms(None, 45), TODAY)
    assert few.power.chance < 0.8
    assert few.power.customers_needed is not None
    assert f"{few.power.customers_needed:,} chosen" in few.warnings[0]
    many = plan_campaign(bank(20_000), PRICES, Terms(None, 5_000), TODAY)
    assert many.power.chance > 0.8
    assert many.warnings == ()
    assert many.power.expected_uplift == pytest.approx(0.4 * bank(20_000).probability[many.chosen].mean())
    none = plan_campaign(bank(), PRICES, Terms(None, 45, control=0.0), TODAY)
    assert none.treated.all()
    assert "no control group" in none.warnings[0]


def test_control_sizes() -> None:
    for share in (0.0, 0.001, 0.1, 0.3333, 0.5, 0.99):
        sizes = [control_size(chosen, share) for chosen in range(1, 500)]
        assert all(0 <= size < chosen for chosen, size in enumerate(sizes, 1))
        assert all(0 <= later - earlier <= 1 for earlier, later in itertools.pairwise(sizes))
        assert (share == 0) == (max(sizes) == 0)


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        (Terms(None, None), "Neither"),
        (Terms(1.0, 1), "Both"),
        (Terms(0.0, None), "budget must be"),
        (Terms(-5.0, None), "budget must be"),
        (Terms(float("nan"), None), "budget must be"),
        (Terms(float("inf"), None), "budget must be"),
        (Terms(None, 0), "contacts must be"),
        (Terms(None, -3), "contacts must be"),
        (Terms(None, 5, control=1.0), "control group"),
        (Terms(None, 5, control=-0.1), "control group"),
        (Terms(None, 5, control=float("nan")), "control group"),
        (Terms(None, 5, quiet_days=-1), "quiet days"),
        (Terms(None, 5, quiet_days=10**9), "quiet days"),
        (Terms(None, 5, seed=-1), "seed"),
        (Terms(1.0, None), "does not cover a single contact"),
    ],
)
def test_terms_out_of_range(terms: Terms, says: str) -> None:
    with pytest.raises(SettingRefused, match=says) as refusal:
        plan_campaign(bank(), PRICES, terms, TODAY)
    assert refusal.value.remedy


def test_nobody_left_and_nothing_that_pays() -> None:
    two = Candidates(np.array([0.5, 0.5]), np.array([500.0, 500.0]), np.array([1.0, np.nan]))
    with pytest.raises(InputRefused, match="1 opted out, 1 opt out unknown"):
        plan_campaign(two, PRICES, Terms(None, 5), TODAY)
    with pytest.raises(InputRefused, match="no contact pays"):
        plan_campaign(Candidates(np.zeros(3), np.full(3, 500.0)), PRICES, Terms(None, 5), TODAY)
