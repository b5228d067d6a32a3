"""A seeded bank: any number of customers in the BankChurners schema, each with a known churn probability.

Per block of 65,536 customers: chance → columns (`draw`) → drift (`drift`) → churn probability (`churn`) → label → incidents
(`incidents`). The true label is a Bernoulli draw from the probability, and the probability is a formula of the columns alone, so
what a perfect model could reach is known. With several months (`panel`) a block goes through all of them before the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tidegate.customers.simulation import bank
from tidegate.customers.simulation.churn import NO_SHIFT, Intercepts, churn_probability, log_odds, panel_rate, solve_intercept
from tidegate.customers.simulation.draw import (
    BLOCK_ROWS,
    NOISE,
    REFERENCE_SEED,
    Columns,
    Floats,
    Integers,
    as_table,
    client_numbers,
    draw_columns,
    draw_latent,
    reference_columns,
    stream,
)
from tidegate.customers.simulation.drift import distance, drifted
from tidegate.customers.simulation.incidents import spoilt
from tidegate.customers.simulation.panel import lone_path, month_end, panel_months
from tidegate.customers.simulation.scenario import PLAIN, WARM_UP_MONTHS, Drift, Scenario
from tidegate.errors import SettingRefused

LABEL, TIME = "Attrition_Flag", "Snapshot_Month"
REFERENCE_PLACES = 16_384
MOST_REFERENCE_MONTHS = 24


@dataclass(frozen=True)
class Simulated:
    """Customers and the truth about them.

    `table` has the columns of the public BankChurners table (int64, float64, string; nulls only where a scenario puts them), in a
    panel also `Snapshot_Month` (date32). `churn_probability` is float64 (rows,), the probability each label was drawn with, and
    `churned` bool (rows,) the label drawn. `truth` is what is written beside the table: `CLIENTNUM`, `churn_probability`, and with
    any knob turned the true label and the incidents that hit the row (null: none).
    """

    table: pa.Table
    churn_probability: Floats
    churned: NDArray[np.bool_]
    truth: pa.Table


@dataclass(frozen=True)
class _World:
    """A scenario made ready for so many rows: what every block needs."""

    scenario: Scenario
    rows: int
    seed: int
    intercepts: Intercepts

    @property
    def total(self) -> int:
        """How far positions count: rows, in a panel months."""
        return self.rows if self.scenario.months == 1 else self.scenario.months

    def judge(self, columns: Columns, position: Integers, block: int) -> tuple[Columns, Floats]:
        """Undisturbed columns as they became, and the true probability; `position` counts rows or months from 1, below 1 before all."""
        for drift in self.scenario.drift:
            columns = drifted(columns, drift, drift.onset.level(position, self.total), self.seed, block)
        concept = self.scenario.concept_drift
        strength = concept.strength * concept.onset.level(position, self.total) if concept else 0.0
        return columns, churn_probability(columns, strength, self.intercepts)


def simulate_blocks(rows: int, seed: int, scenario: Scenario = PLAIN) -> Iterator[Simulated]:
    """Customers in blocks of at most 65,536, in a fixed order, in memory that does not grow with `rows`.

    In a panel `rows` is the number of customers in each month, and a block is one month of at most 65,536 of them.

    Raises:
        SettingRefused: `rows` is out of range, `seed` is negative, or the scenario does not fit so many rows.
    """
    scenario.check(rows)
    if seed < 0:
        raise SettingRefused(f"{seed} is not a seed.", "Give a seed of 0 or more.")
    for drift in scenario.drift:
        if isinstance(drift, Drift):
            distance(drift.column, drift.standard_deviations)
    world = _World(scenario, rows, seed, intercepts_of(scenario))
    places = ((start, min(BLOCK_ROWS, rows - start)) for start in range(0, rows, BLOCK_ROWS))
    if scenario.months == 1:
        return (_single_block(world, start, size) for start, size in places)
    return (month for start, size in places for month in _panel_block(world, start, size))


def simulate_table(rows: int, seed: int, scenario: Scenario = PLAIN) -> Simulated:
    """All `rows` customers at once; the same customers as `simulate_blocks`."""
    blocks = list(simulate_blocks(rows, seed, scenario))
    return Simulated(
        pa.concat_tables([block.table for block in blocks]).combine_chunks(),
        np.concatenate([block.churn_probability for block in blocks]),
        np.concatenate([block.churned for block in blocks]),
        pa.concat_tables([block.truth for block in blocks]).combine_chunks(),
    )


def _single_block(world: _World, start: int, rows: int) -> Simulated:
    block = start // BLOCK_ROWS
    latent = draw_latent(block, rows, world.seed)
    index = np.arange(start, start + rows, dtype=np.int64)
    columns, probability = world.judge(draw_columns(latent), index + 1, block)
    churned = latent.uniforms["label"] < probability
    return _told(world, columns | {"CLIENTNUM": client_numbers(index, world.seed)}, probability, churned, index + 1, block)


def _panel_block(world: _World, start: int, rows: int) -> Iterator[Simulated]:
    block = start // BLOCK_ROWS

    def judge(columns: Columns, number: int) -> tuple[Columns, Floats]:
        return world.judge(columns, np.full(rows, number), block)

    for month in panel_months(start, rows, world.seed, world.scenario.months, judge):
        yield _told(world, month.columns, month.probability, month.churned, np.full(rows, month.number), block)


def _told(world: _World, columns: Columns, probability: Floats, churned: NDArray[np.bool_], position: Integers, block: int) -> Simulated:
    """The table as a bank would hand it in, and the truth beside it."""
    scenario = world.scenario
    month = 0 if scenario.months == 1 else int(position[0])
    flipped = np.zeros(len(churned), bool)
    if scenario.label_noise:
        flipped = stream(world.seed, block, NOISE, month).random(len(churned)) < scenario.label_noise
    table = as_table(columns | {LABEL: (churned ^ flipped).astype(np.int64)})
    truth = pa.table({"CLIENTNUM": table["CLIENTNUM"], "churn_probability": probability})
    if scenario == PLAIN:
        return Simulated(table, probability, churned, truth)
    open_to = [incident.onset.level(position, world.total) > 0 for incident in scenario.incidents]
    table, hit = spoilt(table, scenario.incidents, open_to, world.seed, block, month)
    labels = pa.array(np.array(bank.LEVELS[LABEL])[churned.astype(np.int64)], pa.string())
    truth = truth.append_column(LABEL, labels).append_column("incident", hit)
    if month:
        if month > scenario.months - scenario.label_delay_months:
            table = table.set_column(1, LABEL, pa.nulls(len(churned), pa.string()))
        when = pa.array([month_end(month)] * len(churned), pa.date32())
        table, truth = table.add_column(1, TIME, when), truth.add_column(1, TIME, when)
    return Simulated(table, probability, churned, truth)


def intercepts_of(scenario: Scenario) -> Intercepts:
    """What to add to the log odds so that both regimes churn at the wanted rate; without one, at today's.

    Measured on reference customers that are the same for every seed, without drift; in a panel over its months.
    """
    if scenario.base_rate is None and scenario.concept_drift is None:
        return NO_SHIFT
    return _solved(scenario.base_rate, scenario.concept_drift is not None, min(scenario.months, MOST_REFERENCE_MONTHS))


@cache
def _solved(base_rate: float | None, concept_drift: bool, months: int) -> Intercepts:
    warm_up = 0 if months == 1 else WARM_UP_MONTHS
    blocks = [reference_columns()] if months == 1 else list(lone_path(REFERENCE_PLACES, REFERENCE_SEED, warm_up + months))
    today, other = (np.stack([log_odds(columns, formula) for columns in blocks]) for formula in (bank.LOG_ODDS, bank.OTHER_REGIME))
    rate = panel_rate(today, 0.0, warm_up) if base_rate is None else base_rate
    return Intercepts(
        0.0 if base_rate is None else solve_intercept(today, rate, warm_up),
        solve_intercept(other, rate, warm_up) if concept_drift else 0.0,
    )
