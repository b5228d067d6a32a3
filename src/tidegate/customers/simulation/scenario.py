"""What is to go wrong in a simulated table, and from when: the knobs as frozen data, checked where they are set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.simulation import bank
from tidegate.customers.simulation.draw import MOST_ROWS, Floats
from tidegate.errors import SettingRefused

IncidentKind = Literal["trailing_spaces", "empty_cells", "negative_limits", "limits_in_cents", "unknown_level", "missing_column"]
INCIDENTS: tuple[IncidentKind, ...] = get_args(IncidentKind)
WHOLE_TABLE: tuple[IncidentKind, ...] = ("limits_in_cents", "missing_column")
"""Incidents that hit every row unless told otherwise; the others hit 2 %."""
MOST_MONTHS = 120
WARM_UP_MONTHS = 12
"""Months a panel lives before its first row, so that its months are alike."""
MOST_CUSTOMERS = MOST_ROWS // (MOST_MONTHS + WARM_UP_MONTHS)
"""In one month of a panel: each may be replaced in every month, and every newcomer needs a number of its own."""
PERSONAL = ("Customer_Age", "Gender", "Months_on_book")
"""Columns that cannot drift in a panel: they belong to the same people in every month."""
DERIVED = {"Avg_Open_To_Buy", "Avg_Utilization_Ratio"}
FEATURE_LEVELS = {name: levels for name, levels in bank.LEVELS.items() if name in bank.COLUMNS[2:]}
CREDIT = {*DERIVED, "Credit_Limit", "Total_Revolving_Bal"}


def _within(what: str, value: Any, fewest: float, most: float) -> None:
    if not fewest <= value <= most:
        raise SettingRefused(f"{what} cannot be {value:g}.", f"Give a number from {fewest:g} to {most:g}.")


def _once(what: str, names: list[Any]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingRefused(f"The {what} of {twice[0]} is given twice.", "Give it once.")


@dataclass(frozen=True)
class Onset:
    """From when, and over how long it grows to its full size.

    `start` from 1 up is the number of the first row (in a panel: month) concerned; below 1 it is the share of the rows (months) before it.
    `ramp` is how many rows (months) it grows over, or below 1 their share; 0 is at once.
    """

    start: float = 1.0
    ramp: float = 0.0

    def first(self, total: int) -> int:
        """Number of the first row or month concerned. Raises SettingRefused where there are fewer than that."""
        first = int(self.start) if self.start >= 1 else 1 + math.floor(self.start * total)
        if first > total:
            raise SettingRefused(
                f"Nothing can start at {first:,}: there are {total:,}.", f"Start at 1 to {total:,}, or at a share below 1."
            )
        return first

    def level(self, position: NDArray[np.int64], total: int) -> Floats:
        """How much of it has come, 0 to 1, at each position (from 1) of `total`: float64 (rows,).

        >>> Onset(3, 2).level(np.arange(1, 6), 5)
        array([0. , 0. , 0.5, 1. , 1. ])
        """
        ramp = self.ramp if self.ramp >= 1 else self.ramp * total
        return np.clip((position - self.first(total) + 1) / max(ramp, 1.0), 0.0, 1.0)

    def __post_init__(self) -> None:
        """Raises SettingRefused where a number is out of range."""
        for name, value, fewest in (("start", self.start, 0), ("ramp", self.ramp, 0)):
            _within(f"A {name}", value, fewest, MOST_ROWS)
            if value > 1 and value != int(value):
                raise SettingRefused(f"A {name} of {value:g} is neither a number of rows nor a share.", "Give a whole number or a share.")


AT_ONCE = Onset()


@dataclass(frozen=True)
class Drift:
    """A numeric column moves by so many of its standard deviations; no other column does, save those bound to it by an identity."""

    column: str
    standard_deviations: float
    onset: Onset = AT_ONCE

    def __post_init__(self) -> None:
        """Raises SettingRefused where the column or the size is out of range."""
        if self.column not in bank.BOUNDS:
            raise SettingRefused(f"'{self.column}' is not a numeric column of the bank.", f"Drift one of {', '.join(bank.BOUNDS)}.")
        _within(f"A drift of '{self.column}'", self.standard_deviations, -100, 100)


@dataclass(frozen=True)
class LevelDrift:
    """The share of customers with `level` of a categorical column becomes `share`; the other levels keep their proportions."""

    column: str
    level: str
    share: float
    onset: Onset = AT_ONCE

    def __post_init__(self) -> None:
        """Raises SettingRefused where column, level or share is out of range."""
        levels = FEATURE_LEVELS.get(self.column)
        if levels is None:
            raise SettingRefused(f"'{self.column}' is not a categorical column of the bank.", f"Drift one of {', '.join(FEATURE_LEVELS)}.")
        if self.level not in levels:
            raise SettingRefused(f"'{self.level}' is not a level of {self.column}.", f"Its levels are: {', '.join(levels)}.")
        _within(f"The share of {self.column}={self.level}", self.share, 0, 1)


@dataclass(frozen=True)
class ConceptDrift:
    """The churn formula changes, no column does: at `strength` s each customer follows the other regime with probability s (0 to 1)."""

    strength: float
    onset: Onset = AT_ONCE

    def __post_init__(self) -> None:
        """Raises SettingRefused where the strength is outside 0 to 1."""
        _within("The strength of a concept drift", self.strength, 0, 1)


@dataclass(frozen=True)
class Incident:
    """A fault of data quality that hits a share (0 to 1) of the rows; None is the kind's usual share."""

    kind: IncidentKind
    share: float | None = None
    onset: Onset = AT_ONCE

    def __post_init__(self) -> None:
        """Raises SettingRefused where kind or share is out of range."""
        if self.kind not in INCIDENTS:
            raise SettingRefused(f"'{self.kind}' is not an incident.", f"Name one of {', '.join(INCIDENTS)}.")
        if self.share is not None:
            _within(f"The share of {self.kind}", self.share, 0, 1)
        if self.kind == "missing_column" and self.share not in (None, 1.0):
            raise SettingRefused("A missing column is missing in every row.", "Leave its share out, or use empty_cells.")

    @property
    def hit_share(self) -> float:
        """Share of the rows that are hit."""
        return self.share if self.share is not None else 1.0 if self.kind in WHOLE_TABLE else 0.02


