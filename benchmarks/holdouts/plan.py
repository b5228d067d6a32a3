"""Which runs there are for what was asked on the command line."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path

from holdouts.run import SPLIT_SEED, Run

TASKS = ("real", "model-seeds", "cost", "simulated")


def planned(chosen: argparse.Namespace, folder: Path) -> dict[str, list[Run]]:
    """The runs of each part, in the order in which they are done."""
    parts: dict[str, list[Run]] = {}
    if "real" in chosen.only:
        parts["real"] = list(real_runs(chosen, chosen.seeds))
        parts["extra"] = list(real_runs(chosen, chosen.holdout_seeds_extra))
    if "cost" in chosen.only:
        parts["cost"] = [run for run in real_runs(chosen, [SPLIT_SEED]) if run.side == "ours"]
    if "model-seeds" in chosen.only:
        parts["model-seeds"] = [run for seed in chosen.model_seeds for run in real_runs(chosen, [SPLIT_SEED], seed)]
    if "simulated" in chosen.only:
        parts["simulated"] = list(simulated_runs(chosen, folder))
    return {name: [run for run in runs if chosen.side in ("both", run.side)] for name, runs in parts.items()}


def real_runs(chosen: argparse.Namespace, seeds: list[int], model_seed: int | None = None) -> Iterator[Run]:
    digest = hashlib.sha256(chosen.data.read_bytes()).hexdigest()
    place = str(chosen.data.resolve())
    for seed in seeds:
        yield Run("ours", "bank", place, digest, seed, chosen.budget, model_seed, spec="bank")
        if model_seed is None:
            yield Run("reference", "bank", place, digest, seed, spec="bank")


def simulated_runs(chosen: argparse.Namespace, folder: Path) -> Iterator[Run]:
    from simulated_tables import write_all  # late: it loads numpy, which no run may find loaded (perform.py)

    for table_seed in chosen.table_seeds:
        place = folder / str(table_seed)
        place.mkdir()
        for table in write_all(place, chosen.rows, table_seed):
            digest = hashlib.sha256(table.path.read_bytes()).hexdigest()
            truth = str(table.path.with_name(f"{table.path.stem}.truth.csv"))
            name = f"{table.name} {table_seed}"
            for side, budget in (("ours", chosen.budget), ("reference", "")):
                yield Run(side, name, str(table.path), digest, SPLIT_SEED, budget, label=table.label, truth=truth)
