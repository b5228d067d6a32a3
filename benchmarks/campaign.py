"""Campaigns on simulated customers, where the true uplift is known: how often the intervals hold it.

    python benchmarks/campaign.py [--runs 200] [--customers 4000] [--contacts 500] [--control 0.3]

Each run: fresh customers, scores that are the true probabilities blurred (log odds plus noise: no model is right), a plan, and what
happens: a would-be leaver who is contacted stays with the acceptance rate. The proof sees arms and outcomes only.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from tidegate.campaign.plan import Candidates, Plan, Terms, plan_campaign
from tidegate.campaign.prove import Followed, Proof, prove
from tidegate.customers.simulation.simulate import simulate_table
from tidegate.customers.spec import Money
from tidegate.measures.intervals import Interval

BLUR = 0.7


@dataclass(frozen=True)
class Run:
    """One campaign: what was planned and proved, and what is true."""

    plan: Plan
    proof: Proof
    true_uplift: float
    true_saved: float
    realised: float


def campaign(seed: int, customers: int, terms: Terms, money: Money, effect: float, column: bool, blur: float) -> Run:
    simulated = simulate_table(customers, seed)
    truth = np.clip(simulated.churn_probability, 1e-9, 1 - 1e-9)
    chance = np.random.default_rng((seed, 1))
    scored = 1 / (1 + np.exp(-(np.log(truth / (1 - truth)) + blur * chance.normal(size=customers))))
    value = simulated.table["Credit_Limit"].to_numpy() * 0.1 if column else np.full(customers, float(money.customer_value or 0))
    plan = plan_campaign(Candidates(scored, value), money, terms, today=20_000)
    p, v = truth[plan.chosen], value[plan.chosen]
    would_leave = chance.random(len(p)) < p
    stays = plan.treated & (chance.random(len(p)) < effect)
    proof = prove(
        Followed(plan.treated, (would_leave & ~stays).astype(float), v, scored[plan.chosen]),
        money,
        int(plan.treated.sum()),
        int((~plan.treated).sum()),
    )
    kept, loyal = plan.treated & would_leave & stays, plan.treated & ~would_leave
    realised = (v[kept] - money.incentive_cost).sum() - loyal.sum() * money.incentive_cost - plan.treated.sum() * money.contact_cost
    return Run(plan, proof, effect * float(p.mean()), effect * float((p * v)[plan.treated].sum()), float(realised))


def holds(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval.low <= truth <= interval.high


def line(name: str, runs: list[Run], rate: float) -> str:
    uplifts = [run.proof.uplift for run in runs if run.proof.uplift is not None]
    uplift = np.mean([holds(run.proof.uplift, run.true_uplift) for run in runs])
    saved = np.mean([holds(run.proof.saved_value, run.true_saved) for run in runs])
    net = np.mean([holds(run.proof.net_money, run.true_saved - (run.proof.costs or 0)) for run in runs])
    planned = np.mean([holds(run.plan.expected, run.realised) for run in runs])
    width = np.mean([found.high - found.low for found in uplifts])
    true = np.mean([run.true_uplift for run in runs])
    proved = np.mean([run.proof.verdict == "proved" for run in runs])
    power = np.mean([run.plan.power.chance for run in runs]) if rate else 0.0
    figures = f"{true:.3f} | {width:.3f} | {uplift:.1%} | {saved:.1%} | {net:.1%} | {planned:.1%} | {proved:.1%} | {power:.1%}"
    return f"| {name} | {len(runs)} | {figures} |"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--customers", type=int, default=4_000)
    options.add_argument("--contacts", type=int, default=500)
    options.add_argument("--control", type=float, default=0.3)
    chosen = options.parse_args()
    terms = Terms(None, chosen.contacts, chosen.control)
    one = Money(customer_value=900, contact_cost=4, incentive_cost=40, acceptance_rate=0.35)
    many = Money(customer_value_column="credit_limit", contact_cost=4, incentive_cost=40, acceptance_rate=0.35)
    began = time.perf_counter()
    print("| campaign | runs | true uplift | width | uplift held | value kept held | net money held | plan held | proved | power planned |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    worlds = (
        ("one value, scores right", one, 0.35, False, 0.0),
        ("one value, scores blurred", one, 0.35, False, BLUR),
        ("value by customer, blurred", many, 0.35, True, BLUR),
        ("contact without effect", one, 0.0, False, BLUR),
    )
    for name, money, effect, column, blur in worlds:
        runs = [
            campaign(seed, chosen.customers, Terms(None, terms.contacts, terms.control, seed=seed), money, effect, column, blur)
            for seed in range(chosen.runs)
        ]
        print(line(name, runs, effect))
    print(f"\n{time.perf_counter() - began:.0f} s. A true 95 % interval holds the truth in 90.5 % to 98.5 % of 200 runs, 99 times in 100.")
    print("`plan held`: net value as planned, at the acceptance rate given; without effect that rate is wrong, which the plan cannot know.")


if __name__ == "__main__":
    main()
