"""Campaigns: what a plan needs, a preview, a plan, what it brought, and the outcomes that prove it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal
from urllib.parse import quote

from tidegate.ui.client.http import Api

Rows = Sequence[Mapping[str, str]]
Verdict = Literal["proved", "harmful", "not enough evidence yet"]


@dataclass(frozen=True)
class Prices:
    """What keeping a customer is worth and what trying costs: one value for all, or a column that holds it."""

    currency: str
    customer_value: float | None
    customer_value_column: str | None
    contact_cost: float
    incentive_cost: float
    acceptance_rate: float


@dataclass(frozen=True)
class ValueColumn:
    """A number column of the table."""

    name: str
    meaning: str
    unit: str


@dataclass(frozen=True)
class Needs:
    """What the champion's spec says. `id` None: no campaign can be planned; `prices` None: they have to be given."""

    model_version: str
    id: str | None
    prices: Prices | None
    value_columns: tuple[ValueColumn, ...]


@dataclass(frozen=True)
class Range:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """What the first so many contacts are expected to bring together; the best of them without a limit."""

    contacts: tuple[int, ...]
    net_value: tuple[float, ...]
    optimum: int
    optimum_value: float


@dataclass(frozen=True)
class Contact:
    """One customer of the list."""

    rank: int
    customer: str
    probability: float
    net_value: float


@dataclass(frozen=True)
class Lists:
    """Whole lists as CSV in UTF-8, in which no cell is a formula."""

    contact: bytes
    keep_aside: bytes
    curve: bytes


@dataclass(frozen=True)
class Plan:
    """A plan, amounts in `currency`. `lists` are None in a preview; `first` has the first customers to contact, in order."""

    name: str
    planned_at: str
    who: str
    customers: int
    contacts: int
    control: int
    excluded: Mapping[str, int]
    unprofitable: int
    currency: str
    budget: float | None
    most_contacts: int | None
    net_value: Range
    cost: float
    uplift: float
    chance: float
    customers_needed: int | None
    warnings: tuple[str, ...]
    curve: Curve
    first: tuple[Contact, ...]
    lists: Lists | None


@dataclass(frozen=True)
class Past:
    """A recorded campaign."""

    name: str
    planned_at: str
    who: str
    contacts: int
    control: int
    currency: str
    net_value: Range
    cost: float


@dataclass(frozen=True)
class Arm:
    """One arm; the rate and its interval are None while no outcome is known."""

    planned: int
    assigned: int
    observed: int
    left: int
    rate: Range | None


@dataclass(frozen=True)
class Proof:
    """What a campaign brought, amounts in `currency`; what is not known yet is None."""

    name: str
    planned_at: str
    verdict: Verdict
    treated: Arm
    control: Arm
    uplift: Range | None
    retained: Range | None
    saved_value: Range | None
    costs: float | None
    net_money: Range | None
    currency: str
    more_needed: int | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Recorded:
    """What became of the rows of a file of outcomes."""

    rows: int
    recorded: int
    known_already: int
    not_known_yet: int
    unknown_customers: int
    quarantined: int
    refused: tuple[Mapping[str, str], ...]


def needs(api: Api) -> Needs:
    """What a plan needs of the champion's spec."""
    said = api.get("/prices")
    prices = None if said["prices"] is None else Prices(**{name: said["prices"][name] for name in Prices.__dataclass_fields__})
    columns = tuple(ValueColumn(one["name"], one["meaning"], one["unit"]) for one in said["value_columns"])
    return Needs(said["model_version"], said["id"], prices, columns)


def preview(api: Api, fields: Mapping[str, str], name: str, file: IO[bytes], most: int) -> Plan:
    """What a plan would be; nothing is recorded. `first` has at most so many customers."""
    return _plan(api.send("/campaigns", {**fields, "preview": "true"}, name, file), most)


def plan(api: Api, fields: Mapping[str, str], name: str, file: IO[bytes], most: int) -> Plan:
    """Plan a campaign; its assignments are on record."""
    return _plan(api.send("/campaigns", fields, name, file), most)


def past(api: Api) -> tuple[Past, ...]:
    """All campaigns, newest first."""
    return tuple(
        Past(
            name=one["name"],
            planned_at=one["created_at"],
            who=one["who"],
            contacts=one["treated"],
            control=one["control"],
            currency=one["prices"]["currency"],
            net_value=_required(one["expected_net_value"]),
            cost=one["expected_cost"],
        )
        for one in api.get("/campaigns")["campaigns"]
    )


def proof(api: Api, name: str) -> Proof:
    """What the outcomes known so far say of a campaign."""
    # no name is a step in a path: neither its slashes nor its points
    said = api.get(f"/campaigns/{quote(name, safe='').replace('.', '%2E')}")
    return Proof(
        name=said["campaign"],
        treated=_arm(said["treated"]),
        control=_arm(said["control"]),
        more_needed=said["more_outcomes_needed"],
        warnings=tuple(said["warnings"]),
        uplift=_range(said["uplift"]),
        retained=_range(said["retained"]),
        saved_value=_range(said["saved_value"]),
        net_money=_range(said["net_money"]),
        **{one: said[one] for one in ("planned_at", "verdict", "costs", "currency")},
    )


def send_outcomes(api: Api, name: str, file: IO[bytes]) -> Recorded:
    """Record who left and who stayed, from a file."""
    said = api.send("/outcomes", {}, name, file)
    counts = ("rows", "recorded", "known_already", "not_known_yet", "unknown_customers", "quarantined")
    return Recorded(**{one: said[one] for one in counts}, refused=tuple(said["refused"]))


def _plan(said: Mapping[str, Any], most: int) -> Plan:
    names = ("planned_at", "who", "customers", "contacts", "control", "excluded", "unprofitable", "currency", "budget", "most_contacts")
    curve, best, power = said["profit_curve"], said["optimum"], said["power"]
    recorded = said["recorded"]
    return Plan(
        **{name: said[name] for name in names},
        name=said["campaign"],
        net_value=_required(said["expected_net_value"]),
        cost=said["expected_cost"],
        uplift=power["expected_uplift"],
        chance=power["chance"],
        customers_needed=power["customers_needed"],
        warnings=tuple(said["warnings"]),
        curve=Curve(
            tuple(int(point["contacts"]) for point in curve),
            tuple(float(point["expected_net_value"]) for point in curve),
            best["contacts"],
            best["expected_net_value"],
        ),
        first=tuple(_contact(row) for row in said["contact"][:most]),
        lists=Lists(_csv(said["contact"]), _csv(said["keep_aside"]), _csv(curve)) if recorded else None,
    )


def _contact(row: Mapping[str, str]) -> Contact:
    """The id's column has the table's own name and comes first."""
    return Contact(int(row["rank"]), next(iter(row.values())), float(row["churn_probability"]), float(row["expected_net_value"]))


def _csv(rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue().encode()


def _arm(said: Mapping[str, Any]) -> Arm:
    known = said["churn_rate"] is not None
    rate = Range(said["churn_rate"], said["churn_rate_low"], said["churn_rate_high"]) if known else None
    return Arm(said["planned"], said["assigned"], said["observed"], said["left"], rate)


def _required(said: Mapping[str, float]) -> Range:
    return Range(said["value"], said["low"], said["high"])


def _range(said: Mapping[str, float] | None) -> Range | None:
    return None if said is None else _required(said)
