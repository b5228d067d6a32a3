"""Which way a measure is better, whether a goal is met, and how tables begin."""

from __future__ import annotations

MEASURES = {"pr_auc": 1, "log_loss": -1, "roc_auc": 1, "brier": -1}  # 1: more is better


def verdict(value: float, goal: float, more_is_better: bool) -> str:
    """Whether a goal is met, and if not by how much it is missed."""
    short = goal - value if more_is_better else value - goal
    return "met" if short <= 0 else f"short by {short:.4g}"


def print_goals(goals: dict[str, str]) -> None:
    print()
    head("goal", "verdict")
    for goal, said in goals.items():
        print(f"| {goal} | {said} |")


def head(*columns: str) -> None:
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
