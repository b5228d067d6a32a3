"""The documented shapes of what the routes about campaigns answer. Amounts are in `currency`; keys of these objects only grow."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tidegate.operations.desk.answers import Answer


class Range(Answer):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class ValueColumn(Answer):
    """A number column of the table."""

    name: str
    meaning: str
    unit: str


class PricesAnswer(Answer):
    """What the champion's spec says that a campaign needs."""

    model_version: str
    spec: str
    id: str | None = Field(description="the column that names the customer; null: no campaign can be planned")
    prices: dict[str, Any] | None = Field(description="[money]; null where the spec has none")
    value_columns: list[ValueColumn] = Field(description="which may say what a customer is worth (customer_value_column)")


class Best(Answer):
    """The best plan without a limit."""

    contacts: int
    expected_net_value: float


class Provable(Answer):
    """What the outcomes can prove: `chance` that the expected uplift shows at 95 %, and how many customers a chance of 80 % would take."""

    expected_uplift: float
    chance: float
    customers_needed: int | None


class PlanAnswer(Answer):
    """A plan. `recorded` false: a preview, whose lists hold the first rows only. Rows of lists are text, harmless in a spreadsheet."""

    campaign: str
    recorded: bool
    planned_at: str
    who: str
    customers: int
    contacts: int
    control: int
    excluded: dict[str, int] = Field(description="customers left out by reason")
    unprofitable: int = Field(description="customers whom it would not pay to contact")
    currency: str
    prices: dict[str, Any]
    budget: float | None
    most_contacts: int | None
    budget_binds: bool
    expected_net_value: Range
    expected_cost: float
    optimum: Best
    power: Provable
    warnings: list[str]
    contact: list[dict[str, str]] = Field(description="whom to contact, in order of rank")
    keep_aside: list[dict[str, str]] = Field(description="whom not to contact, for the proof")
    profit_curve: list[dict[str, str]]


class CampaignShown(Answer):
    """A recorded campaign with what it was planned with."""

    name: str
    created_at: str
    who: str
    treated: int
    control: int
    prices: dict[str, Any]
    expected_net_value: Range
    expected_cost: float


class Campaigns(Answer):
    """Newest first."""

    campaigns: list[CampaignShown]


class ArmShown(Answer):
    """One arm; the churn rate and its 95 % interval are null while no outcome is known."""

    planned: int
    assigned: int
    observed: int
    left: int
    churn_rate: float | None
    churn_rate_low: float | None
    churn_rate_high: float | None


class ProofAnswer(Answer):
    """What `tidegate campaign prove --json` says."""

    campaign: str
    planned_at: str
    verdict: Literal["proved", "harmful", "not enough evidence yet"]
    treated: ArmShown
    control: ArmShown
    uplift: Range | None
    retained: Range | None
    saved_value: Range | None
    net_money: Range | None
    costs: float | None
    currency: str
    more_outcomes_needed: int | None
    warnings: list[str]


class OutcomesFileAnswer(Answer):
    """What `tidegate outcomes --json` says, and the first of the refused rows: row, column, rule, what was expected and what kind came."""

    rows: int
    recorded: int
    known_already: int
    not_known_yet: int
    unknown_customers: int
    quarantined: int
    refused: list[dict[str, str]]
