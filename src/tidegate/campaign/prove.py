"""What a past campaign achieved: treated against control, everyone as assigned, with intervals or "not enough evidence yet"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.campaign.proportions import FEWEST_OUTCOMES, Share, customers_needed, difference
from tidegate.customers.spec import Money
from tidegate.measures.classification import Floats
from tidegate.measures.intervals import Interval

Verdict = Literal["proved", "harmful", "not enough evidence yet"]


@dataclass(frozen=True)
class Followed:
    """n assigned customers as they were assigned, whether or not they were reached (intention to treat).

    `treated` bool (n,); `left` float64 (n,), 1 or 0, NaN where no outcome is known yet; `value` and `probability` float64 (n,), as planned.
    """

    treated: NDArray[np.bool_]
    left: Floats
    value: Floats
    probability: Floats


@dataclass(frozen=True)
class Arm:
    """One arm: how many were planned into it, are in the ledger, have a known outcome, and left. `churn_rate` is None without outcomes."""

    planned: int
    assigned: int
    observed: int
    left: int

    @property
    def churn_rate(self) -> float | None:
        """Share of those observed who left."""
        return self.left / self.observed if self.observed else None


@dataclass(frozen=True)
class Proof:
    """The answer; amounts in the spec's currency.

    `uplift` is the churn rate of control less that of treated. `retained` customers are uplift times treated. `saved_value` is what they
    are worth, `costs` what was spent, `net_money` the difference; the intervals of both come from `saved_value` alone. All five are None
    while an arm has no outcome. `more_needed` says how many more outcomes (both arms together) would show the effect in 80 % of cases;
    None where it is shown, where there is nothing to show, or where it would have shown by now.
    """

    verdict: Verdict
    treated: Arm
    control: Arm
    uplift: Interval | None
    retained: Interval | None
    saved_value: Interval | None
    costs: float | None
    net_money: Interval | None
    more_needed: int | None
    warnings: tuple[str, ...]


def prove(followed: Followed, money: Money, planned_treated: int, planned_control: int) -> Proof:
    """Judge a campaign by the outcomes known so far. No outcome is never taken for "stayed": such customers are in no rate.

    `money` are the prices of the plan. Costs: each treated customer was contacted, and each who stayed took the offer, as the plan
    assumed; those not observed yet count with the share of those who are.
    """
    known = ~np.isnan(followed.left)
    treated = _arm(followed, known, followed.treated, planned_treated)
    control = _arm(followed, known, ~followed.treated, planned_control)
    warnings = _warnings(followed, known, treated, control)
    if not treated.observed or not control.observed:
        return Proof(
            "not enough evidence yet",
            treated,
            control,
            None,
            None,
            None,
            None,
            None,
            _missing(followed, money, (treated, control)),
            warnings,
        )
    uplift = difference(Share(control.left, control.observed), Share(treated.left, treated.observed))
    saved = saved_value(followed)
    stayed = 1 - treated.left / treated.observed
    costs = treated.assigned * (money.contact_cost + money.incentive_cost * stayed)
    verdict = _verdict(uplift, treated, control)
    return Proof(
        verdict=verdict,
        treated=treated,
        control=control,
        uplift=uplift,
        retained=_times(uplift, treated.assigned),
        saved_value=saved,
        costs=costs,
        net_money=Interval(saved.value - costs, saved.low - costs, saved.high - costs),
        more_needed=_missing(followed, money, (treated, control), uplift) if verdict == "not enough evidence yet" else None,
        warnings=warnings,
    )


def saved_value(followed: Followed) -> Interval:
    """Value kept by contacting the treated, with its 95 % interval: their value times the difference of the shares of value that left.

    Where all customers are worth the same this is the number retained times that value. Where they differ, who is worth much may leave
    more or less often, so the shares are of value, not of heads: each arm counts as (Σv)² / Σv² customers (Kish 1965, Survey Sampling,
    section 11.7), and the two intervals combine as for heads (Zou & Donner 2008, Statistics in Medicine 27).
    """
    known = ~np.isnan(followed.left)
    control, treated = (_value_share(followed, known & arm) for arm in (~followed.treated, followed.treated))
    return _times(difference(control, treated), float(followed.value[followed.treated].sum()))


def _value_share(followed: Followed, chosen: NDArray[np.bool_]) -> Share:
    value = np.maximum(followed.value[chosen], 0.0)
    effective = float(value.sum() ** 2 / (value**2).sum())
    return Share(effective * min(1.0, float(value @ followed.left[chosen] / value.sum())), effective)


def _arm(followed: Followed, known: NDArray[np.bool_], mine: NDArray[np.bool_], planned: int) -> Arm:
    return Arm(planned, int(mine.sum()), int((mine & known).sum()), int(followed.left[mine & known].sum()))


def _verdict(uplift: Interval, treated: Arm, control: Arm) -> Verdict:
    if min(treated.observed, control.observed) < FEWEST_OUTCOMES or uplift.low <= 0 <= uplift.high:
        return "not enough evidence yet"
    return "proved" if uplift.low > 0 else "harmful"


def _missing(followed: Followed, money: Money, arms: tuple[Arm, Arm], uplift: Interval | None = None) -> int | None:
    """Outcomes still needed, for the uplift seen so far where it is above 0, else for the one planned. None: more will not help."""
    if not all(arm.assigned for arm in arms):
        return None
    control_share = float((~followed.treated).mean())
    rate = float(followed.probability.mean())
    expected = (rate, rate * (1 - money.acceptance_rate))
    if uplift is not None and uplift.value > 0:
        left = float(np.nanmean(followed.left[~followed.treated]))
        expected = (left, left - uplift.value)
    needed = customers_needed(*expected, control_share)
    if needed is None:
        return None
    observed = arms[0].observed + arms[1].observed
    lacking = [(FEWEST_OUTCOMES - arm.observed) * len(followed.left) / arm.assigned for arm in arms]
    return max(needed - observed, math.ceil(max(lacking)), 0) or None


def _warnings(followed: Followed, known: NDArray[np.bool_], treated: Arm, control: Arm) -> tuple[str, ...]:
    found = []
    if not control.planned:
        found.append("No control group was kept aside: nothing can be proved.")
    gone = treated.planned + control.planned - treated.assigned - control.assigned
    if gone:
        found.append(
            f"{gone:,} assignments are no longer in the ledger: {treated.assigned:,} treated and {control.assigned:,} control are left "
            f"of {treated.planned:,} and {control.planned:,}."
        )
    if not treated.assigned or not control.assigned:
        return tuple(found)
    absent = difference(
        Share(treated.assigned - treated.observed, treated.assigned), Share(control.assigned - control.observed, control.assigned)
    )
    if absent.low > 0 or absent.high < 0:
        found.append(
            f"Outcomes are missing unevenly: {1 - treated.observed / treated.assigned:.1%} of treated and "
            f"{1 - control.observed / control.assigned:.1%} of control have none, so the arms may no longer be alike."
        )
    if treated.observed >= FEWEST_OUTCOMES and control.observed >= FEWEST_OUTCOMES and _unlike(followed, known):
        found.append("Treated and control differ in the risk predicted before the campaign, more than chance makes them.")
    return tuple(found)


def _unlike(followed: Followed, known: NDArray[np.bool_]) -> bool:
    """Whether mean predicted probabilities of those observed differ by more than 3.29 standard errors (p < 0.001): no random draw then."""
    parts = [followed.probability[known & arm] for arm in (followed.treated, ~followed.treated)]
    error = math.sqrt(sum(float(part.var(ddof=1)) / len(part) for part in parts))
    return abs(float(parts[0].mean() - parts[1].mean())) > 3.29 * error + 1e-12


def _times(interval: Interval, factor: float) -> Interval:
    return Interval(interval.value * factor, interval.low * factor, interval.high * factor)
