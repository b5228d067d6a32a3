"""All models of a contest in one picture: PR-AUC and log-loss on the holdout with intervals, and out of fold beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tidegate.training.evaluation.pictures import BLUE, GREEN, GREY, ORANGE, name_axes, new_figure, plain, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tidegate.training.evaluation.comparison import Entry

LOOKS = {"baseline": (BLUE, "o"), "tuned": (ORANGE, "s"), "ensemble": (GREEN, "D")}


def draw_comparison(path: Path, ordered: Sequence[Entry]) -> None:
    """One line a model, in the order given from top to bottom; the chosen one in bold."""
    figure = new_figure("Models, best first by the composite score out of fold", 12, 2.0 + 0.36 * len(ordered))
    precision_recall, loss = figure.subplots(1, 2, sharey=True)
    _draw_measure(precision_recall, ordered, "pr_auc")
    _draw_measure(loss, ordered, "log_loss")
    name_axes(precision_recall, "PR-AUC: more is better", "Average precision", "Model")
    name_axes(loss, "Log-loss: less is better", "Mean negative log-likelihood (nats a customer)", "")
    precision_recall.set(ylim=(len(ordered) - 0.5, -0.5))
    names = [plain(entry.name + (" (chosen)" if entry.chosen else "")) for entry in ordered]
    precision_recall.set_yticks(range(len(ordered)), names)
    for tick, entry in zip(precision_recall.get_yticklabels(), ordered, strict=True):
        tick.set_fontweight("bold" if entry.chosen else "normal")
    handles, labels = precision_recall.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    save(figure, path)


def _draw_measure(axes: Axes, ordered: Sequence[Entry], key: str) -> None:
    for kind, (color, marker) in LOOKS.items():
        places = [place for place, entry in enumerate(ordered) if entry.kind == kind]
        if places:
            error = np.array([_reach(ordered[place], key) for place in places]).T
            value = [ordered[place].holdout[key] for place in places]
            said = f"{kind}: holdout, 95 % interval"
            axes.errorbar(value, places, xerr=error, color=color, marker=marker, linestyle="none", capsize=3, label=said)
    out_of_fold = [entry.out_of_fold[key] for entry in ordered]
    axes.plot(out_of_fold, range(len(ordered)), color=GREY, marker="|", markersize=13, mew=2, linestyle="none", label="out of fold")


def _reach(entry: Entry, key: str) -> tuple[float, float]:
    """How far the interval reaches below and above the value; nowhere without one."""
    interval = entry.holdout_intervals.get(key)
    return (max(entry.holdout[key] - interval.low, 0.0), max(interval.high - entry.holdout[key], 0.0)) if interval else (0.0, 0.0)
