"""Campaigns and who was assigned to which arm: written once, whole, with the event that says so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from tidegate.errors import InputRefused
from tidegate.ledger import schema
from tidegate.ledger.connections import reading, writing
from tidegate.ledger.events import add_event
from tidegate.ledger.failures import UnstorableRow
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

Arm = Literal["treated", "control"]

_campaigns, _assignments, _outcomes = schema.campaigns, schema.assignments, schema.outcomes
_CHUNK = 10_000


@dataclass(frozen=True)
class Campaign:
    """A planned campaign. `parameters` is what it was planned with, prices included; `created_at` ISO-8601 in UTC."""

    name: str
    created_at: str
    who: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Assignment:
    """One chosen customer (keyed hash): the arm drawn, the rank (from 1), and what was expected when it was planned."""

    customer: str
    arm: Arm
    rank: int
    probability: float
    customer_value: float
    net_value: float
    model_version: str


@dataclass(frozen=True, slots=True)
class AssignedOutcome:
    """An assigned customer and the outcome last observed after the assignment: 1 left, 0 stayed, None not known."""

    arm: Arm
    probability: float
    customer_value: float
    outcome: int | None


def record_campaign(
    ledger: Ledger, name: str, parameters: Mapping[str, Any], assignments: Sequence[Assignment], who: str, now: datetime
) -> Campaign:
    """Write campaign, assignments and event in one transaction, or nothing.

    Raises `InputRefused` where the name is taken, `UnstorableRow` where a customer comes twice, `LedgerUnavailable` when the database
    fails, and `ValueError` for parameters that are no JSON or a time without zone.
    """
    campaign = Campaign(name, time_text(now), who, parameters)
    row = {"name": name, "created_at": campaign.created_at, "who": who, "parameters": _json(parameters)}
    try:
        with writing(ledger.engine) as connection:
            _refuse_taken(connection, name)
            connection.execute(sa.insert(_campaigns), row)
            for start in range(0, len(assignments), _CHUNK):
                rows = [asdict(one) for one in assignments[start : start + _CHUNK]]
                connection.execute(sa.insert(_assignments), [{**one, "campaign": name, "assigned_at": campaign.created_at} for one in rows])
            add_event(connection, who, "planned a campaign", {"campaign": name, **parameters}, now)
    except UnstorableRow:
        with reading(ledger.engine) as connection:  # on PostgreSQL another process may have taken the name meanwhile
            _refuse_taken(connection, name)
        raise
    return campaign


def find_campaign(ledger: Ledger, name: str) -> Campaign | None:
    """The campaign of this name, or None."""
    with reading(ledger.engine) as connection:
        row = connection.execute(sa.select(_campaigns).where(_campaigns.c.name == name)).one_or_none()
    return None if row is None else Campaign(row.name, row.created_at, row.who, json.loads(row.parameters))


def list_campaigns(ledger: Ledger) -> list[Campaign]:
    """All campaigns, newest first."""
    with reading(ledger.engine) as connection:
        rows = connection.execute(sa.select(_campaigns).order_by(_campaigns.c.created_at.desc(), _campaigns.c.name))
        return [Campaign(row.name, row.created_at, row.who, json.loads(row.parameters)) for row in rows]


def followed(ledger: Ledger, campaign: str) -> list[AssignedOutcome]:
    """Everyone assigned, with the outcome observed last, and only from the assignment on: what was seen before says nothing of it."""
    later = (_outcomes.c.customer == _assignments.c.customer) & (_outcomes.c.observed_at >= _assignments.c.assigned_at)
    newest = sa.select(sa.func.max(_outcomes.c.observed_at)).where(later).correlate(_assignments).scalar_subquery()
    joined = _assignments.outerjoin(_outcomes, (_outcomes.c.customer == _assignments.c.customer) & (_outcomes.c.observed_at == newest))
    columns = (_assignments.c.arm, _assignments.c.probability, _assignments.c.customer_value, _outcomes.c.outcome)
    query = sa.select(*columns).select_from(joined).where(_assignments.c.campaign == campaign).order_by(_assignments.c.rank)
    with reading(ledger.engine) as connection:
        return [AssignedOutcome(*row) for row in connection.execute(query)]


def assigned_since(ledger: Ledger, since: datetime, customers: Sequence[str]) -> dict[str, int]:
    """In which campaigns planned since then how many of these customers (keyed hashes) are, in either arm: name → count."""
    found: dict[str, int] = {}
    query = sa.select(_assignments.c.campaign, sa.func.count()).where(_assignments.c.assigned_at >= time_text(since))
    with reading(ledger.engine) as connection:
        for start in range(0, len(customers), _CHUNK):
            chunk = _assignments.c.customer.in_(customers[start : start + _CHUNK])
            for name, count in connection.execute(query.where(chunk).group_by(_assignments.c.campaign)):
                found[name] = found.get(name, 0) + count
    return found


def treated_among(ledger: Ledger, customers: Iterable[str]) -> set[str]:
    """Those of the customers (keyed hashes) who were in the treated arm of any campaign."""
    asked, found = sorted(set(customers)), set[str]()
    treated = sa.select(_assignments.c.customer).where(_assignments.c.arm == "treated").distinct()
    with reading(ledger.engine) as connection:
        for start in range(0, len(asked), _CHUNK):
            found.update(connection.execute(treated.where(_assignments.c.customer.in_(asked[start : start + _CHUNK]))).scalars())
    return found


def _refuse_taken(connection: sa.Connection, name: str) -> None:
    if connection.execute(sa.select(_campaigns.c.name).where(_campaigns.c.name == name)).first() is not None:
        raise InputRefused(f"There is a campaign {name!r} already.", "Give this one another name.")


def _json(parameters: Mapping[str, Any]) -> str:
    return json.dumps(dict(parameters), sort_keys=True, allow_nan=False)
