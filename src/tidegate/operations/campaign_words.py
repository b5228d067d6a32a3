"""What a person or a program is told about a campaign."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tidegate.campaign.proportions import Share, wilson
from tidegate.campaign.prove import Arm
from tidegate.measures.intervals import Interval
from tidegate.operations.campaign import Planned, Proved


def plan_document(planned: Planned) -> dict[str, Any]:
    """For `--json`."""
    plan, files = planned.plan, planned.files
    return {
        "campaign": planned.name,
        "customers": planned.customers,
        "contacts": int(plan.treated.sum()),
        "control": int((~plan.treated).sum()),
        "excluded": plan.excluded,
        "unprofitable": plan.unprofitable,
        "currency": planned.money.currency,
        "budget": planned.terms.budget,
        "most_contacts": planned.terms.contacts,
        "budget_binds": plan.budget_binds,
        "expected_net_value": asdict(plan.expected),
        "expected_cost": plan.outlay,
        "optimum": {"contacts": plan.curve.optimum, "expected_net_value": plan.curve.optimum_value},
        "power": asdict(plan.power),
        "seed": planned.terms.seed,
        "output": str(files.contacts),
        "control_output": str(files.control),
        "curve": str(files.curve),
        "picture": str(files.picture),
        "warnings": list(planned.warnings),
    }


def plan_summary(planned: Planned) -> str:
    """A few lines for the retention manager."""
    plan, files, unit = planned.plan, planned.files, planned.money.currency
    contacts, control = int(plan.treated.sum()), int((~plan.treated).sum())
    left_out = [f"{count:,} {reason.replace('_', ' ')}" for reason, count in plan.excluded.items() if count]
    left_out += [f"{plan.unprofitable:,} would cost more than they bring"] if plan.unprofitable else []
    limit = "" if planned.terms.budget is None else f" of a budget of {_money(planned.terms.budget, unit)}"
    lines = [
        f"Campaign {planned.name}: contact {contacts:,} of {planned.customers:,} customers, in the order of {files.contacts}.",
        f"Do not contact the {control:,} of {files.control}: they are kept aside at random, for the proof.",
        f"Expected net value {_money_interval(plan.expected, unit)}; expected cost {_money(plan.outlay, unit)}{limit}.",
        f"Best without a limit: {plan.curve.optimum:,} customers, {_money(plan.curve.optimum_value, unit)}; see {files.curve.name}"
        f" and {files.picture.name}.",
        f"Expected uplift {plan.power.expected_uplift:.1%}; the chance that outcomes prove it is {plan.power.chance:.0%}.",
    ]
    lines += [f"Left out: {', '.join(left_out)}."] if left_out else []
    return "\n".join([*lines, *(f"Warning: {warning}" for warning in planned.warnings)])


def proof_document(proved: Proved) -> dict[str, Any]:
    """For `--json`."""
    proof, campaign = proved.proof, proved.campaign
    amounts = {name: getattr(proof, name) for name in ("uplift", "retained", "saved_value", "net_money")}
    return {
        "campaign": campaign.name,
        "planned_at": campaign.created_at,
        "verdict": proof.verdict,
        "treated": _arm(proof.treated),
        "control": _arm(proof.control),
        **{name: None if found is None else asdict(found) for name, found in amounts.items()},
        "costs": proof.costs,
        "currency": proved.money.currency,
        "more_outcomes_needed": proof.more_needed,
        "warnings": list(proof.warnings),
    }


def proof_summary(proved: Proved) -> str:
    """A few lines for the retention manager."""
    proof, unit = proved.proof, proved.money.currency
    lines = [
        f"Campaign {proved.campaign.name}, planned {proved.campaign.created_at[:10]}: {proof.verdict}.",
        _arm_line("treated", proof.treated),
        _arm_line("control", proof.control),
    ]
    if proof.uplift and proof.retained and proof.saved_value and proof.net_money and proof.costs is not None:
        uplift, retained = proof.uplift, proof.retained
        lines += [
            f"Uplift {uplift.value:.1%} ({uplift.low:.1%} to {uplift.high:.1%}): "
            f"{retained.value:,.0f} customers retained ({retained.low:,.0f} to {retained.high:,.0f}).",
            f"Value kept {_money_interval(proof.saved_value, unit)}, costs {_money(proof.costs, unit)}: "
            f"net {_money_interval(proof.net_money, unit)}.",
        ]
    if proof.more_needed is not None:
        lines.append(f"About {proof.more_needed:,} more outcomes are needed to tell.")
    elif proof.verdict == "not enough evidence yet" and proof.uplift is not None:
        lines.append("An effect as large as planned would have shown by now: it is smaller, or there is none.")
    return "\n".join([*lines, *(f"Warning: {warning}" for warning in proof.warnings)])


def _arm(arm: Arm) -> dict[str, Any]:
    low, high = wilson(Share(arm.left, arm.observed)) if arm.observed else (None, None)
    return {**asdict(arm), "churn_rate": arm.churn_rate, "churn_rate_low": low, "churn_rate_high": high}


def _arm_line(name: str, arm: Arm) -> str:
    rate = "" if arm.churn_rate is None else f", {arm.left:,} left ({arm.churn_rate:.1%})"
    return f"  {name}: {arm.assigned:,} assigned, {arm.observed:,} with an outcome{rate}"


def _money(amount: float, unit: str) -> str:
    return f"{amount:,.0f} {unit}"


def _money_interval(amount: Interval, unit: str) -> str:
    return f"{amount.value:,.0f} {unit} ({amount.low:,.0f} to {amount.high:,.0f})"
