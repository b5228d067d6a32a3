"""How often is a batch that did not drift called drifted? Ours beside the naive rule, and beside Evidently's default preset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitored.streams import CONTRACT, REFERENCE_ROWS, Customers, drawn, judge, simulated
from tidegate.measures.intervals import wilson

SIZES = (500, 3_000, 50_000)
POOL_ROWS = 400_000
EVIDENTLY_BATCHES = 30
NAIVE_P, NAIVE_COLUMNS = 0.05, 3


@dataclass(frozen=True)
class Alarms:
    """Of how many batches each rule raised an alarm, and how many it saw."""

    batches: int = 0
    fail: int = 0
    any_verdict: int = 0
    prediction: int = 0
    naive: int = 0
    evidently_seen: int = 0
    evidently_dataset: int = 0
    evidently_any: int = 0

    def plus(self, **counts: int) -> Alarms:
        return Alarms(**{name: value + counts.get(name, 0) for name, value in vars(self).items()})


def count_alarms(size: int, batches: int, pool: Customers, seed: int, evidently: int) -> Alarms:
    """Each batch has a reference of its own, drawn from the same customers and disjoint from it."""
    generator, found = np.random.default_rng((seed, size)), Alarms()
    for number in range(batches):
        reference, batch = drawn(pool, (REFERENCE_ROWS, size), generator)
        drift = judge(reference, batch, number)
        statuses = (drift.data_stability, drift.column_drift, drift.dataset_drift)
        naive = sum(one.p_values["distribution"] < NAIVE_P for one in drift.columns if one.test == "kolmogorov_smirnov")
        found = found.plus(
            batches=1,
            fail=drift.dataset_drift == "FAIL",
            any_verdict=any(status != "PASS" for status in statuses),
            prediction=drift.prediction.drifted,
            naive=naive > NAIVE_COLUMNS,
        )
        if number < evidently:
            share, columns = evidently_default(reference, batch)
            found = found.plus(evidently_seen=1, evidently_dataset=share, evidently_any=columns)
    return found


def evidently_default(reference: Customers, batch: Customers) -> tuple[bool, bool]:
    """Whether Evidently's preset, with nothing set, calls the dataset drifted (half of the columns), and whether any column."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    ran = Report([DataDriftPreset()]).run(frame(batch), frame(reference))
    value = next(one["value"] for one in ran.dict()["metrics"] if isinstance(one["value"], dict) and "share" in one["value"])
    return value["share"] >= 0.5, value["count"] > 0


def frame(customers: Customers) -> pd.DataFrame:
    layout, rows = CONTRACT.layout, customers.rows
    numbers = {column.name: rows.numbers[place] for place, column in enumerate(layout.number_columns)}
    levels = {column.name: np.array(column.levels)[rows.codes[place]] for place, column in enumerate(layout.category_columns)}
    return pd.DataFrame(numbers | levels)


def report(batches: int, seed: int) -> bool:
    """Print the table; whether ours stays at 1 % or below, as far as so many batches can say."""
    print("| rows | batches | dataset_drift FAIL | any verdict not PASS | prediction drift | naive rule | Evidently dataset | any column |")
    print("|---|---|---|---|---|---|---|---|")
    pool, holds = simulated(POOL_ROWS, seed), True
    for size in SIZES:
        found = count_alarms(size, batches, pool, seed, min(EVIDENTLY_BATCHES, batches))
        cells = [shown(count, found.batches) for count in (found.fail, found.any_verdict, found.prediction, found.naive)]
        cells += [shown(count, found.evidently_seen) for count in (found.evidently_dataset, found.evidently_any)]
        print(f"| {size:,} | {found.batches:,} | {' | '.join(cells)} |", flush=True)
        holds &= wilson(found.fail, found.batches).low <= 0.01 and found.fail <= max(0.01 * found.batches, 1)
    return holds


def shown(count: int, of: int) -> str:
    interval = wilson(count, of)
    return f"{count} ({interval.low:.1%} to {interval.high:.1%})"
