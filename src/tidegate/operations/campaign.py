"""`tidegate campaign plan` and `campaign prove`: from a scored file to assignments in the ledger, and from outcomes to the proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.campaign.plan import Plan, Terms, check_terms, plan_campaign
from tidegate.campaign.prove import Followed, Proof, prove
from tidegate.customers.contract import EPOCH
from tidegate.customers.spec import Money
from tidegate.errors import InputRefused, SettingRefused
from tidegate.home import Home
from tidegate.ledger.campaigns import Assignment, Campaign, assigned_since, find_campaign, followed, record_campaign
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.store import Ledger
from tidegate.operations.campaign_files import PlanFiles, files_of, writing_plan
from tidegate.operations.campaign_places import customer_key, spec_of
from tidegate.operations.campaign_prices import prices_of
from tidegate.operations.campaign_table import ScoredTable, read_scored

LONGEST_NAME = 100


@dataclass(frozen=True)
class Order:
    """What a person asked for: the scored file, where the plan goes, its name, the terms, a spec other than the champion's, and prices
    other than the spec's (see `prices_of`)."""

    source: Path
    output: Path
    name: str
    terms: Terms
    spec: str | None = None
    prices: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """A campaign that is on disk and, unless it is a preview, in the ledger."""

    name: str
    customers: int
    money: Money
    terms: Terms
    plan: Plan
    files: PlanFiles
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Proved:
    """A campaign and what its outcomes say."""

    campaign: Campaign
    money: Money
    proof: Proof


@dataclass(frozen=True)
class _Drafted:
    """What a plan says before anything of it is written."""

    money: Money
    scored: ScoredTable
    plan: Plan
    files: PlanFiles


def plan(home: Home, ledger: Ledger, order: Order, who: str, now: datetime, progress: Callable[[int], None]) -> Planned:
    """Plan a campaign: assignments in the ledger and files on disk, or neither. Raises what is refused before anything is written."""
    _check_name(ledger, order.name)
    draft = _drafted(home, order, now, progress)
    parameters = _parameters(order.terms, draft.money, draft.scored, draft.plan)
    with writing_plan(draft.files, draft.scored, draft.plan, draft.money.currency):
        assignments = _assignments(draft.scored, draft.plan, customer_key(home, create=True))
        overlaps = _overlaps(ledger, order.terms.quiet_days, assignments, now)
        record_campaign(ledger, order.name, parameters, assignments, who, now)
    return _planned(order, draft, overlaps)


def preview(home: Home, ledger: Ledger, order: Order, now: datetime, progress: Callable[[int], None]) -> Planned:
    """What `plan` would do today, in files and not in the ledger. The name may be empty; one that is taken is refused."""
    if order.name:
        _check_name(ledger, order.name)
    draft = _drafted(home, order, now, progress)
    with writing_plan(draft.files, draft.scored, draft.plan, draft.money.currency):
        assignments = _assignments(draft.scored, draft.plan, customer_key(home, create=False))
        overlaps = _overlaps(ledger, order.terms.quiet_days, assignments, now)
    return _planned(order, draft, overlaps)


def prove_campaign(ledger: Ledger, name: str) -> Proved:
    """What a planned campaign achieved, by the outcomes in the ledger. Raises InputRefused for a name unknown."""
    campaign = find_campaign(ledger, name)
    if campaign is None:
        raise InputRefused(f"There is no campaign {name!r}.", "Check its name: tidegate campaign plan gave it.")
    rows = followed(ledger, name)
    assigned = Followed(
        treated=np.array([row.arm == "treated" for row in rows], bool),
        left=np.array([np.nan if row.outcome is None else row.outcome for row in rows], np.float64),
        value=np.array([row.customer_value for row in rows], np.float64),
        probability=np.array([row.probability for row in rows], np.float64),
    )
    money, parameters = Money.model_validate(campaign.parameters["prices"]), campaign.parameters
    return Proved(campaign, money, prove(assigned, money, parameters["treated"], parameters["control"]))


def _drafted(home: Home, order: Order, now: datetime, progress: Callable[[int], None]) -> _Drafted:
    check_terms(order.terms)
    files = files_of(order.output, order.source)
    spec = spec_of(home, order.spec)
    money = prices_of(spec, order.prices)
    scored = read_scored(order.source, spec, money, progress)
    return _Drafted(money, scored, plan_campaign(scored.candidates, money, order.terms, (now.date() - EPOCH).days), files)


def _planned(order: Order, draft: _Drafted, overlaps: tuple[str, ...]) -> Planned:
    refused = draft.scored.refused
    left_out = (f"Left out, because scoring refused them: {refused:,} of the rows.",) if refused else ()
    warnings = (*left_out, *draft.plan.warnings, *overlaps)
    return Planned(order.name, len(draft.scored.ids), draft.money, order.terms, draft.plan, draft.files, warnings)


def _overlaps(ledger: Ledger, quiet_days: int, assignments: list[Assignment], now: datetime) -> tuple[str, ...]:
    """Warnings: whom another recent campaign calls, or keeps aside, too."""
    elsewhere = assigned_since(ledger, now - timedelta(days=quiet_days), [one.customer for one in assignments])
    return tuple(
        f"{count:,} of the chosen customers are also in the campaign {name!r}, planned within {quiet_days} days: some would be called "
        "twice, and calling its control group spoils its proof."
        for name, count in sorted(elsewhere.items())
    )


def _check_name(ledger: Ledger, name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise SettingRefused("The name of a campaign must be 1 to 100 printable characters.", "Give name, for example spring-2027.")
    if find_campaign(ledger, name) is not None:
        raise InputRefused(f"There is a campaign {name!r} already.", "Give this one another name.")


def _assignments(scored: ScoredTable, planned: Plan, key: bytes) -> list[Assignment]:
    probability, value = scored.candidates.probability, scored.candidates.value
    return [
        Assignment(
            customer=customer_hash(key, scored.ids[position]),
            arm="treated" if treated else "control",
            rank=rank,
            probability=float(probability[position]),
            customer_value=float(value[position]),
            net_value=net_value,
            model_version=scored.versions[position],
        )
        for rank, (position, treated, net_value) in enumerate(
            zip(planned.chosen.tolist(), planned.treated.tolist(), planned.net_value.tolist(), strict=True), 1
        )
    ]


def _parameters(terms: Terms, money: Money, scored: ScoredTable, planned: Plan) -> dict[str, Any]:
    """What the ledger keeps of a plan, prices included: a later price changes no past campaign."""
    return {
        "data": scored.sha256,
        "rows": len(scored.ids),
        **asdict(terms),
        "prices": money.model_dump(),
        "treated": int(planned.treated.sum()),
        "control": int((~planned.treated).sum()),
        "expected_net_value": asdict(planned.expected),
        "expected_cost": planned.outlay,
        "expected_uplift": planned.power.expected_uplift,
        "excluded": planned.excluded,
        "unprofitable": planned.unprofitable,
    }
