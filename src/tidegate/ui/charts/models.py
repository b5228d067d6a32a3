"""Pictures of versions: measures with their intervals, what moves a model, who was champion when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from tidegate.ui.charts.curves import LEGEND, SYMBOLS, Axis
from tidegate.ui.charts.palette import GREEN, LOWERS, MARGINS, SERIES
from tidegate.ui.charts.times import time_axis

_ROW = 34


@dataclass(frozen=True)
class Dot:
    """A value with its interval, on the line of `row`; without ends where nobody knows them. `sure`: False where there are too few."""

    row: str
    value: float
    low: float | None = None
    high: float | None = None
    sure: bool = True


def whiskers(series: Sequence[tuple[str, Sequence[Dot]]], axis: Axis) -> Any:
    """Dots with intervals, a line a row from top to bottom, one colour and sign a series."""
    figure, rows = go.Figure(), list(dict.fromkeys(dot.row for _, dots in series for dot in dots))
    said = f"%{{customdata}}: %{{x:{'.1f' if axis.percent_sign else '.3f'}}}{axis.percent_sign}<extra>%{{fullData.name}}</extra>"
    for place, (name, dots) in enumerate(series):
        shift = (place - (len(series) - 1) / 2) * 0.26
        symbol = SYMBOLS[place % len(SYMBOLS)]
        figure.add_scatter(
            x=axis.of([dot.value for dot in dots]),
            y=[rows.index(dot.row) + shift for dot in dots],
            name=name,
            mode="markers",
            marker={"color": SERIES[place], "size": 9, "symbol": [symbol if dot.sure else f"{symbol}-open" for dot in dots]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": axis.of(_reach(dots, True)),
                "arrayminus": axis.of(_reach(dots, False)),
                "width": 4,
            },
            customdata=[dot.row for dot in dots],
            hovertemplate=said,
        )
    figure.update_layout(height=90 + _ROW * len(rows), margin=MARGINS, legend=LEGEND)
    figure.update_xaxes(title=axis.title, tickformat=axis.format, ticksuffix=axis.percent_sign, nticks=6, tickangle=0)
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=rows, range=[len(rows) - 0.5, -0.5], automargin=True, zeroline=False)
    return figure


def strengths(names: Sequence[str], amounts: Sequence[float], said: Sequence[str], axis: str) -> Any:
    """Bars, the strongest on top, each with its number."""
    bars = go.Bar(
        x=list(amounts), y=list(names), orientation="h", marker_color=LOWERS, text=list(said), textposition="outside", cliponaxis=False
    )
    figure = go.Figure(bars)
    figure.update_layout(height=80 + 26 * len(names), margin={**MARGINS, "r": 56}, xaxis_title=axis, bargap=0.25)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def reigns(spans: Sequence[tuple[str, str, str, str]], axis: str) -> Any:
    """Who was champion when: version, from, to (ISO 8601), and what is said of it; the present one first, in green, with a star."""
    figure, rows = go.Figure(), list(dict.fromkeys(span[0] for span in spans))
    for place, (version, since, until, said) in enumerate(spans):
        look = {"color": GREEN if place == 0 else LOWERS}
        figure.add_scatter(
            x=[since, until],
            y=[version, version],
            mode="lines+markers",
            line={**look, "width": 12},
            marker={**look, "size": 12, "symbol": ["star" if place == 0 else "line-ns", "line-ns"]},
            hovertemplate=f"{said}<extra></extra>",
            showlegend=False,
        )
    figure.update_layout(height=90 + _ROW * len(rows), margin=MARGINS)
    figure.update_xaxes(**time_axis(axis, [time for span in spans for time in span[1:3]], marks=6))
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=rows[::-1], automargin=True)
    return figure


def _reach(dots: Sequence[Dot], up: bool) -> list[float]:
    """How far each interval reaches above or below its value."""
    ends = [dot.high if up else dot.low for dot in dots]
    return [0.0 if end is None else abs(end - dot.value) for end, dot in zip(ends, dots, strict=True)]
