"""One holdout under several model seeds: what the seed of the model alone moves."""

from __future__ import annotations

from holdouts.printed.goals import MEASURES, head, verdict
from holdouts.run import SPLIT_SEED, Record

FLOORS = {"roc_auc": 0.9935, "pr_auc": 0.971, "brier": 0.0205, "log_loss": 0.0725}
EDGES = {"roc_auc": 0.994, "pr_auc": 0.973, "brier": 0.0200, "log_loss": 0.0705}


def print_model_seeds(records: list[Record]) -> Record:
    """The holdout of seed 42 under several model seeds, against floor and edge."""
    print(f"\n## Holdout of seed {SPLIT_SEED}, by model seed\n")
    head("model seed", *FLOORS, "algorithm")
    for one in records:
        cells = " | ".join(f"{one['metrics'][name]:.4f}" for name in FLOORS)
        print(f"| {one['model_seed']} | {cells} | {one['algorithm']} |")
    means = {name: sum(one["metrics"][name] for one in records) / len(records) for name in FLOORS}
    print(f"| mean | {' | '.join(f'{value:.4f}' for value in means.values())} | |")
    print()
    head("measure", "mean", "floor", "every seed against the floor", "edge", "mean against the edge")
    judged = {}
    for name, sign in ((name, MEASURES[name]) for name in FLOORS):
        worst = (min if sign > 0 else max)(one["metrics"][name] for one in records)
        judged[name] = {
            "mean": means[name],
            "floor": verdict(worst, FLOORS[name], sign > 0),
            "edge": verdict(means[name], EDGES[name], sign > 0),
        }
        print(f"| {name} | {means[name]:.4f} | {FLOORS[name]} | {judged[name]['floor']} | {EDGES[name]} | {judged[name]['edge']} |")
    return {"runs": records, "measures": judged}
