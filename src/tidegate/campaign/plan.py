"""Whom to contact, in which order, and whom to keep aside at random: numbers in, a plan out.

A contact is worth its expected net value (`measures.profit`). It is expected to cost the contact itself and the offer, which those who
would have stayed take and of those who would have left the acceptance rate. The budget is held against that cost, whatever the draw of
the control group: summed over everyone contacted it is never exceeded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.campaign.curve import ProfitCurve, profit_curve
from tidegate.campaign.proportions import WANTED_POWER, Z, customers_needed, power
from tidegate.customers.spec import Money
from tidegate.errors import InputRefused, SettingRefused
from tidegate.measures.classification import Floats
from tidegate.measures.intervals import Interval
from tidegate.measures.profit import net_value

Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]
MOST_QUIET_DAYS = 36_500


@dataclass(frozen=True)
class Terms:
    """What a manager asks for: a budget in the spec's currency or a number of contacts, both a maximum.

    `control` is the share of the chosen customers that is not contacted, `quiet_days` for how many days a contact is recent.
    """

    budget: float | None
    contacts: int | None
    control: float = 0.1
    quiet_days: int = 30
    seed: int = 42


@dataclass(frozen=True)
class Candidates:
    """n scored customers, float64 (n,) each.

    `probability` of churn in [0, 1]; `value` of keeping the customer, NaN where unknown; `opted_out` 0 or 1, NaN where unknown;
    `last_contact` in days since 1970-01-01, NaN for never. The last two are None where the table has no such column.
    """

    probability: Floats
    value: Floats
    opted_out: Floats | None = None
    last_contact: Floats | None = None


@dataclass(frozen=True)
class Power:
    """What the campaign can prove: the chance that the uplift expected of it shows at 95 %, and how many customers 80 % would take."""

    expected_uplift: float
    chance: float
    customers_needed: int | None


@dataclass(frozen=True)
class Plan:
    """The chosen customers in order of contact and what is expected of them.

    `chosen` are positions among the candidates, int64 (m,); `treated` bool (m,), false for those kept aside; `net_value` float64 (m,).
    `expected` is the net value of contacting the treated, with its interval (see `interval_of`); `outlay` what that is expected to cost.
    `excluded` counts customers by reason, each under the first that applies; `unprofitable` those whom it would not pay to contact.
    """

    chosen: Positions
    treated: Mask
    net_value: Floats
    expected: Interval
    outlay: float
    excluded: dict[str, int]
    unprofitable: int
    budget_binds: bool
    curve: ProfitCurve
    power: Power
    warnings: tuple[str, ...]


def plan_campaign(candidates: Candidates, money: Money, terms: Terms, today: int) -> Plan:
    """The plan that brings in most under the terms. `today` counts days since 1970-01-01.

    With a number of contacts, and where the budget covers everyone who pays, customers come by net value: no other choice of so many is
    worth more. Where the budget binds they come by net value per unit of expected cost, and the first who no longer fits ends the plan:
    Dantzig's rule for a knapsack (1957, Operations Research 5), less than one customer away from the best choice of that cost. The
    control group is a simple random sample of the chosen, without regard to rank.

    Raises SettingRefused for terms out of range and InputRefused where nobody is left, no contact pays, or the budget covers none.
    """
    check_terms(terms)
    excluded = exclusions(candidates, terms.quiet_days, today)
    counts = {reason: int(mask.sum()) for reason, mask in excluded.items()}
    eligible = np.flatnonzero(~np.any(list(excluded.values()), axis=0))
    if not len(eligible):
        raise InputRefused(f"Nobody is left to contact: {_reasons(counts)}.", "Check these columns, or shorten quiet_days.")
    probability, value = candidates.probability[eligible], candidates.value[eligible]
    brings, cost = net_value(money, probability, value), expected_outlay(money, probability)
    order, binds = _order(brings, cost, terms)
    paying = order[brings[order] > 0]
    taken = paying[: _most(cost[paying], money, terms)]
    treated = _draw(len(taken), terms)
    contacted = taken[treated]
    proof = expected_power(money, probability[taken], treated)
    return Plan(
        chosen=eligible[taken],
        treated=treated,
        net_value=brings[taken],
        expected=interval_of(money, probability[contacted], value[contacted]),
        outlay=float(cost[contacted].sum()),
        excluded=counts,
        unprofitable=len(eligible) - len(paying),
        budget_binds=binds,
        curve=profit_curve(brings[order], cost[order]),
        power=proof,
        warnings=_warnings(treated, proof),
    )


def check_terms(terms: Terms) -> None:
    """Raises SettingRefused with the name of the term that is out of range: options of the command line and fields of a form have it."""
    if (terms.budget is None) == (terms.contacts is None):
        said = "Neither budget nor contacts is given." if terms.budget is None else "Both budget and contacts are given."
        raise SettingRefused(said, "Give one of them: what may be spent, or how many may be contacted.")
    if terms.budget is not None and not 0 < terms.budget < math.inf:
        raise SettingRefused("The budget must be a number above 0.", "Give budget as an amount in the spec's currency.")
    if terms.contacts is not None and terms.contacts < 1:
        raise SettingRefused("The number of contacts must be 1 or more.", "Give contacts as a whole number of customers.")
    if not 0 <= terms.control < 1:
        raise SettingRefused("The share of the control group must be at least 0 and below 1.", "Give control as 0.1 for a tenth.")
    if not 0 <= terms.quiet_days <= MOST_QUIET_DAYS:
        raise SettingRefused(f"The number of quiet days must be 0 to {MOST_QUIET_DAYS:,}.", "Give quiet_days as a whole number of days.")
    if terms.seed < 0:
        raise SettingRefused("The seed must be 0 or more.", "Give seed as a whole number.")


def exclusions(candidates: Candidates, quiet_days: int, today: int) -> dict[str, Mask]:
    """Who may not be contacted and why: reason → bool (n,), each customer under the first reason that applies.

    A missing opt-out excludes: that nobody wrote a "no" is no "yes". A contact exactly `quiet_days` ago still is recent.
    """
    nobody = np.zeros(len(candidates.probability), bool)
    opted, last = candidates.opted_out, candidates.last_contact
    found = {
        "opted_out": nobody if opted is None else opted == 1,
        "opt_out_unknown": nobody if opted is None else np.isnan(opted),
        "recently_contacted": nobody if last is None else today - last <= quiet_days,
        "value_unknown": np.isnan(candidates.value),
    }
    before = nobody.copy()
    for reason, mask in found.items():
        found[reason] = mask & ~before
        before |= mask
    return found


def expected_outlay(money: Money, probability: Floats) -> Floats:
    """What contacting each customer is expected to cost, float64 (n,): f + d·(p·g + 1 − p), the symbols as in `measures.profit`.

    >>> prices = Money(customer_value=200, contact_cost=1, incentive_cost=10, acceptance_rate=0.3)
    >>> expected_outlay(prices, np.array([0.0, 1.0])).tolist()
    [11.0, 4.0]
    """
    return np.asarray(money.contact_cost + money.incentive_cost * (1 - probability * (1 - money.acceptance_rate)), np.float64)


def interval_of(money: Money, probability: Floats, value: Floats) -> Interval:
    """The summed net value of contacting these customers (n,) with its 95 % interval, normal approximation.

    It covers the luck of the draw: who of them would have left (p each) and who accepts (g each), independently. It does not cover that
    probabilities, values or the acceptance rate may be wrong: those are taken as given.
    """
    rate, incentive = money.acceptance_rate, money.incentive_cost
    mean = net_value(money, probability, value)
    gained = mean + money.contact_cost
    square = probability * rate * (value - incentive) ** 2 + (1 - probability) * incentive**2
    total, spread = float(mean.sum()), Z * math.sqrt(float(np.maximum(square - gained**2, 0.0).sum()))
    return Interval(total, total - spread, total + spread)


def expected_power(money: Money, probability: Floats, treated: Mask) -> Power:
    """The chance to prove the expected uplift, acceptance rate times mean churn probability of the chosen, with this control group."""
    leaving, count = float(probability.mean()), len(treated)
    uplift = money.acceptance_rate * leaving
    contacted = int(treated.sum())
    chance = power(leaving, leaving - uplift, count - contacted, contacted)
    return Power(uplift, chance, customers_needed(leaving, leaving - uplift, (count - contacted) / count))


def control_size(chosen: int, share: float) -> int:
    """How many of the chosen are kept aside: at least one and never all, where two or more are chosen and the share is above 0.

    >>> [control_size(chosen, 0.1) for chosen in (1, 2, 14, 15, 1000)]
    [0, 1, 1, 2, 100]
    """
    return 0 if share == 0 else max(0, min(max(1, math.floor(share * chosen + 0.5)), chosen - 1))


def _order(brings: Floats, cost: Floats, terms: Terms) -> tuple[Positions, bool]:
    """All customers in order of contact, those who pay first, and whether the budget binds. Equals keep the file's order."""
    by_value = np.argsort(-brings, kind="stable")
    paying = by_value[brings[by_value] > 0]
    if terms.budget is None or _most_that_fit(cost[paying], terms) == len(paying):
        return by_value, False
    with np.errstate(divide="ignore"):
        by_yield = paying[np.argsort(-brings[paying] / cost[paying], kind="stable")]
    return np.concatenate([by_yield, by_value[len(paying) :]]), True


