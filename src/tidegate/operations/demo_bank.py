"""The simulated bank of `tidegate demo`: its customers month by month, what goes wrong when, and the files that it hands in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from tidegate.customers.names import snake_case
from tidegate.customers.simulation.scenario import ConceptDrift, Incident, Scenario
from tidegate.customers.simulation.simulate import simulate_table
from tidegate.customers.spec import TableSpec
from tidegate.home import Home
from tidegate.monitoring.order import PREFIX
from tidegate.operations.outcomes import ID, OBSERVED, OUTCOME

MONTH = timedelta(days=30)
LEFT_AFTER = timedelta(days=20)
AUDITED = 300
TRAINED_MONTHS = 2
CHANGED = 0.9
INCIDENT = (Incident("empty_cells", 0.12), Incident("negative_limits", 0.05))


@dataclass(frozen=True)
class Month:
    """What is done to the bank in one month; what the platform makes of it is for the platform to say.

    `incident`: cells of the batch are spoilt, and it is sent again once repaired. `changed`: customers leave for other reasons (0 to 1).
    `mislabelled`: share of those who left last month whom the bank writes down as stayed. `checked`: a sample of last month's customers is
    looked at by people; `at_once`: before the first renewal of the month, not after it.
    """

    said: str
    incident: bool = False
    changed: float = 0.0
    mislabelled: float = 0.0
    checked: bool = False
    at_once: bool = False


STORY = (
    Month("Nothing is wrong."),
    Month("Nothing is wrong. What became of last month's customers is known now."),
    Month("Injected: an incident. A faulty export empties 12 % of the rows' cells and turns 5 % of the limits negative.", incident=True),
    Month("Injected: concept drift. Nine of ten customers now leave for other reasons; no column shows it.", changed=CHANGED),
    Month("The first labels since the customers changed.", changed=CHANGED, checked=True),
    Month("The customers stay as they have become.", changed=CHANGED),
    Month(
        "Injected: poison. 30 % of those who left last month are written down as stayed.",
        changed=CHANGED,
        mislabelled=0.3,
        checked=True,
        at_once=True,
    ),
)


@dataclass(frozen=True)
class Bank:
    """`rows` new customers a month, all drawn with one seed so that no id occurs twice; month 0 is that of the training table."""

    spec: TableSpec
    rows: int
    seed: int
    began: datetime

    def day(self, month: int) -> datetime:
        """When the customers of a month are seen."""
        return self.began + month * MONTH


def write_training(bank: Bank, home: Home) -> Path:
    """The table of the first champion: two months' worth of labelled customers."""
    table = simulate_table(bank.rows * TRAINED_MONTHS, bank.seed).table
    return _written(home.data / "training.csv", table)


def write_batch(bank: Bank, home: Home, month: int, repaired: bool = False) -> Path:
    """The customers of a month into the inbox, without a label; with `repaired` as the bank sends them again, an hour later."""
    story = STORY[month - 1]
    table = _customers(bank, month, Scenario(concept_drift=_concept(story), incidents=INCIDENT if story.incident and not repaired else ()))
    label = next(place for place, name in enumerate(table.column_names) if snake_case(name) == bank.spec.label)
    time = "T0100" if repaired else ""
    return _written(home.inbox / f"{PREFIX}{bank.day(month):%Y-%m-%d}{time}.csv", table.remove_column(label))


def write_outcomes(bank: Bank, home: Home, month: int) -> tuple[Path, int]:
    """What the bank says became of the customers of the month before, and how many of those who left it says stayed."""
    ids, left = _truth(bank, month - 1)
    draws = np.random.default_rng((bank.seed, month)).random(len(left))
    wrong = left & (draws < STORY[month - 1].mislabelled)
    return _outcomes(bank, home, month, "outcomes", ids, left & ~wrong), int(wrong.sum())


def write_audit(bank: Bank, home: Home, month: int) -> Path:
    """What people found of a sample of the customers of the month before: the truth."""
    ids, left = _truth(bank, month - 1)
    chosen = np.sort(np.random.default_rng((bank.seed, month, 1)).permutation(len(left))[:AUDITED])
    return _outcomes(bank, home, month, "audit", ids.take(pa.array(chosen)), left[chosen])


def _outcomes(bank: Bank, home: Home, month: int, name: str, ids: pa.ChunkedArray, left: NDArray[np.bool_]) -> Path:
    seen = (bank.day(month - 1) + LEFT_AFTER).isoformat()
    columns = {ID: ids, OUTCOME: pa.array(left.astype(np.int8)), OBSERVED: pa.array([seen] * len(left))}
    return _written(home.data / f"{name}_{bank.day(month):%Y-%m-%d}.csv", pa.table(columns))


def _truth(bank: Bank, month: int) -> tuple[pa.ChunkedArray, NDArray[np.bool_]]:
    scenario = Scenario(concept_drift=_concept(STORY[month - 1]))
    table = _customers(bank, month, scenario)
    identity = next(name for name in table.column_names if snake_case(name) == bank.spec.id)
    labels = next(name for name in table.column_names if snake_case(name) == bank.spec.label)
    return table[identity], np.array(table[labels].to_pylist()) == bank.spec.positive


def _customers(bank: Bank, month: int, scenario: Scenario) -> pa.Table:
    start = bank.rows * (TRAINED_MONTHS + month - 1)
    return simulate_table(start + bank.rows, bank.seed, scenario).table.slice(start)


def _concept(story: Month) -> ConceptDrift | None:
    return ConceptDrift(story.changed) if story.changed else None


def _written(path: Path, table: pa.Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}")  # no batch yet: its name begins with a dot
    pyarrow.csv.write_csv(table, part)
    part.replace(path)
    return path
