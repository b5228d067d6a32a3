"""What a candidate's run shows: curves and confusion as pictures and tables."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#777777"  # distinguishable with any colour vision (Okabe & Ito)
CURVE_POINTS = 400
CALIBRATION_BINS = 10

Labels = NDArray[np.int8]
Floats = NDArray[np.float64]


def write_evaluation(folder: Path, name: str, label: Labels, probability: Floats, threshold: float) -> None:
    """`curves.csv`, `confusion_matrix.csv` and `evaluation.png` of one model on one set of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    curve = _curve(label, probability)
    with (folder / "curves.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("threshold", "false_positive_rate", "recall", "precision"))
        writer.writerows(curve.T.tolist())
    confusion = _confusion(label, probability, threshold)
    with (folder / "confusion_matrix.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("", "predicted to stay", "predicted to leave"))
        writer.writerows(((said, *counts) for said, counts in zip(("stayed", "left"), confusion.tolist(), strict=True)))
    _draw(folder / "evaluation.png", name, curve, confusion, label, probability, threshold)


def _curve(label: Labels, probability: Floats) -> Floats:
    """(4, points): threshold, false-positive rate, recall, precision, thinned."""
    ranking = rank(label, probability)
    positives = np.cumsum(ranking.label)[ranking.run_ends]
    negatives = np.cumsum(1 - ranking.label)[ranking.run_ends]
    thresholds = probability[ranking.order][ranking.run_ends]
    points = np.unique(np.linspace(0, len(thresholds) - 1, CURVE_POINTS).astype(int))
    columns = (thresholds, negatives / max(negatives[-1], 1), positives / max(positives[-1], 1), positives / (positives + negatives))
    return np.array([column[points] for column in columns])


def _confusion(label: Labels, probability: Floats, threshold: float) -> NDArray[np.int64]:
    flagged = probability >= threshold
    return np.array([[int(((label == side) & (flagged == said)).sum()) for said in (False, True)] for side in (0, 1)])


def _draw(path: Path, name: str, curve: Floats, confusion: NDArray[np.int64], label: Labels, probability: Floats, threshold: float) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), layout="constrained")
    (roc, precision_recall), (calibration, matrix) = figure.subplots(2, 2)
    figure.suptitle(f"{name}: {len(label):,} customers held out, {int(label.sum()):,} of them left")
    roc.plot(np.append(0, curve[1]), np.append(0, curve[2]), color=BLUE)
    roc.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    _label(roc, "ROC curve", "False-positive rate", "Recall")
    precision_recall.plot(curve[2], curve[3], color=BLUE)
    precision_recall.axhline(float(label.mean()), color=GREY, linestyle="--", linewidth=1)
    _label(precision_recall, "Precision and recall (dashed: base rate)", "Recall", "Precision")
    _draw_calibration(calibration, label, probability)
    _draw_confusion(matrix, confusion, threshold)
    figure.savefig(path, dpi=110)


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set(title=title, xlabel=x, ylabel=y, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.grid(alpha=0.25)


def _draw_calibration(axes: Axes, label: Labels, probability: Floats) -> None:
    bins = np.clip((probability * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
    used = [group for group in range(CALIBRATION_BINS) if (bins == group).any()]
    said = [float(probability[bins == group].mean()) for group in used]
    happened = [float(label[bins == group].mean()) for group in used]
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    axes.plot(said, happened, color=ORANGE, marker="o")
    _label(axes, "Calibration", "Probability said", "Share that left")


def _draw_confusion(axes: Axes, confusion: NDArray[np.int64], threshold: float) -> None:
    axes.imshow(confusion / confusion.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(confusion):
        share = count / confusion[row].sum()
        axes.text(column, row, f"{count:,}\n{share:.1%}", ha="center", va="center", color="white" if share > 0.5 else "black")
    axes.set(title=f"Decisions at the threshold {threshold:.3f}", xticks=[0, 1], yticks=[0, 1])
    axes.set_xticklabels(["predicted to stay", "predicted to leave"])
    axes.set_yticklabels(["stayed", "left"])
