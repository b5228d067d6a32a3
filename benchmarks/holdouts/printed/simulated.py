"""How far both sides are from the best possible on tables whose truth is known."""

from __future__ import annotations

from holdouts.printed.goals import head
from holdouts.run import Record


def print_simulated(pairs: list[tuple[Record, Record | None]]) -> list[Record]:
    """Our distance to the true probability on the same holdout rows, the reference recipe's beside it."""
    print("\n## Simulated tables: distance to the best possible\n")
    columns = (
        "ROC-AUC ours",
        "reference",
        "best possible",
        "distance ours",
        "reference's",
        "log-loss ours",
        "truth's",
        "expected of the truth",
    )
    head("table", "split seed", "left", *columns, "algorithm", "CPU s")
    rows = []
    for one, other in pairs:
        best, mine = one["best"], one["metrics"]
        row = {"table": one["table"], "seed": one["seed"], "roc_auc": mine["roc_auc"], "log_loss": mine["log_loss"], "best": best}
        row["distance"] = best["roc_auc"] - mine["roc_auc"]
        row["reference_distance"] = None if other is None else best["roc_auc"] - other["metrics"]["roc_auc"]
        theirs = ("", "") if other is None else (f"{other['metrics']['roc_auc']:.4f}", f"{row['reference_distance']:.4f}")
        cells = (f"{mine['roc_auc']:.4f}", theirs[0], f"{best['roc_auc']:.4f}", f"{row['distance']:.4f}", theirs[1])
        losses = (f"{mine['log_loss']:.4f}", f"{best['log_loss']:.4f}", f"{best['expected_log_loss']:.4f}")
        where = f"{one['table']} | {one['seed']} | {one['base_rate']:.1%}"
        print(f"| {where} | {' | '.join((*cells, *losses))} | {one['algorithm']} | {one['command_cpu_seconds']:.0f} |")
        rows.append(row)
    return rows