def _most(cost: Floats, money: Money, terms: Terms) -> int:
    """How many of those who pay are chosen; raises where there is none."""
    if not len(cost):
        raise InputRefused("At these prices no contact pays for any customer left.", "Check [money] in the spec, or give --spec.")
    count = _most_that_fit(cost, terms)
    if not count:
        dearest = money.contact_cost + money.incentive_cost
        raise SettingRefused("The budget does not cover a single contact.", f"Give at least {dearest:,.2f} {money.currency}.")
    return count


def _most_that_fit(cost: Floats, terms: Terms) -> int:
    """How many of the first customers may be chosen so that the terms hold for every possible draw of the control group.

    The dearest draw leaves the cheapest aside; its cost grows with the number chosen, so the answer is found by halving.
    """
    low, high = 0, len(cost)
    while low < high:
        middle = (low + high + 1) // 2
        aside = control_size(middle, terms.control)
        if terms.contacts is not None:
            fits = middle - aside <= terms.contacts
        else:
            cheapest = np.partition(cost[:middle], aside)[:aside].sum() if aside else 0.0
            fits = bool(cost[:middle].sum() - cheapest <= float(terms.budget or 0.0))
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def _draw(count: int, terms: Terms) -> Mask:
    treated = np.ones(count, bool)
    treated[np.random.default_rng(terms.seed).choice(count, control_size(count, terms.control), replace=False)] = False
    return treated


def _reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in counts.items() if count)


def _warnings(treated: Mask, proof: Power) -> tuple[str, ...]:
    aside = int((~treated).sum())
    if not aside:
        return ("There is no control group: nothing can be proved later.",)
    if proof.chance >= WANTED_POWER:
        return ()
    takes = "" if proof.customers_needed is None else f"; 80 % would take {proof.customers_needed:,} chosen customers at this share"
    return (
        f"With {aside:,} in the control group the expected uplift of {proof.expected_uplift:.1%} would be proved in {proof.chance:.0%} "
        f"of such campaigns{takes}, or a larger --control.",
    )
