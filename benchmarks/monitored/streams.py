"""Simulated customers whose drift is known, as the rows that monitoring gets, and batches drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tidegate.customers.columns import Repairs, rows_from_arrow
from tidegate.customers.contract import compile_contract
from tidegate.customers.names import snake_case
from tidegate.customers.rows import Rows, concatenate
from tidegate.customers.simulation.scenario import PLAIN, Scenario
from tidegate.customers.simulation.simulate import simulate_blocks
from tidegate.customers.spec import load_spec
from tidegate.monitoring.drift.decide import decide_drift
from tidegate.monitoring.drift.findings import Drift
from tidegate.monitoring.drift.limits import DriftLimits

SPEC = load_spec("bank")
REFERENCE_ROWS = 10_000
CONTRACT = compile_contract(SPEC)
LIMITS = DriftLimits()


@dataclass(frozen=True)
class Customers:
    """n customers and their true churn probabilities, which stand for a model's."""

    rows: Rows
    probability: NDArray[np.float64]

    def take(self, places: NDArray[np.int64]) -> Customers:
        return Customers(self.rows.take(places), self.probability[places])


def simulated(rows: int, seed: int, scenario: Scenario = PLAIN) -> Customers:
    parts, probability = [], []
    for block in simulate_blocks(rows, seed, scenario):
        probability.append(block.churn_probability)
        parts.append(typed(block.table))
    return Customers(concatenate(parts, CONTRACT.layout), np.concatenate(probability))


def typed(table: pa.Table) -> Rows:
    renamed = table.rename_columns([snake_case(name) for name in table.column_names])
    batch = renamed.select([column.name for column in SPEC.feature_columns]).combine_chunks().to_batches()[0]
    return rows_from_arrow(CONTRACT, batch, Repairs({}))


def drawn(pool: Customers, sizes: Sequence[int], generator: np.random.Generator) -> list[Customers]:
    """Disjoint samples without repetition."""
    places = generator.choice(len(pool.rows), sum(sizes), replace=False)
    return [pool.take(part) for part in np.split(places, np.cumsum(sizes)[:-1])]


def judge(reference: Customers, batch: Customers, seed: int) -> Drift:
    return decide_drift(SPEC, reference.rows, reference.probability, batch.rows, batch.probability, LIMITS, seed, None)
