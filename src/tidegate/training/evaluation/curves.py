"""One model on one set of rows: its curves, its calibration and its decisions as tables, and all of them as one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import Floats, Labels
from tidegate.measures.curves import CalibrationBin, Gain, ThresholdCurve, calibration_table, gain, threshold_curve
from tidegate.training.evaluation.panels import Shown, draw_evaluation
from tidegate.training.evaluation.tables import write_table

GAIN_SHARES = np.arange(1, 101) / 100


def write_evaluation(folder: Path, name: str, label: Labels, probability: Floats, threshold: float) -> None:
    """`curves.csv`, `gain.csv`, `calibration.csv`, `confusion_matrix.csv` and `evaluation.png`. `label`: int8 (n,), `probability`: (n,)."""
    shown = Shown(
        threshold_curve(label, probability),
        gain(label, probability, GAIN_SHARES),
        calibration_table(label, probability),
        confusion(label, probability, threshold),
        threshold,
    )
    _write_curves(folder / "curves.csv", shown.curve)
    _write_gain(folder / "gain.csv", shown.gain, len(label))
    _write_calibration(folder / "calibration.csv", shown.calibration)
    _write_confusion(folder / "confusion_matrix.csv", shown.confusion)
    draw_evaluation(folder / "evaluation.png", name, shown)


def confusion(label: Labels, probability: Floats, threshold: float) -> NDArray[np.int64]:
    """Counts, int64 (2, 2): rows stayed and left, columns predicted to stay and to leave.

    >>> confusion(np.array([0, 1, 1], np.int8), np.array([0.2, 0.6, 0.4]), 0.5).tolist()
    [[1, 0], [1, 1]]
    """
    cell = 2 * (label == 1).astype(np.int64) + (probability >= threshold)
    return np.bincount(cell, minlength=4).reshape(2, 2)


def _write_curves(path: Path, curve: ThresholdCurve) -> None:
    columns = np.array([curve.threshold, curve.false_positive_rate, curve.recall, curve.precision, curve.share_contacted])
    write_table(path, ("threshold", "false_positive_rate", "recall", "precision", "share_contacted"), columns.T.tolist())


def _write_gain(path: Path, found: Gain, count: int) -> None:
    columns = zip(found.share_contacted.tolist(), found.share_found.tolist(), found.lift.tolist(), strict=True)
    rows = ((share, round(share * count), share_found, lift) for share, share_found, lift in columns)
    write_table(path, ("share_contacted", "customers", "share_of_leavers_found", "lift"), rows)


def _write_calibration(path: Path, table: tuple[CalibrationBin, ...]) -> None:
    left = ("share_left", "share_left_low", "share_left_high")
    header = ("lowest_probability", "highest_probability", "customers", "mean_probability", *left)
    rows = ((one.lowest, one.highest, one.count, one.said, one.happened.value, one.happened.low, one.happened.high) for one in table)
    write_table(path, header, rows)


def _write_confusion(path: Path, counts: NDArray[np.int64]) -> None:
    rows = ((said, *row) for said, row in zip(("stayed", "left"), counts.tolist(), strict=True))
    write_table(path, ("", "predicted to stay", "predicted to leave"), rows)
