"""How close the simulated bank comes to the real table: prints the comparison as markdown.

python benchmarks/simulator.py --real FOLDER        FOLDER holds bank_churners.csv
python benchmarks/simulator.py --knobs              what each knob does, measured on the simulator alone
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from tidegate.customers.simulation import bank
from tidegate.customers.simulation.scenario import ConceptDrift, Drift, LevelDrift, Scenario
from tidegate.customers.simulation.simulate import Simulated, simulate_blocks, simulate_table

Floats = NDArray[np.float64]

REAL_FILE = "bank_churners.csv"
IDENTIFIER, LABEL, CHURNED = "CLIENTNUM", "Attrition_Flag", "Attrited Customer"
KNOB_SEED = 5
MODEL = {"n_estimators": 300, "num_leaves": 15, "learning_rate": 0.05, "n_jobs": 2, "verbose": -1}


def read_real(folder: Path) -> pa.Table:
    """The real table without its trailing empty column."""
    table = pyarrow.csv.read_csv(folder / REAL_FILE)
    return table.select([name for name in table.column_names if name])


def numeric_columns(table: pa.Table) -> dict[str, Floats]:
    """Every numeric column but the id, and the label as 0/1 under its own name: float64 (rows,)."""
    columns = {
        field.name: table[field.name].to_numpy().astype(np.float64)
        for field in table.schema
        if field.name != IDENTIFIER and not pa.types.is_string(field.type)
    }
    columns[LABEL] = (table[LABEL].to_numpy() == CHURNED).astype(np.float64)
    return columns


def category_columns(table: pa.Table) -> dict[str, NDArray[np.object_]]:
    return {field.name: table[field.name].to_numpy() for field in table.schema if pa.types.is_string(field.type) and field.name != LABEL}


def kolmogorov_smirnov(one: Floats, other: Floats) -> float:
    """Largest distance between two empirical distribution functions."""
    places = np.union1d(one, other)
    below_one = np.searchsorted(np.sort(one), places, side="right") / len(one)
    below_other = np.searchsorted(np.sort(other), places, side="right") / len(other)
    return float(np.abs(below_one - below_other).max())


def total_variation(one: NDArray[np.object_], other: NDArray[np.object_]) -> float:
    """Half the sum of the differences between two distributions of levels."""
    levels = set(one) | set(other)
    return float(sum(abs(np.mean(one == level) - np.mean(other == level)) for level in levels) / 2)


def marginal_distances(real: pa.Table, simulated: pa.Table) -> dict[str, float]:
    """Per column: Kolmogorov-Smirnov distance where numeric, total variation where categorical."""
    real_numbers, numbers = numeric_columns(real), numeric_columns(simulated)
    real_categories, categories = category_columns(real), category_columns(simulated)
    distances = {name: kolmogorov_smirnov(real_numbers[name], numbers[name]) for name in real_numbers}
    return distances | {name: total_variation(real_categories[name], categories[name]) for name in real_categories}


def correlation_differences(real: pa.Table, simulated: pa.Table) -> list[tuple[float, str, str, float, float]]:
    """Every pair of numeric columns, label included, largest difference first: difference, names, real, simulated."""
    real_numbers, numbers = numeric_columns(real), numeric_columns(simulated)
    names = list(real_numbers)
    one = np.corrcoef(np.stack([real_numbers[name] for name in names]))
    other = np.corrcoef(np.stack([numbers[name] for name in names]))
    pairs = [
        (abs(one[i, j] - other[i, j]), names[i], names[j], float(one[i, j]), float(other[i, j]))
        for i in range(len(names))
        for j in range(i)
    ]
    return sorted(pairs, reverse=True)


def model_auc(table: pa.Table, seed: int) -> float:
    """ROC-AUC of LightGBM on a stratified fifth it has not seen; categories as integer codes."""
    numbers = numeric_columns(table)
    label = numbers.pop(LABEL)
    codes = [np.unique(values, return_inverse=True)[1].astype(np.float64) for values in category_columns(table).values()]
    matrix = np.stack([*numbers.values(), *codes], axis=1)
    train, test = train_test_split(np.arange(len(label)), test_size=0.2, stratify=label, random_state=seed)
    model = lightgbm.LGBMClassifier(**MODEL, random_state=seed).fit(matrix[train], label[train])
    return float(roc_auc_score(label[test], model.predict_proba(matrix[test])[:, 1]))


def mean_auc(table: pa.Table, splits: int = 3) -> float:
    return float(np.mean([model_auc(table, seed) for seed in range(splits)]))


def share_and_speed(rows: int = 1_000_000, seed: int = 1) -> tuple[float, float]:
    """Share of churners among many customers, and customers drawn per second."""
    start = time.perf_counter()
    expected = sum(float(block.churn_probability.sum()) for block in simulate_blocks(rows, seed))
    return expected / rows, rows / (time.perf_counter() - start)


def markdown(real: pa.Table, seeds: tuple[int, ...] = (1, 2, 3)) -> str:
    """The comparison: marginals and correlations on 50,000 simulated rows, models on as many rows as are real."""
    large = simulate_table(50_000, seeds[0])
    small = [simulate_table(real.num_rows, seed) for seed in seeds]
    best = [roc_auc_score(numeric_columns(one.table)[LABEL], one.churn_probability) for one in small]
    lines = ["| column | distance |", "|---|---|"]
    lines += [f"| {name} | {distance:.3f} |" for name, distance in marginal_distances(real, large.table).items()]
    lines += ["", "| pair | real | simulated | difference |", "|---|---|---|---|"]
    for difference, one, other, expected, measured in correlation_differences(real, large.table)[:8]:
        lines.append(f"| {one}, {other} | {expected:.3f} | {measured:.3f} | {difference:.3f} |")
    simulated_auc = float(np.mean([mean_auc(one.table) for one in small]))
    share, speed = share_and_speed()
    lines += ["", "| measure | real | simulated |", "|---|---|---|"]
    lines.append(
        f"| share of churners (simulated: the mean probability of 1,000,000) | {numeric_columns(real)[LABEL].mean():.4f} | {share:.4f} |"
    )
    lines.append(f"| ROC-AUC of LightGBM, {real.num_rows:,} rows | {mean_auc(real):.4f} | {simulated_auc:.4f} |")
    lines.append(f"| best possible ROC-AUC, {real.num_rows:,} rows | unknown | {np.mean(best):.4f} |")
    lines.append(f"| customers per second on one core, without writing | | {speed:,.0f} |")
    return "\n".join(lines)


def measured_shift(plain: pa.Table, column: str, size: float) -> float:
    """By how many of its standard deviations a column moved when asked to move by `size`."""
    moved = simulate_table(plain.num_rows, KNOB_SEED, Scenario(drift=(Drift(column, size),))).table
    before, after = (table[column].to_numpy().astype(np.float64) for table in (plain, moved))
    return float((after.mean() - before.mean()) / before.std())


def knobs_markdown(rows: int = 100_000) -> str:
    """Each knob asked for something, and what came out: markdown."""
    plain = simulate_table(rows, KNOB_SEED)
    lines = ["| column | -0.5 | 0.5 | 1.0 |", "|---|---|---|---|"]
    for column in bank.BOUNDS:
        shifts = [f"{measured_shift(plain.table, column, size):.3f}" for size in (-0.5, 0.5, 1.0)]
        lines += [f"| {column} | {' | '.join(shifts)} |"]
    lines += ["", "| concept drift | share of churners | best possible ROC-AUC | ROC-AUC of the old formula |", "|---|---|---|---|"]
    for strength in (0.0, 0.25, 0.5, 0.75, 1.0):
        changed = simulate_table(rows, KNOB_SEED, Scenario(concept_drift=ConceptDrift(strength)))
        best, old = (roc_auc_score(changed.churned, one.churn_probability) for one in (changed, plain))
        lines.append(f"| {strength} | {changed.churned.mean():.4f} | {best:.4f} | {old:.4f} |")
    lines += ["", "| asked for | came out |", "|---|---|"]
    for rate in (0.01, 0.05, 0.5):
        lines.append(f"| base rate {rate} | {simulate_table(rows, KNOB_SEED, Scenario(base_rate=rate)).churn_probability.mean():.4f} |")
    level = simulate_table(rows, KNOB_SEED, Scenario(drift=(LevelDrift("Income_Category", "Unknown", 0.4),))).table["Income_Category"]
    lines.append(f"| 40 % Income_Category=Unknown | {np.mean(level.to_numpy() == 'Unknown'):.4f} |")
    noisy = simulate_table(rows, KNOB_SEED, Scenario(label_noise=0.05))
    lines.append(f"| label noise 0.05 | {np.mean(noisy.table[LABEL].to_numpy() != noisy.truth[LABEL].to_numpy()):.4f} |")
    return "\n".join([*lines, "", *panel_lines()])


def panel_lines(customers: int = 20_000, months: int = 12) -> list[str]:
    """The months of an undisturbed panel: how stable it is, and what a base rate gives."""
    lines = ["| month | share who leave | mean Total_Trans_Ct | mean Months_on_book |", "|---|---|---|---|"]
    panel = simulate_table(customers, KNOB_SEED, Scenario(months=months))
    for month in (1, 4, 8, 12):
        part = slice((month - 1) * customers, month * customers)
        count, tenure = (panel.table[name].to_numpy()[part].mean() for name in ("Total_Trans_Ct", "Months_on_book"))
        lines.append(f"| {month} | {panel.churned[part].mean():.4f} | {count:.2f} | {tenure:.2f} |")
    lines += ["", "| base rate asked for, 12 months | came out | best possible ROC-AUC |", "|---|---|---|"]
    for rate in (None, 0.01, 0.02, 0.16):
        one: Simulated = panel if rate is None else simulate_table(customers, KNOB_SEED, Scenario(months=months, base_rate=rate))
        auc = roc_auc_score(one.churned, one.churn_probability)
        lines.append(f"| {rate or 'none'} | {one.churn_probability.mean():.4f} | {auc:.4f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the simulated bank with the real table, or measure its knobs.")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--real", type=Path, help=f"folder that holds {REAL_FILE}")
    asked.add_argument("--knobs", action="store_true", help="measure the knobs")
    arguments = parser.parse_args()
    print(knobs_markdown() if arguments.knobs else markdown(read_real(arguments.real)))


if __name__ == "__main__":
    main()
