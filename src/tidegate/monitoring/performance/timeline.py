"""ROC-AUC over the batches, in one picture: realised, maturing (labels not in yet), estimated."""

from __future__ import annotations

import io
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.home import write_whole
from tidegate.measures.intervals import Interval
from tidegate.monitoring.performance.draws import told

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PICTURE, DATA = "performance_timeline.png", "performance_timeline.json"
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#777777"  # as in the pictures of an evaluation (Okabe & Ito 2008)
_MOST_NAMES, _LONGEST_NAME = 16, 22


@dataclass(frozen=True)
class Point:
    """ROC-AUC of one batch. `matured`: its horizon has passed. `trusted` is about the estimate. None where there is no figure."""

    batch: str
    seen_at: str
    matured: bool
    trusted: bool
    estimated: Interval | None
    realised: Interval | None

    @property
    def state(self) -> str:
        """`realised`; `maturing` where the horizon has not passed; `unlabelled` where it has and no label came."""
        return "realised" if self.realised else "unlabelled" if self.matured else "maturing"


def point(batch: str, seen_at: str, matured: bool, estimated: Mapping[str, Any] | None, realised: Mapping[str, Any] | None) -> Point:
    """A point from what `Estimated.document()` and `Realised.document()` gave, as kept in a batch's reports. Raises KeyError."""
    trusted = estimated is None or bool(estimated["trusted"])
    area = None if realised is None else _interval(realised["metrics"]["roc_auc"])
    return Point(batch, seen_at, matured, trusted, None if estimated is None else _interval(estimated["roc_auc"]), area)


def timeline(points: Sequence[Point], holdout: float) -> dict[str, Any]:
    """The figure's data for JSON, in the order of the points; `holdout`: what the champion's holdout promised."""
    return {
        "metric": "roc_auc",
        "holdout": holdout if math.isfinite(holdout) else None,
        "batches": [
            {
                "batch": one.batch,
                "seen_at": one.seen_at,
                "state": one.state,
                "estimated": None if one.estimated is None else {**told(one.estimated), "trusted": one.trusted},
                "realised": None if one.realised is None else told(one.realised),
            }
            for one in points
        ],
    }


def write_timeline(folder: Path, points: Sequence[Point], holdout: float) -> tuple[Path, Path]:
    """Write `performance_timeline.png` and `.json`, each whole or not at all; both paths. Raises OSError."""
    picture, data = folder / PICTURE, folder / DATA
    write_whole(data, json.dumps(timeline(points, holdout), indent=1, allow_nan=False).encode())
    content = io.BytesIO()
    draw(points, holdout).savefig(content, format="png", dpi=110)
    write_whole(picture, content.getvalue())
    return picture, data


def draw(points: Sequence[Point], holdout: float) -> Figure:
    """The picture, drawn without pyplot, so nothing global is left behind."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title="ROC-AUC of the champion, batch by batch", ylabel="ROC-AUC")
    axes.grid(alpha=0.25)
    if math.isfinite(holdout):
        axes.axhline(holdout, color=_GREY, linestyle=":", label="holdout")
    _draw_estimates(axes, points)
    _draw_realised(axes, points)
    for place, one in enumerate(points):
        if one.state != "realised":
            axes.axvspan(place - 0.5, place + 0.5, color=_GREY, alpha=0.12 if one.state == "maturing" else 0.3, linewidth=0)
    _label_states(axes, points)
    _name_batches(axes, points)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", fontsize="small")
    return figure


def _draw_estimates(axes: Axes, points: Sequence[Point]) -> None:
    """A line from estimate to estimate, dashed where either end is not trusted."""
    shown = [(place, one.estimated, one.trusted) for place, one in enumerate(points) if one.estimated and _finite(one.estimated)]
    if not shown:
        return
    places = [place for place, _, _ in shown]
    axes.fill_between(
        places, [area.low for _, area, _ in shown], [area.high for _, area, _ in shown], color=_ORANGE, alpha=0.15, linewidth=0
    )
    for (left, before, sure), (right, after, still) in itertools.pairwise(shown):
        axes.plot([left, right], [before.value, after.value], color=_ORANGE, linestyle="-" if sure and still else "--")
    for trusted, face, name in ((True, _ORANGE, "estimated"), (False, "white", "estimated, not to be trusted")):
        some = [(place, area.value) for place, area, known in shown if known == trusted]
        if some:
            axes.plot(*zip(*some, strict=True), linestyle="none", marker="o", color=_ORANGE, markerfacecolor=face, label=name)


def _draw_realised(axes: Axes, points: Sequence[Point]) -> None:
    shown = [(place, one.realised) for place, one in enumerate(points) if one.realised and _finite(one.realised)]
    if shown:
        values = [area.value for _, area in shown]
        # A bar may not be shorter than nothing, even where rounding says so.
        below, above = ([max(0.0, length) for length in side] for side in _arms([area for _, area in shown]))
        places = [place for place, _ in shown]
        axes.errorbar(places, values, yerr=[below, above], color=_BLUE, marker="s", capsize=3, linestyle="none", label="realised")


def _arms(areas: list[Interval]) -> tuple[list[float], list[float]]:
    return [area.value - area.low for area in areas], [area.high - area.value for area in areas]


def _label_states(axes: Axes, points: Sequence[Point]) -> None:
    states = {one.state for one in points}
    for state, name, alpha in (("maturing", "maturing: labels not in yet", 0.12), ("unlabelled", "matured, no label came", 0.3)):
        if state in states:
            axes.fill_between([], [], color=_GREY, alpha=alpha, linewidth=0, label=name)


def _name_batches(axes: Axes, points: Sequence[Point]) -> None:
    every = max(1, math.ceil(len(points) / _MOST_NAMES))
    places = list(range(0, len(points), every))
    axes.set_xticks(places, [_short(points[place].batch) for place in places], rotation=30, ha="right", fontsize="small")
    axes.set_xlim(-0.5, max(len(points), 1) - 0.5)


def _short(name: str) -> str:
    """A name that fits under an axis; `$` would start a formula."""
    return (name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…").replace("$", r"\$")


def _finite(area: Interval) -> bool:
    return all(map(math.isfinite, (area.value, area.low, area.high)))


def _interval(document: Mapping[str, Any]) -> Interval:
    return Interval(*(math.nan if document[name] is None else float(document[name]) for name in ("value", "low", "high")))
