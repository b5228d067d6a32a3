"""How much drift is seen, and from which size on: moved numbers, changed levels, missing values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from monitored.streams import CONTRACT, REFERENCE_ROWS, Customers, drawn, judge, simulated
from tidegate.customers.rows import Rows
from tidegate.customers.simulation.scenario import Drift, LevelDrift, Scenario
from tidegate.measures.intervals import wilson
from tidegate.monitoring.drift import findings

BATCH_ROWS, POOL_ROWS, GROUPS = 3_000, 60_000, 4
DEVIATIONS = (0.1, 0.2, 0.3, 0.5, 1.0)
COLUMNS = (1, 2, 3, 4, 5, 7, 10)
# Columns that no identity binds to another, so that a drift in k of them is one in k.
FREE = (
    "Customer_Age",
    "Dependent_count",
    "Months_on_book",
    "Total_Relationship_Count",
    "Months_Inactive_12_mon",
    "Contacts_Count_12_mon",
    "Total_Trans_Amt",
    "Total_Trans_Ct",
    "Total_Amt_Chng_Q4_Q1",
    "Total_Ct_Chng_Q4_Q1",
)
GOAL = (0.3, 5)
LEVEL_SHARES = (0.30, 0.40, 0.50, 0.60)
MISSING_SHARES = (0.01, 0.02, 0.05, 0.20)


def report(batches: int, seed: int) -> bool:
    """Print the tables; whether 0.3 standard deviations in 5 columns FAIL in at least 95 % of the batches."""
    generator = np.random.default_rng(seed)
    plain = simulated(100_000, seed)
    found = {cell: outcomes(plain, moved(*cell, batches, generator), generator) for cell in grid()}
    print(f"Share of batches of {BATCH_ROWS:,} rows with dataset_drift FAIL, and any drifted column (of {batches}), by columns moved:\n")
    print("| standard deviations | " + " | ".join(str(columns) for columns in COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for size in DEVIATIONS:
        cells = [found[size, columns] for columns in COLUMNS]
        print(f"| {size} | " + " | ".join(f"{fail(cell):.0%}, {seen(cell):.0%}" for cell in cells) + " |", flush=True)
    report_levels(plain, batches, seed, generator)
    report_missing(plain, batches, generator)
    return fail(found[GOAL]) >= 0.95


def grid() -> list[tuple[float, int]]:
    return [(size, columns) for size in DEVIATIONS for columns in COLUMNS]


def moved(size: float, columns: int, batches: int, generator: np.random.Generator) -> Iterator[Customers]:
    """Batches with a drift in columns drawn by lot, some batches to each draw."""
    for group in range(min(GROUPS, batches)):
        names = generator.choice(FREE, columns, replace=False)
        scenario = Scenario(drift=tuple(Drift(str(name), size) for name in names))
        pool = simulated(POOL_ROWS, int(generator.integers(2**31)), scenario)
        for _ in range(group, batches, GROUPS):
            yield drawn(pool, (BATCH_ROWS,), generator)[0]


def outcomes(plain: Customers, batches: Iterator[Customers], generator: np.random.Generator) -> list[findings.Drift]:
    return [judge(drawn(plain, (REFERENCE_ROWS,), generator)[0], batch, number) for number, batch in enumerate(batches)]


def fail(found: list[findings.Drift]) -> float:
    return float(np.mean([one.dataset_drift == "FAIL" for one in found]))


def seen(found: list[findings.Drift]) -> float:
    return float(np.mean([bool(one.drifted) for one in found]))


def report_levels(plain: Customers, batches: int, seed: int, generator: np.random.Generator) -> None:
    """One level's share grows: income below $40K, 35 % of the undisturbed customers."""
    print("\n| share of Income_Category = Less than $40K (usually 35 %) | batches in which the column drifted |\n|---|---|")
    for share in LEVEL_SHARES:
        scenario = Scenario(drift=(LevelDrift("Income_Category", "Less than $40K", share),))
        pool = simulated(POOL_ROWS, seed + 1, scenario)
        found = outcomes(plain, (drawn(pool, (BATCH_ROWS,), generator)[0] for _ in range(batches)), generator)
        print(f"| {share:.0%} | {detected(found, 'income_category')} |", flush=True)


def report_missing(plain: Customers, batches: int, generator: np.random.Generator) -> None:
    """Values of one column go missing, where the reference has them all."""
    print("\n| missing of total_trans_amt | batches in which it drifted | data_stability |\n|---|---|---|")
    place = [column.name for column in CONTRACT.layout.number_columns].index("total_trans_amt")
    for share in MISSING_SHARES:
        pairs = [drawn(plain, (REFERENCE_ROWS, BATCH_ROWS), generator) for _ in range(batches)]
        found = [judge(old, without(new, place, share, generator), number) for number, (old, new) in enumerate(pairs)]
        verdicts = sorted({one.data_stability for one in found})
        print(f"| {share:.0%} | {detected(found, 'total_trans_amt')} | {', '.join(verdicts)} |", flush=True)


def without(batch: Customers, place: int, share: float, generator: np.random.Generator) -> Customers:
    numbers: NDArray[np.float64] = batch.rows.numbers.copy()
    numbers[place, generator.random(len(batch.rows)) < share] = np.nan
    return Customers(Rows(numbers, batch.rows.codes), batch.probability)


def detected(found: list[findings.Drift], column: str) -> str:
    count = sum(column in one.drifted for one in found)
    interval = wilson(count, len(found))
    return f"{count} of {len(found)} ({interval.low:.0%} to {interval.high:.0%})"
