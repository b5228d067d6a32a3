"""The picture of one model: ROC, precision-recall, calibration, gain, lift and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import Floats
from tidegate.measures.curves import CalibrationBin, Gain, ThresholdCurve
from tidegate.training.evaluation.pictures import BLUE, GREY, ORANGE, name_axes, new_figure, save, unit_square

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Shown:
    """Everything the picture shows. `confusion`: int64 (2, 2), rows stayed and left, columns predicted to stay and to leave."""

    curve: ThresholdCurve
    gain: Gain
    calibration: tuple[CalibrationBin, ...]
    confusion: NDArray[np.int64]
    threshold: float

    @property
    def base_rate(self) -> float:
        """Share of customers who left."""
        return float(self.confusion[1].sum() / self.confusion.sum())

    @property
    def decided(self) -> tuple[float, float, float, float]:
        """False-positive rate, recall, precision and share contacted at the threshold; NaN over nothing."""
        (kept, false_alarms), (missed, found) = self.confusion.tolist()
        flagged = false_alarms + found
        return (
            _ratio(false_alarms, kept + false_alarms),
            _ratio(found, missed + found),
            _ratio(found, flagged),
            _ratio(flagged, int(self.confusion.sum())),
        )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def draw_evaluation(path: Path, name: str, shown: Shown) -> None:
    """Draw the six panels."""
    count, left = int(shown.confusion.sum()), int(shown.confusion[1].sum())
    figure = new_figure(f"{name.replace('_', ' ')}: {count:,} customers held out, {left:,} of them left", 14, 8.6)
    (roc, precision_recall, calibration), (gain, lift, decisions) = figure.subplots(2, 3)
    _draw_roc(roc, shown)
    _draw_precision_recall(precision_recall, shown)
    _draw_calibration(calibration, shown.calibration)
    _draw_gain(gain, shown)
    _draw_lift(lift, shown)
    _draw_confusion(decisions, shown.confusion, shown.threshold)
    save(figure, path)


def _mark(axes: Axes, x: float, y: float) -> None:
    axes.plot([x], [y], color=ORANGE, marker="o", markersize=7, linestyle="none", label="operating threshold")


def _draw_roc(axes: Axes, shown: Shown) -> None:
    curve = shown.curve
    false_positive_rate, recall, _, _ = shown.decided
    axes.plot(np.append(0, curve.false_positive_rate), np.append(0, curve.recall), color=BLUE)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="chance")
    _mark(axes, false_positive_rate, recall)
    name_axes(axes, "ROC curve", "False-positive rate (share of those who stayed)", "Recall (share of those who left)")
    unit_square(axes)
    axes.legend(loc="lower right")


def _draw_precision_recall(axes: Axes, shown: Shown) -> None:
    _, recall, precision, _ = shown.decided
    axes.plot(shown.curve.recall, shown.curve.precision, color=BLUE)
    axes.axhline(shown.base_rate, color=GREY, linestyle="--", linewidth=1, label=f"chance: base rate {shown.base_rate:.1%}")
    _mark(axes, recall, precision)
    name_axes(axes, "Precision and recall", "Recall (share of those who left)", "Precision (share of those flagged)")
    unit_square(axes)
    axes.legend(loc="lower left")


def _draw_calibration(axes: Axes, table: tuple[CalibrationBin, ...]) -> None:
    said = np.array([group.said for group in table])
    happened = np.array([group.happened.value for group in table])
    below = happened - [group.happened.low for group in table]
    above = np.array([group.happened.high for group in table]) - happened
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
    axes.errorbar(
        said, happened, yerr=np.array([below, above]), color=BLUE, marker="o", markersize=5, capsize=3, linewidth=1, label="95 % interval"
    )
    title = f"Calibration ({len(table)} groups by probability)"
    name_axes(axes, title, "Mean probability of the group", "Share of the group that left")
    unit_square(axes)
    axes.legend(loc="upper left")


def _draw_gain(axes: Axes, shown: Shown) -> None:
    _, recall, _, share_contacted = shown.decided
    perfect: Floats = np.array([0.0, shown.base_rate, 1.0])
    axes.plot(np.append(0, shown.gain.share_contacted), np.append(0, shown.gain.share_found), color=BLUE)
    axes.plot(perfect, [0, 1, 1], color=GREY, linestyle=":", linewidth=1.5, label="perfect model")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="at random")
    _mark(axes, share_contacted, recall)
    name_axes(axes, "Gain", "Share of customers contacted, highest first", "Share of leavers found")
    unit_square(axes)
    axes.legend(loc="lower right")


def _draw_lift(axes: Axes, shown: Shown) -> None:
    _, recall, _, share_contacted = shown.decided
    axes.plot(shown.gain.share_contacted, shown.gain.lift, color=BLUE)
    axes.axhline(1, color=GREY, linestyle="--", linewidth=1, label="at random")
    _mark(axes, share_contacted, recall / share_contacted if share_contacted else float("nan"))
    name_axes(axes, "Lift", "Share of customers contacted, highest first", "Leavers found, times those at random")
    axes.set(xlim=(-0.02, 1.02), ylim=(0, None))
    axes.legend(loc="upper right")


def _draw_confusion(axes: Axes, confusion: NDArray[np.int64], threshold: float) -> None:
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(confusion):
        said = f"{count:,}\n{share[row, column]:.1%}"
        axes.text(column, row, said, ha="center", va="center", fontsize=12, color="white" if share[row, column] > 0.5 else "black")
    axes.set(title=f"Decisions at {threshold:.3f} or more (share of the row)", xticks=[0, 1], yticks=[0, 1])
    axes.set_xticklabels(["predicted to stay", "predicted to leave"])
    axes.set_yticklabels(["stayed", "left"], rotation=90, va="center")
