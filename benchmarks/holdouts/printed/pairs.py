"""Ours beside the reference, seed by seed, and how sure the mean gain is."""

from __future__ import annotations

import math

from holdouts.printed.goals import MEASURES, head, print_goals, verdict
from holdouts.run import Record

GAIN, GAIN_WINS, LOSS_WINS = 0.0030, 19 / 21, 20 / 21


def print_pairs(title: str, pairs: list[tuple[Record, Record]]) -> Record:
    """Both sides seed by seed, and the summary against the goals."""
    print(f"\n## {title}\n")
    head("seed", *(f"{name} ours / reference (ours better by)" for name in MEASURES), "ours", "CPU s ours / reference")
    gains: dict[str, list[float]] = {name: [] for name in MEASURES}
    for mine, theirs in pairs:
        if (mine["holdout_rows"], mine["training_rows"]) != (theirs["holdout_rows"], theirs["training_rows"]):
            raise SystemExit(f"seed {mine['seed']}: the two sides did not see the same split")
        cells = []
        for name, sign in MEASURES.items():
            one, other = mine["metrics"][name], theirs["metrics"][name]
            gains[name].append(sign * (one - other))
            cells.append(f"{one:.4f} / {other:.4f} ({gains[name][-1]:+.4f})")
        spent = f"{mine['command_cpu_seconds']:.0f} / {theirs['fitting_cpu_seconds']:.1f}"
        print(f"| {mine['seed']} | {' | '.join(cells)} | {mine['algorithm']} | {spent} |")
    return print_summary(gains)


def print_summary(gains: dict[str, list[float]]) -> Record:
    summary: Record = {"seeds": len(gains["pr_auc"])}
    count = summary["seeds"]
    print()
    head("ours better than the reference by", "mean", "standard error", "95 % bootstrap interval of the mean", "wins")
    for name, values in gains.items():
        mean, error, (low, high) = mean_of(values)
        wins = sum(value > 0 for value in values)
        summary[name] = {"mean_gain": mean, "standard_error": error, "interval": [low, high], "wins": wins, "gains": values}
        print(f"| {name} | {mean:+.5f} | {'' if error is None else f'{error:.5f}'} | {low:+.5f} to {high:+.5f} | {wins} of {count} |")
    needed, losses = math.ceil(GAIN_WINS * count - 1e-9), math.ceil(LOSS_WINS * count - 1e-9)
    summary["goals"] = {
        f"mean PR-AUC gain >= {GAIN:+.4f}": verdict(summary["pr_auc"]["mean_gain"], GAIN, True),
        f"PR-AUC wins >= {needed} of {count}": verdict(summary["pr_auc"]["wins"], needed, True),
        f"log-loss wins >= {losses} of {count}": verdict(summary["log_loss"]["wins"], losses, True),
    }
    print_goals(summary["goals"])
    return summary


def mean_of(values: list[float]) -> tuple[float, float | None, tuple[float, float]]:
    """Mean, its standard error (None for one value), and the 2.5 and 97.5 percentiles of the means of 10,000 draws of the seeds."""
    import numpy as np

    array = np.array(values)
    means = np.random.default_rng(0).choice(array, (10_000, len(array))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    error = float(array.std(ddof=1) / math.sqrt(len(array))) if len(array) > 1 else None
    return float(array.mean()), error, (float(low), float(high))
