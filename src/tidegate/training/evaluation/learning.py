"""Whether more customers would help: quality out of fold and on the training rows, by how many rows were learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.training.evaluation.pictures import BLUE, ORANGE, name_axes, new_figure, save
from tidegate.training.evaluation.tables import write_table


@dataclass(frozen=True)
class LearningPoint:
    """One fit on `rows` customers. PR-AUC on the judged folds, which are the same for every point, and on the rows learned from."""

    rows: int
    out_of_fold_pr_auc: float
    training_pr_auc: float


def write_learning_curve(folder: Path, name: str, points: Sequence[LearningPoint]) -> None:
    """`learning_curve.csv` and `learning_curve.png` of the model called `name`, by rising rows. At least one point."""
    ordered = sorted(points, key=lambda point: point.rows)
    rows = [(point.rows, point.out_of_fold_pr_auc, point.training_pr_auc) for point in ordered]
    write_table(folder / "learning_curve.csv", ("rows", "out_of_fold_pr_auc", "training_pr_auc"), rows)
    figure = new_figure(f"{name.replace('_', ' ')}: what more customers would bring", 7.5, 5)
    axes = figure.subplots()
    counts, out_of_fold, training = zip(*rows, strict=True)
    axes.plot(counts, training, color=ORANGE, marker="s", linestyle="--", label="on the rows learned from")
    axes.plot(counts, out_of_fold, color=BLUE, marker="o", label="out of fold")
    name_axes(axes, "Learning curve", "Customers learned from", "PR-AUC (average precision)")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.legend(loc="best")
    save(figure, folder / "learning_curve.png")
