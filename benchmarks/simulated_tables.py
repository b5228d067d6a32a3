"""Three seeded tables whose true churn probabilities are known, each as CSV with its truth beside it.

    python benchmarks/simulated_tables.py FOLDER [--rows 20000] [--seed 1]

`rare`: the simulated bank at a base rate of 5 %. `nonlinear`: twelve numbers, two of them without meaning; the log odds are made of
products, thresholds, periodic terms and an exclusive or, so that a linear model sees little. `categories`: eight columns of 5 to 200
levels with Zipf frequencies, where pairs of levels matter beyond each, and four numbers. No model can beat the true probability
except by luck.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.simulation.scenario import Scenario
from tidegate.customers.simulation.write import write_simulated

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[np.generic]]

RARE_RATE = 0.05
BASE_RATES = {"nonlinear": 0.15, "categories": 0.20}
LABEL = "churned"
LEVELS = (5, 8, 12, 20, 40, 80, 120, 200)
ZIPF_POWER = 1.1
DECIMALS = 4


@dataclass(frozen=True)
class Written:
    """A table on disk: its label column, and the churn probability of each row, float64 (rows,), in file order."""

    name: str
    path: Path
    label: str
    probability: Floats


def nonlinear(rows: int, random: np.random.Generator) -> tuple[Columns, Floats]:
    """Twelve numbers and the log odds without their intercept. x11 and x12 mean nothing."""
    x = [np.round(random.normal(size=rows), DECIMALS) for _ in range(6)]
    x += [np.round(random.uniform(-3, 3, rows), DECIMALS) for _ in range(2)]
    x += [np.round(random.exponential(1.0, rows), DECIMALS), random.integers(0, 12, rows).astype(np.float64)]
    x += [np.round(random.normal(size=rows), DECIMALS), random.integers(0, 6, rows).astype(np.float64)]
    log_odds = (
        0.8 * x[0]
        + 1.5 * x[1] * x[2]
        + 2.5 * ((x[3] > 0.5) & (x[8] > 0.7))
        + 2.0 * ((x[4] > 0) ^ (x[5] > 0))
        + 1.8 * np.sin(2.0 * x[6])
        + 1.5 * np.cos(np.pi * x[9] / 3) * np.sign(x[7])
        - 1.2 * np.minimum(np.abs(x[7] - x[6]), 2.0)
        + 1.0 * np.where(x[3] > 0, x[4], -x[4])
    )
    return {f"x{place:02d}": values for place, values in enumerate(x, 1)}, log_odds


def categories(rows: int, random: np.random.Generator) -> tuple[Columns, Floats]:
    """Eight categories, four numbers, and the log odds without their intercept. How frequent a level is says nothing of its effect."""
    codes, log_odds = [], np.zeros(rows)
    for levels in LEVELS:
        frequency = (1.0 + np.arange(levels)) ** -ZIPF_POWER
        codes.append(random.choice(levels, rows, p=frequency / frequency.sum()))
        log_odds += random.normal(0, 0.7, levels)[codes[-1]]
    numbers = [np.round(random.normal(size=rows), DECIMALS) for _ in range(4)]
    for one, other, size in ((0, 3, 0.9), (1, 2, 0.9), (2, 4, 0.6)):
        log_odds += random.normal(0, size, (LEVELS[one], LEVELS[other]))[codes[one], codes[other]]
    log_odds += random.normal(0, 0.8, LEVELS[1])[codes[1]] * numbers[0] + 0.6 * numbers[1] + 0.8 * (np.abs(numbers[2]) > 1)
    named = {f"category_{levels}": np.array([f"c{level:03d}" for level in code]) for levels, code in zip(LEVELS, codes, strict=True)}
    return {**named, **{f"number_{place}": values for place, values in enumerate(numbers, 1)}}, log_odds


def with_mean(log_odds: Floats, rate: float) -> Floats:
    """Probabilities, float64 (n,), with the intercept that makes their mean `rate`: bisection."""
    low, high = -50.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if float(np.mean(1 / (1 + np.exp(-log_odds - middle)))) < rate else (low, middle)
    return np.asarray(1 / (1 + np.exp(-log_odds - low)))


def write_drawn(name: str, draw: Callable[[int, np.random.Generator], tuple[Columns, Floats]], path: Path, rows: int, seed: int) -> Written:
    """Draw columns, then labels, and write both files."""
    random = np.random.default_rng([seed, len(name)])
    columns, log_odds = draw(rows, random)
    probability = with_mean(log_odds, BASE_RATES[name])
    left = np.where(random.random(rows) < probability, "yes", "no")
    ids = [f"k{number:07d}" for number in random.permutation(rows)]
    header = ["customer_id", *columns, LABEL]
    _write(path, header, zip(ids, *(values.tolist() for values in columns.values()), left.tolist(), strict=True))
    _write(_truth_of(path), ["customer_id", "churn_probability"], zip(ids, probability.tolist(), strict=True))
    return Written(name, path, LABEL, probability)


def write_rare(path: Path, rows: int, seed: int) -> Written:
    """The simulated bank at a low base rate."""
    write_simulated(path, rows, seed, scenario=Scenario(base_rate=RARE_RATE))
    with _truth_of(path).open(newline="") as file:
        probability = np.array([float(row["churn_probability"]) for row in csv.DictReader(file)])
    return Written("rare", path, "Attrition_Flag", probability)


def write_all(folder: Path, rows: int = 20_000, seed: int = 1) -> tuple[Written, ...]:
    """All three, as `<folder>/<name>.csv` and `<name>.truth.csv`. The same arguments give the same bytes."""
    return (
        write_rare(folder / "rare.csv", rows, seed),
        write_drawn("nonlinear", nonlinear, folder / "nonlinear.csv", rows, seed),
        write_drawn("categories", categories, folder / "categories.csv", rows, seed),
    )


def _truth_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}.truth{path.suffix}")


def _write(path: Path, header: list[str], rows: zip[tuple[object, ...]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for written in write_all(chosen.folder, chosen.rows, chosen.seed):
        print(
            f"{written.path}: {len(written.probability):,} rows, label {written.label}, mean probability {written.probability.mean():.4f}"
        )


if __name__ == "__main__":
    main()
