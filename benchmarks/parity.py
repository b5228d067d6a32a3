"""How far the served model is from the trained one, for every algorithm: the bound that parity reaches, and what a row costs to score.

    python benchmarks/parity.py --data TABLE.csv [--rows 200000]

Each algorithm is fitted on the table with 3 % of its values taken away, exported, and both sides score the table and `--rows` jittered
rows: values of the table and split thresholds, as they are or one float32 step aside. XGBoost is also shown with its leaves as trained.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tidegate.bundle.calibration import calibrated
from tidegate.bundle.manifest import Calibration
from tidegate.bundle.model import combine, open_members
from tidegate.customers.history import load_history
from tidegate.customers.simulation.write import write_simulated
from tidegate.customers.spec import load_spec
from tidegate.features import Matrix, compute, plan_features
from tidegate.training import boosting
from tidegate.training.candidates import CANDIDATES, Candidate
from tidegate.training.model import alone
from tidegate.training.parity import parity_rows


def table_of(data: Path | None, folder: Path) -> tuple[Matrix, np.ndarray]:
    if data is None:
        data = folder / "bank.csv"
        write_simulated(data, 10_000, 42)
    spec = load_spec("bank")
    history = load_history(data, spec, folder / "quarantine.csv", 0.2)
    matrix = compute(plan_features(spec), history.rows)
    holes = np.random.default_rng(0).random(matrix.shape) < 0.03
    return np.where(holes, np.float32(np.nan), matrix), history.label


def microseconds(call: Callable[[], object], count: int) -> float:
    began = time.process_time()
    call()
    return (time.process_time() - began) / count * 1e6


def line(candidate: Candidate, matrix: Matrix, label: np.ndarray, rows: int, name: str) -> str:
    model = alone(candidate.fit(matrix, label, 0, candidate.parameters, None), candidate.name)
    with tempfile.TemporaryDirectory() as folder:
        model.write(Path(folder), matrix.shape[1])
        members = open_members(Path(folder), model.members, matrix.shape[1])

    def served(matrix: Matrix) -> np.ndarray:
        return combine(model.members, model.combination, members(matrix))

    jittered = parity_rows(matrix, model, 1, rows)
    ours, theirs = served(jittered), model.margin(jittered)
    calibration = Calibration(slope=1.0, intercept=0.0, space=model.space)
    mine, trained = calibrated(calibration, ours), calibrated(calibration, theirs)
    decided = int(((mine >= 0.5) != (trained >= 0.5)).sum())
    parts = {size: [served(jittered[start : start + size]) for start in range(0, 1000, size)] for size in (1, 7)}
    same = all(np.array_equal(np.concatenate(part)[:1000], ours[:1000]) for part in parts.values())
    batch = microseconds(lambda: served(jittered), len(jittered))
    single = microseconds(lambda: [served(jittered[:1]) for _ in range(1000)], 1000)
    differences = f"{np.abs(ours - theirs).max():.1e} | {np.abs(mine - trained).max():.1e}"
    return f"| {name} | {differences} | {decided} | {'yes' if same else 'NO'} | {batch:.1f} | {single:.1f} |"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path)
    options.add_argument("--rows", type=int, default=200_000)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        matrix, label = table_of(chosen.data, Path(folder))
    print("| algorithm | largest difference: margin | probability | decisions that differ | 1, 7, all agree | µs a row | µs alone |")
    print("|---|---|---|---|---|---|---|")
    for candidate in CANDIDATES:
        print(line(candidate, matrix, label, chosen.rows, candidate.name))
    xgboost = next(candidate for candidate in CANDIDATES if candidate.name == "xgboost")
    on_grid, boosting._on_grid = boosting._on_grid, lambda booster: booster
    print(line(xgboost, matrix, label, chosen.rows, "xgboost, leaves as trained"))
    boosting._on_grid = on_grid


if __name__ == "__main__":
    main()