@dataclass(frozen=True)
class Scenario:
    """Everything that can be turned; the default is the plain bank.

    `months` above 1 makes a panel: the same customers month after month. `base_rate` is the mean true churn probability of undisturbed
    customers (None: the formula as it is), `label_noise` the share of labels flipped at random, `label_delay_months` for how many of
    the latest months no label is known yet. Raises SettingRefused where knobs are out of range or contradict one another.
    """

    months: int = 1
    drift: tuple[Drift | LevelDrift, ...] = ()
    concept_drift: ConceptDrift | None = None
    incidents: tuple[Incident, ...] = ()
    label_delay_months: int = 0
    base_rate: float | None = None
    label_noise: float = 0.0

    def __post_init__(self) -> None:
        """Raises SettingRefused."""
        _within("The number of months", self.months, 1, MOST_MONTHS)
        _within("The label noise", self.label_noise, 0, 0.5)
        if self.base_rate is not None:
            _within("The base rate", self.base_rate, 0.001, 0.999)
        if not 0 <= self.label_delay_months < self.months:
            most = f"Ask for 0 to {self.months - 1} late months." if self.months > 1 else "Ask for several months (--months)."
            raise SettingRefused(f"Labels cannot be {self.label_delay_months} months late in {self.months}.", most)
        _once("drift", [drift.column for drift in self.drift])
        _once("incident", [incident.kind for incident in self.incidents])
        columns = {drift.column for drift in self.drift}
        if len(columns & CREDIT) > 1 and columns & DERIVED:
            both = " and ".join(sorted(columns & CREDIT))
            raise SettingRefused(f"{both} are bound by an identity and cannot drift apart.", "Drift one of them.")
        if self.months > 1 and columns & set(PERSONAL):
            name = sorted(columns & set(PERSONAL))[0]
            raise SettingRefused(f"{name} cannot drift in a panel: its customers stay the same people.", "Drift another column.")

    def check(self, rows: int) -> None:
        """Raises SettingRefused where a knob starts after the last row or month, or a panel has more customers than numbers."""
        most = MOST_ROWS if self.months == 1 else MOST_CUSTOMERS
        if not 1 <= rows <= most:
            raise SettingRefused(f"{rows} customers cannot be simulated.", f"Ask for 1 to {most} rows.")
        for knob in (*self.drift, *self.incidents, *([self.concept_drift] if self.concept_drift else [])):
            knob.onset.first(rows if self.months == 1 else self.months)


PLAIN = Scenario()
