"""The segments of one model as tables and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tidegate.measures.intervals import Interval
from tidegate.training.evaluation.pictures import BLUE, GREY, ORANGE, name_axes, new_figure, plain, save
from tidegate.training.evaluation.segments import SegmentGroup, SegmentTable
from tidegate.training.evaluation.tables import Cell, write_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_DRAWN = 40
LONGEST_NAME = 32
HEADER = (
    "column",
    "group",
    "customers",
    "left",
    "base_rate",
    "mean_probability",
    "selection_rate",
    "recall",
    "recall_low",
    "recall_high",
    "false_positive_rate",
    "false_positive_rate_low",
    "false_positive_rate_high",
    "precision",
    "roc_auc",
    "note",
)


def write_segments(folder: Path, name: str, table: SegmentTable, threshold: float) -> None:
    """`segments.csv`, `segment_differences.csv` and, where there is a group to show, `segments.png` of the model called `name`."""
    write_table(folder / "segments.csv", HEADER, [_cells(group) for group in (table.everyone, *table.groups)])
    header = ("column", "groups_compared", "demographic_parity_difference", "equalised_odds_difference", "note")
    rows: list[tuple[Cell, ...]] = [
        (one.column, one.groups_compared, one.demographic_parity_difference, one.equalised_odds_difference, one.note)
        for one in table.differences
    ]
    rows += [(one.column, 0, None, None, f"skipped: {one.reason}") for one in table.skipped]
    write_table(folder / "segment_differences.csv", header, rows)
    if table.groups:
        _draw(folder / "segments.png", name, table, threshold)


def _cells(group: SegmentGroup) -> tuple[Cell, ...]:
    return (
        group.column,
        group.group,
        group.customers,
        group.left,
        group.base_rate,
        group.mean_probability,
        group.selection_rate,
        *_ends(group.recall),
        *_ends(group.false_positive_rate),
        group.precision,
        group.roc_auc,
        group.note,
    )


def _ends(rate: Interval | None) -> tuple[Cell, Cell, Cell]:
    return (rate.value, rate.low, rate.high) if rate else (None, None, None)


@dataclass(frozen=True)
class _Line:
    """One line of the picture: a group, or the heading of its column where `group` is None."""

    text: str
    group: SegmentGroup | None


def _lines(groups: tuple[SegmentGroup, ...]) -> list[_Line]:
    """Headings and groups from top to bottom; of very many groups the largest only."""
    fewest = sorted((group.customers for group in groups), reverse=True)[:MOST_DRAWN][-1]
    lines: list[_Line] = []
    for group in [group for group in groups if group.customers >= fewest][:MOST_DRAWN]:
        if not lines or lines[-1].group is None or lines[-1].group.column != group.column:
            lines.append(_Line(group.column.replace("_", " "), None))
        short = group.group if len(group.group) <= LONGEST_NAME else group.group[: LONGEST_NAME - 1] + "…"
        lines.append(_Line(f"{short}  ({group.customers:,}; {group.left:,} left)", group))
    return lines


def _draw(path: Path, name: str, table: SegmentTable, threshold: float) -> None:
    lines = _lines(table.groups)
    drawn = sum(line.group is not None for line in lines)
    largest = f", the {drawn} largest of {len(table.groups)} groups" if drawn < len(table.groups) else ""
    title = f"{name.replace('_', ' ')}: groups of customers at the threshold {threshold:.3f}{largest}"
    figure = new_figure(title, 12, 2.0 + 0.3 * len(lines))
    recall, false_alarms = figure.subplots(1, 2, sharey=True)
    _draw_rates(recall, lines, [line.group.recall if line.group else None for line in lines], table.everyone.recall)
    name_axes(recall, "Recall", "Share of those who left that is flagged", "Group (customers; of them left)")
    rates = [line.group.false_positive_rate if line.group else None for line in lines]
    _draw_rates(false_alarms, lines, rates, table.everyone.false_positive_rate)
    name_axes(false_alarms, "False-positive rate", "Share of those who stayed that is flagged", "")
    recall.set(ylim=(len(lines) - 0.5, -0.5))
    recall.set_yticks(range(len(lines)), [plain(line.text) for line in lines])
    for tick, line in zip(recall.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if line.group is None else "normal")
    recall.set_xlim(-0.02, 1.02)
    handles, names = recall.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    save(figure, path)


def _draw_rates(axes: Axes, lines: list[_Line], rates: list[Interval | None], everyone: Interval | None) -> None:
    judged = [line.group is not None and not line.group.note for line in lines]
    kinds = (("group with 95 % interval", BLUE, "o", BLUE, True), ("too few customers to judge", GREY, "s", "white", False))
    for text, color, marker, face, wanted in kinds:
        points = [(place, rate) for place, (rate, large) in enumerate(zip(rates, judged, strict=True)) if rate and large == wanted]
        if points:
            value = np.array([rate.value for _, rate in points])
            error = np.array([[rate.value - rate.low for _, rate in points], [rate.high - rate.value for _, rate in points]])
            places = [place for place, _ in points]
            axes.errorbar(value, places, xerr=error, color=color, marker=marker, mfc=face, linestyle="none", capsize=3, label=text)
    if everyone:
        axes.axvline(everyone.value, color=ORANGE, linestyle="--", linewidth=1.2, label="everyone")
    axes.set_xlim(left=-0.02 * axes.get_xlim()[1])
