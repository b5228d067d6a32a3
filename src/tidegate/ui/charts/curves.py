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
LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0}
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
    """An axis: what stands at it, how its numbers are written (d3's format), its range, and the sign behind each where they are shares.

    Shares (0 to 1) are drawn as hundredths: d3 knows one way of writing a percentage, and languages have several.
    """

    title: str
    format: str = ".0f"
    range: tuple[float, float] | None = None
    percent_sign: str = ""

    def of(self, values: Numbers) -> list[float | None]:
        """Values as they are drawn."""
        return [None if value is None else 100 * value if self.percent_sign else value for value in values]


def share(title: str, percent_sign: str) -> Axis:
    """An axis of shares, from none to all."""
    return Axis(title, ".0f", (-2.0, 102.0), percent_sign)


def curves(lines: Sequence[Line], x: Axis, y: Axis, mark: str, beside: Sequence[Line] = ()) -> Any:
    """Lines over one another, with a mark at each operating threshold; `beside`: what they are compared with (chance, say), in grey."""
    figure = go.Figure()
    for place, line in enumerate(beside):
        look = {"color": NEUTRAL, "dash": DASHES[place + 1], "width": 1}
        figure.add_scatter(x=x.of(line.x), y=y.of(line.y), name=line.name, mode="lines", line=look)
    for place, line in enumerate(lines):
        look = {"color": SERIES[place % len(SERIES)], "dash": DASHES[place % len(DASHES)]}
        figure.add_scatter(x=x.of(line.x), y=y.of(line.y), name=line.name, mode="lines", line=look)
        if None not in line.at:
            symbol = {"color": look["color"], "symbol": SYMBOLS[place % len(SYMBOLS)], "size": 11, "line": {"width": 1, "color": "white"}}
            said = f"{line.name}: {mark}"
            figure.add_scatter(x=x.of(line.at[:1]), y=y.of(line.at[1:]), name=said, mode="markers", marker=symbol, showlegend=False)
    return _laid_out(figure, x, y)


def reliability(lines: Sequence[tuple[Line, Numbers, Numbers]], x: Axis, y: Axis, perfect: str) -> Any:
    """What was said against what happened, group by group, with the ends of each interval."""
    figure = go.Figure()
    figure.add_scatter(
        x=x.of([0.0, 1.0]), y=y.of([0.0, 1.0]), name=perfect, mode="lines", line={"color": NEUTRAL, "dash": "dash", "width": 1}
    )
    for place, (line, low, high) in enumerate(lines):
        look = {"color": SERIES[place % len(SERIES)], "dash": DASHES[place % len(DASHES)], "width": 1.5}
        figure.add_scatter(
            x=x.of(line.x),
            y=y.of(line.y),
            name=line.name,
            mode="lines+markers",
            line=look,
            marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": y.of(_apart(high, line.y)),
                "arrayminus": y.of(_apart(line.y, low)),
                "width": 3,
            },
        )
    return _laid_out(figure, x, y)


def profit(lines: Sequence[Line], marks: Sequence[tuple[str, float, float, float, float]], x: Axis, y: Axis, nobody: str) -> Any:
    """Profit by share contacted; `marks`: named thresholds with share, profit and the ends of its interval."""
    figure = curves(lines, x, y, "")
    for place, (name, contacted, value, low, high) in enumerate(marks):
        figure.add_scatter(
            x=x.of([contacted]),
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
    figure.update_layout(height=HEIGHT, margin=MARGINS, legend=LEGEND, hovermode="closest")
    for update, axis in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        finer = ".1f" if axis.percent_sign else axis.format
        update(title=axis.title, tickformat=axis.format, hoverformat=finer, range=axis.range, ticksuffix=axis.percent_sign, tickangle=0)
    figure.update_xaxes(nticks=7)
    return figure
