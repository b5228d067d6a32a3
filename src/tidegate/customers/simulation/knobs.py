"""Knobs as a person writes them → a scenario: `COLUMN:SD@WHEN`, `STRENGTH@WHEN`, `KIND:SHARE@WHEN`.

WHEN is START or START+RAMP: a number from 1 counts rows (in a panel months), one below 1 is their share.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import cast

from tidegate.customers.names import snake_case
from tidegate.customers.simulation import bank
from tidegate.customers.simulation.scenario import (
    AT_ONCE,
    FEATURE_LEVELS,
    INCIDENTS,
    ConceptDrift,
    Drift,
    Incident,
    IncidentKind,
    LevelDrift,
    Onset,
    Scenario,
)
from tidegate.errors import SettingRefused


def read_scenario(
    months: int = 1,
    drift: Sequence[str] = (),
    concept_drift: str | None = None,
    incidents: Sequence[str] = (),
    late_labels: int = 0,
    base_rate: float | None = None,
    label_noise: float = 0.0,
) -> Scenario:
    """A scenario from the texts of the command line's options. Raises SettingRefused with one sentence naming option and remedy."""
    return Scenario(
        months=months,
        drift=tuple(read_drift(text) for text in drift),
        concept_drift=None if concept_drift is None else read_concept_drift(concept_drift),
        incidents=tuple(read_incident(text) for text in incidents),
        label_delay_months=late_labels,
        base_rate=base_rate,
        label_noise=label_noise,
    )


def read_drift(text: str) -> Drift | LevelDrift:
    """`COLUMN:SD[@WHEN]` moves a number, `COLUMN=LEVEL:SHARE[@WHEN]` the share of a level.

    >>> read_drift("customer_age:1.5@0.5")
    Drift(column='Customer_Age', standard_deviations=1.5, onset=Onset(start=0.5, ramp=0.0))
    """
    what, onset = _when(text, "drift")
    name, colon, size = what.rpartition(":")
    if not colon:
        raise SettingRefused(f"--drift {text!r} does not say by how much.", "Write COLUMN:SD, or COLUMN=LEVEL:SHARE for a category.")
    named, equals, level = name.partition("=")
    column = _near(named, {snake_case(known): known for known in (*bank.BOUNDS, *FEATURE_LEVELS)}, "column")
    amount = _number(size, f"--drift {text!r}")
    if equals:
        return LevelDrift(column, level, amount, onset)
    if column in FEATURE_LEVELS:
        raise SettingRefused(f"{column} is categorical and has no standard deviation.", f"Write {column}=LEVEL:SHARE.")
    return Drift(column, amount, onset)


def read_concept_drift(text: str) -> ConceptDrift:
    """`STRENGTH[@WHEN]`.

    >>> read_concept_drift("0.8@7+3")
    ConceptDrift(strength=0.8, onset=Onset(start=7.0, ramp=3.0))
    """
    what, onset = _when(text, "concept-drift")
    return ConceptDrift(_number(what, f"--concept-drift {text!r}"), onset)


def read_incident(text: str) -> Incident:
    """`KIND[:SHARE][@WHEN]`.

    >>> read_incident("empty-cells:0.1")
    Incident(kind='empty_cells', share=0.1, onset=Onset(start=1.0, ramp=0.0))
    """
    what, onset = _when(text, "incident")
    if onset.ramp:
        raise SettingRefused(f"--incident {text!r} asks for a ramp, and incidents start at once.", "Leave +RAMP out.")
    name, colon, share = what.partition(":")
    kind = _near(name, {known: known for known in INCIDENTS}, "incident")
    return Incident(cast("IncidentKind", kind), _number(share, f"--incident {text!r}") if colon else None, onset)


def _when(text: str, option: str) -> tuple[str, Onset]:
    """What stands before the last @, and the onset after it."""
    what, at, when = text.rpartition("@")
    if not at:
        return text, AT_ONCE
    start, plus, ramp = when.partition("+")
    place = f"The WHEN of --{option} {text!r}"
    return what, Onset(_number(start, place), _number(ramp, place) if plus else 0.0)


def _number(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value or abs(value) == float("inf"):
        raise SettingRefused(f"{place} holds {text!r} where a number belongs.", "Write a number such as 0.5.")
    return value


def _near(name: str, known: dict[str, str], what: str) -> str:
    """The known name that `name` spells in any case. Raises SettingRefused naming the near ones, or all."""
    spelt = snake_case(name)
    if spelt in known:
        return known[spelt]
    near = [known[one] for one in get_close_matches(spelt, known, n=3, cutoff=0.5)]
    remedy = f"Did you mean {' or '.join(near)}?" if near else f"Name one of {', '.join(known.values())}."
    raise SettingRefused(f"The bank has no {what} {name!r}.", remedy)
