"""Pictures of what a model does over all thresholds. Each line has a colour and a dash of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from tidegate.ui.charts.palette import MARGINS, NEUTRAL, SERIES

DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")
HEIGHT = 350
Numbers = Sequence[float | None]


@dataclass(frozen=True)
class Line:
    """One line: its name, its points, and the point at the operating threshold where it is known."""

    name: str
    x: Numbers
    y: Numbers
    at: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True)
class Axis:
    """An axis: what stands at it, how its numbers are written (d3's format), and its range."""

    title: str
    format: str = ".0%"
    range: tuple[float, float] | None = None


UNIT = (-0.02, 1.02)


def curves(lines: Sequence[Line], x: Axis, y: Axis, mark: str, beside: Sequence[Line] = ()) -> Any:
    """Lines over one another, with a mark at each operating threshold; `beside`: what they are compared with (chance, say), in grey."""
    figure = go.Figure()
    for place, line in enumerate(beside):
        figure.add_scatter(x=line.x, y=line.y, name=line.name, mode="lines", line={"color": NEUTRAL, "dash": DASHES[place + 1], "width": 1})
    for place, line in enumerate(lines):
        look = {"color": SERIES[place % len(SERIES)], "dash": DASHES[place % len(DASHES)]}
        figure.add_scatter(x=line.x, y=line.y, name=line.name, mode="lines", line=look)
        if None not in line.at:
            symbol = {"color": look["color"], "symbol": SYMBOLS[place % len(SYMBOLS)], "size": 11, "line": {"width": 1, "color": "white"}}
            said = f"{line.name}: {mark}"
            figure.add_scatter(x=[line.at[0]], y=[line.at[1]], name=said, mode="markers", marker=symbol, showlegend=False)
    return _laid_out(figure, x, y)


def reliability(lines: Sequence[tuple[Line, Numbers, Numbers]], x: Axis, y: Axis, perfect: str) -> Any:
    """What was said against what happened, group by group, with the ends of each interval."""
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], name=perfect, mode="lines", line={"color": NEUTRAL, "dash": "dash", "width": 1})
    for place, (line, low, high) in enumerate(lines):
        look = {"color": SERIES[place % len(SERIES)], "dash": DASHES[place % len(DASHES)], "width": 1.5}
        figure.add_scatter(
            x=line.x,
            y=line.y,
            name=line.name,
            mode="lines+markers",
            line=look,
            marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8},
            error_y={"type": "data", "symmetric": False, "array": _apart(high, line.y), "arrayminus": _apart(line.y, low), "width": 3},
        )
    return _laid_out(figure, x, y)


def profit(lines: Sequence[Line], marks: Sequence[tuple[str, float, float, float, float]], x: Axis, y: Axis, nobody: str) -> Any:
    """Profit by share contacted; `marks`: named thresholds with share, profit and the ends of its interval."""
    figure = curves(lines, x, y, "")
    for place, (name, share, value, low, high) in enumerate(marks):
        figure.add_scatter(
            x=[share],
            y=[value],
            name=name,
            mode="markers",
            marker={"color": SERIES[1 + place], "symbol": SYMBOLS[1 + place], "size": 10},
            error_y={"type": "data", "symmetric": False, "array": [high - value], "arrayminus": [value - low], "width": 5},
        )
    figure.add_hline(y=0, line_dash="dot", line_color=NEUTRAL, annotation_text=nobody, annotation_position="bottom left")
    return figure


def _apart(upper: Numbers, lower: Numbers) -> list[float]:
    return [0.0 if one is None or other is None else max(one - other, 0.0) for one, other in zip(upper, lower, strict=True)]


def _laid_out(figure: Any, x: Axis, y: Axis) -> Any:
    legend = {"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0}
    figure.update_layout(height=HEIGHT, margin={**MARGINS, "t": 16}, legend=legend, hovermode="closest")
    figure.update_xaxes(title=x.title, tickformat=x.format, hoverformat=_finer(x.format), range=x.range)
    figure.update_yaxes(title=y.title, tickformat=y.format, hoverformat=_finer(y.format), range=y.range)
    return figure


def _finer(format_: str) -> str:
    return format_.replace(".0%", ".1%")
