"""What a card is made of: plain values that training fills in. An empty one is left out of the card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.training.card.drivers import Drivers
from tidegate.training.honesty import Finding

Bounds = tuple[float, float, float]  # value, low, high
INTENDED_USE = (
    "Rank customers by how likely they are to leave, so that the people who keep customers know whom to contact first.",
    "Estimate how many of a group will leave: the probabilities are calibrated.",
)
OUT_OF_SCOPE = (
    "Decisions that disadvantage a customer: credit, price, terms, closing an account.",
    "Customers unlike those it learned from: another country, product or channel, or values outside the table's ranges.",
    "Reading a driver as a cause: it says what the model looked at, not what would happen if it were changed.",
)


@dataclass(frozen=True)
class Tried:
    """A candidate of the contest: metrics by name, out of fold (which chose) and on the holdout (which only reports)."""

    name: str
    kind: str
    out_of_fold: Mapping[str, float]
    holdout: Mapping[str, float]
    chosen: bool = False


@dataclass(frozen=True)
class CalibrationBin:
    """Customers of similar probability: their mean probability, the share that left with its interval, and how many they are."""

    said: float
    happened: float
    low: float
    high: float
    customers: int


@dataclass(frozen=True)
class MoneyRow:
    """What contacting everybody at or above a threshold brings in per 1,000 customers."""

    rule: str
    threshold: float
    share_contacted: float
    profit_per_1000: Bounds


@dataclass(frozen=True)
class MoneyFacts:
    """Money by threshold, and sentences that say what choosing one costs."""

    currency: str
    rows: tuple[MoneyRow, ...]
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class CardFacts:
    """All facts of one card.

    `window`: first and last period of the rows. `quarantined`: refused cells by rule. `members`: name → weight, of an ensemble. `metrics`:
    on the holdout. `segments`: a mapping a group, with the keys of `SEGMENT_COLUMNS` in `sections`, an interval as (value, low, high) or
    as an object with these fields; `segment_notes`: sentences about them.
    """

    table: str
    algorithm: str
    kind: str
    created_at: str
    code_version: str
    data_sha256: str
    training_rows: int
    holdout_rows: int
    split: str
    base_rate: float
    threshold: float
    threshold_rule: str
    why: str
    reproduce: str
    meaning: str = ""
    data_file: str = ""
    window: tuple[str, str] | None = None
    rows_read: int = 0
    rows_quarantined: int = 0
    quarantined: Mapping[str, int] | None = None
    unlabelled: int = 0
    data_notes: tuple[str, ...] = ()
    intended_use: tuple[str, ...] = INTENDED_USE
    out_of_scope: tuple[str, ...] = OUT_OF_SCOPE
    members: Mapping[str, float] | None = None
    candidates: tuple[Tried, ...] = ()
    metrics: Mapping[str, Bounds] | None = None
    segments: tuple[Mapping[str, object], ...] = ()
    segment_notes: tuple[str, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    drivers: Drivers | None = None
    findings: tuple[Finding, ...] = ()
    money: MoneyFacts | None = None
    limits: tuple[str, ...] = ()
    identical: tuple[str, ...] = ()
    not_identical: tuple[str, ...] = ()
