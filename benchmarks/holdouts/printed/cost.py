"""What a training of ours costs: CPU, memory, and how good a candidate is to be had cheaply."""

from __future__ import annotations

import math

from holdouts.printed.goals import head, print_goals, verdict
from holdouts.run import SPLIT_SEED, Record

COMMAND_CPU, FITTING_CPU, MEMORY_MIB = 350, 200, 2048
CROSS_VALIDATED, CANDIDATE_CPU = 0.9735, 20


def print_cost(records: list[Record]) -> Record:
    """CPU, memory and the best cheap candidate of every run of ours on the real table. CPU and memory are judged by the worst run."""
    print("\n## Cost\n")
    head(
        "seed",
        "whole command, CPU s",
        "search + fit, CPU s",
        "peak MiB",
        f"best candidate within {CANDIDATE_CPU} CPU s",
        "PR-AUC out of fold",
        "jobs",
    )
    cheapest = []
    for one in records:
        best = best_cheap(one)
        cheapest.append(best["pr_auc"] if best else math.nan)
        named = f"{best['name']} ({best['fit_cpu_seconds']:.1f} s) | {cheapest[-1]:.4f}" if best else "not stated | "
        fitting = one["fitting_cpu_seconds"]
        said = "not stated" if fitting is None else f"{fitting:.0f}"
        print(f"| {one['seed']} | {one['command_cpu_seconds']:.0f} | {said} | {one['peak_mib']:.0f} | {named} | {one['jobs']} |")
    fittings = [one["fitting_cpu_seconds"] for one in records if one["fitting_cpu_seconds"] is not None]
    stated = [value for value in cheapest if not math.isnan(value)]
    mean = f"{sum(stated) / len(stated):.4f}" if stated else "nothing"
    goals = {
        f"whole command <= {COMMAND_CPU} CPU s": verdict(max(one["command_cpu_seconds"] for one in records), COMMAND_CPU, False),
        f"search + fit <= {FITTING_CPU} CPU s": verdict(max(fittings), FITTING_CPU, False) if fittings else "not stated",
        f"peak memory <= {MEMORY_MIB} MiB": verdict(max(one["peak_mib"] for one in records), MEMORY_MIB, False),
        f"PR-AUC out of fold >= {CROSS_VALIDATED} within {CANDIDATE_CPU} CPU s, seed {SPLIT_SEED}": next(
            (verdict(v, CROSS_VALIDATED, True) for one, v in zip(records, cheapest, strict=True) if one["seed"] == SPLIT_SEED and v == v),
            "not stated",
        ),
        f"the same, mean of {len(stated)} seeds ({mean})": verdict(sum(stated) / len(stated), CROSS_VALIDATED, True)
        if stated
        else "not stated",
    }
    print_goals(goals)
    return {"goals": goals, "runs": [{**one, "best_cheap": best_cheap(one)} for one in records]}


def best_cheap(record: Record) -> Record | None:
    """The candidate with the highest out-of-fold PR-AUC among those whose folds and final fit took at most 20 CPU seconds."""
    able = [
        one
        for one in record["candidates"]
        if one["fit_cpu_seconds"] is not None and one["pr_auc"] is not None and one["fit_cpu_seconds"] <= CANDIDATE_CPU
    ]
    return max(able, key=lambda one: one["pr_auc"], default=None)
