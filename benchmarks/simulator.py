"""How close the simulated bank comes to the real table: prints the comparison as markdown.

python benchmarks/simulator.py --real FOLDER        FOLDER holds bank_churners.csv
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

from tidegate.customers.simulate import simulate_blocks, simulate_table

Floats = NDArray[np.float64]

REAL_FILE = "bank_churners.csv"
IDENTIFIER, LABEL, CHURNED = "CLIENTNUM", "Attrition_Flag", "Attrited Customer"
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


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the simulated bank with the real table.")
    parser.add_argument("--real", type=Path, required=True, help=f"folder that holds {REAL_FILE}")
    print(markdown(read_real(parser.parse_args().real)))


if __name__ == "__main__":
    main()
