"""Pictures of monitoring: how far features moved, batch by batch, and how good the champion was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go

from tidegate.ui.charts.palette import LOWERS, MARGINS, NEUTRAL, RAISES, SERIES

# One hue from light to dark: who sees no colours sees the same order.
_SCALE = ((0.0, "#eef4f9"), (0.35, "#a9cce3"), (0.7, LOWERS), (1.0, "#00304d"))
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "star")
_MOST_TIMES, _LEAST_TIMES = 5.0, 2.0
_MOST_WRITTEN = 26
_LONGEST_NAME = 24
_WHITE, _BLACK, _WHITE_FROM = "#ffffff", "#111111", 0.66
DRIFTED = "✕"


@dataclass(frozen=True)
class Mark:
    """One feature of one batch: how many times its limit it moved (None: not known), whether it drifted, what is said of it."""

    times: float | None
    drifted: bool
    written: str
    told: str


@dataclass(frozen=True)
class Spot:
    """A value with its interval on one batch; `sure`: it is to be trusted."""

    value: float
    low: float
    high: float
    sure: bool
    told: str


@dataclass(frozen=True)
class Level:
    """A line across the picture."""

    value: float
    name: str


def unmarked(name: str) -> str:
    """A name as Plotly shows it letter by letter: its texts are HTML of a kind.

    >>> unmarked("<b>june")
    '&lt;b&gt;june'
    """
    return escape(name, quote=False)


def short(name: str) -> str:
    """A name that fits under an axis: its end, by which batches differ.

    >>> short("prod_batch_of_the_month_2026-08-01")
    '…_of_the_month_2026-08-01'
    """
    return name if len(name) <= _LONGEST_NAME else f"…{name[-_LONGEST_NAME:]}"


def effect_lines(batches: Sequence[str], features: Mapping[str, Sequence[Mark]], limit: str, axis: str) -> Any:
    """A line a feature; a filled mark where it drifted, an open one where not, a gap where it is not known."""
    figure = go.Figure()
    for place, (name, marks) in enumerate(features.items()):
        colour, symbol = SERIES[place % len(SERIES)], _SYMBOLS[place % len(_SYMBOLS)]
        figure.add_scatter(
            x=list(range(len(batches))),
            y=[mark.times for mark in marks],
            name=unmarked(name),
            mode="lines+markers",
            line={"color": colour, "dash": _DASHES[place % len(_DASHES)], "width": 2},
            marker={
                "size": 10,
                "color": colour,
                "line": {"width": 2, "color": colour},
                "symbol": [symbol if mark.drifted else f"{symbol}-open" for mark in marks],
            },
            text=[mark.told for mark in marks],
            hovertemplate="%{text}<extra></extra>",
        )
    _level(figure, Level(1.0, limit), "dash")
    figure.update_layout(height=380, yaxis_title=axis, yaxis_rangemode="tozero")
    return _over(figure, batches, room=70)


def heat_map(batches: Sequence[str], features: Mapping[str, Sequence[Mark]], axis: str) -> Any:
    """A row a feature, a column a batch: how far it moved as a shade, the verdict as text."""
    rows, names = list(features.values()), [unmarked(name) for name in features]
    highest = max((mark.times for marks in rows for mark in marks if mark.times is not None), default=0.0)
    darkest = min(max(highest, _LEAST_TIMES), _MOST_TIMES)
    figure = go.Figure(
        go.Heatmap(
            x=list(range(len(batches))),
            y=names,
            z=[[mark.times for mark in marks] for marks in rows],
            customdata=[[mark.told for mark in marks] for marks in rows],
            hovertemplate="%{customdata}<extra></extra>",
            zmin=0,
            zmax=darkest,
            colorscale=_SCALE,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": axis, "side": "right"}, "thickness": 12},
        )
    )
    _write(figure, names, rows, darkest, len(batches) <= _MOST_WRITTEN)
    figure.update_layout(height=110 + 26 * len(rows), showlegend=False)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return _over(figure, batches)


def performance(
    batches: Sequence[str],
    estimated: tuple[str, Sequence[Spot | None]],
    realised: tuple[str, Sequence[Spot | None]],
    levels: Mapping[str, Level | None],
    axis: str,
) -> Any:
    """ROC-AUC with intervals; `levels` has the `holdout` and the `alarm`."""
    figure = go.Figure()
    for (name, spots), colour, symbol, shift in ((estimated, RAISES, "circle", -0.08), (realised, LOWERS, "square", 0.08)):
        there = [(place, spot) for place, spot in enumerate(spots) if spot is not None]
        if not there:
            continue
        figure.add_scatter(
            x=[place + shift for place, _ in there],
            y=[spot.value for _, spot in there],
            error_y={
                "array": [spot.high - spot.value for _, spot in there],
                "arrayminus": [spot.value - spot.low for _, spot in there],
                "thickness": 1.5,
            },
            name=name,
            mode="lines+markers" if symbol == "circle" else "markers",
            line={"color": colour, "dash": "dot", "width": 1},
            marker={"size": 10, "color": colour, "symbol": [symbol if spot.sure else f"{symbol}-open" for _, spot in there]},
            text=[spot.told for _, spot in there],
            hovertemplate="%{text}<extra></extra>",
        )
    for name, dash in (("holdout", "dot"), ("alarm", "dash")):
        level = levels.get(name)
        if level is not None:
            _level(figure, level, dash)
    figure.update_layout(height=380, yaxis_title=axis)
    return _over(figure, batches, room=170)


def _level(figure: Any, level: Level, dash: str) -> None:
    """Its name beside the picture, where no mark is."""
    figure.add_hline(y=level.value, line_dash=dash, line_color=NEUTRAL, annotation_text=level.name, annotation_position="right")


def _write(figure: Any, names: Sequence[str], rows: Sequence[Sequence[Mark]], darkest: float, whole: bool) -> None:
    """The text of each cell in a colour that its shade does not swallow; `whole`: there is room for more than the verdict."""
    cells = [(place, name, mark) for name, marks in zip(names, rows, strict=True) for place, mark in enumerate(marks)]
    figure.add_scatter(
        x=[place for place, _, _ in cells],
        y=[name for _, name, _ in cells],
        text=[mark.written if whole or mark.times is None else DRIFTED if mark.drifted else "" for _, _, mark in cells],
        mode="text",
        textfont={"color": [_ink(mark, darkest) for _, _, mark in cells], "size": 12},
        hoverinfo="skip",
    )


def _ink(mark: Mark, darkest: float) -> str:
    if mark.times is None:
        return NEUTRAL
    return _WHITE if mark.times >= _WHITE_FROM * darkest else _BLACK


def _over(figure: Any, batches: Sequence[str], room: int = 16) -> Any:
    """Batches along the axis, by name; `room` on the right, in pixels, for names of levels."""
    names = [unmarked(short(batch)) for batch in batches]
    every = max(1, -(-len(names) // _MOST_WRITTEN))
    places = list(range(0, len(names), every))
    figure.update_xaxes(
        tickvals=places,
        ticktext=[names[place] for place in places],
        tickangle=-35 if len(names) > 4 else 0,
        range=[-0.5, max(len(names), 1) - 0.5],
        automargin=True,
        ticklabeloverflow="allow",
        showgrid=False,
        zeroline=False,
    )
    figure.update_layout(margin={**MARGINS, "t": 36, "r": room}, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return figure
