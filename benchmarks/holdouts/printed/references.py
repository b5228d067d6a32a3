"""The reference side alone."""

from __future__ import annotations

from holdouts.printed.goals import MEASURES, head
from holdouts.run import Record


def print_references(records: list[Record]) -> None:
    """The reference side alone."""
    print("\n## The reference recipe's LightGBM\n")
    head("table", "seed", *MEASURES, "f1 at 0.5", "CPU s of the fit")
    for one in records:
        cells = " | ".join(f"{one['metrics'][name]:.4f}" for name in MEASURES)
        print(f"| {one['table']} | {one['seed']} | {cells} | {one['metrics']['f1']:.4f} | {one['fitting_cpu_seconds']:.1f} |")
