"""Pictures of an experiment: differences with their intervals now, and how one of them came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from tidegate.ui.charts.palette import LOWERS, MARGINS, NEUTRAL, RAISES
from tidegate.ui.charts.times import time_axis

Word = Literal["better", "worse", "unclear"]
# Each word has a sign of its own, for those who do not see the colour.
_COLOURS: dict[Word, str] = {"better": LOWERS, "worse": RAISES, "unclear": NEUTRAL}
_SIGNS: dict[Word, str] = {"better": "triangle-up", "worse": "triangle-down", "unclear": "circle"}


@dataclass(frozen=True)
class Difference:
    """A difference and its interval: where on the other axis it belongs, what is told under the pointer, and what it says."""

    at: str
    value: float
    low: float
    high: float
    text: str
    word: Word


def differences(rows: Sequence[Difference], axis: str, separators: str) -> Any:
    """A dot with whiskers for each measure, top to bottom, beside a line at zero."""
    figure = go.Figure(
        go.Scatter(
            x=[row.value for row in rows],
            y=[row.at for row in rows],
            error_x=_whiskers(rows),
            mode="markers",
            **_marked(rows, 12),
        )
    )
    figure.add_vline(x=0, line_dash="dash", line_color=NEUTRAL)
    figure.update_layout(height=80 + 56 * len(rows), margin={**MARGINS, "r": 24}, showlegend=False, separators=separators)
    figure.update_xaxes(title_text=axis, zeroline=False, tickformat=".3~f")
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def over_time(rows: Sequence[Difference], axis: str, separators: str) -> Any:
    """A line through the differences with whiskers, over time, beside a line at zero."""
    figure = go.Figure(
        go.Scatter(
            x=[row.at for row in rows],
            y=[row.value for row in rows],
            error_y=_whiskers(rows),
            mode="lines+markers",
            line={"color": NEUTRAL, "width": 1, "dash": "dot"},
            **_marked(rows, 11),
        )
    )
    figure.add_hline(y=0, line_dash="dash", line_color=NEUTRAL)
    figure.update_layout(height=340, margin={**MARGINS, "t": 16}, showlegend=False, separators=separators)
    figure.update_yaxes(title_text=axis, zeroline=False, tickformat=".3~f", automargin=True)
    figure.update_xaxes(**time_axis("UTC", [row.at for row in rows], marks=7))
    return figure


def _whiskers(rows: Sequence[Difference]) -> dict[str, Any]:
    above, below = [row.high - row.value for row in rows], [row.value - row.low for row in rows]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "color": NEUTRAL, "thickness": 2, "width": 6}


def _marked(rows: Sequence[Difference], size: int) -> dict[str, Any]:
    """Colour and sign by word, and what is told under the pointer."""
    return {
        "marker": {"size": size, "color": [_COLOURS[row.word] for row in rows], "symbol": [_SIGNS[row.word] for row in rows]},
        "hovertext": [row.text for row in rows],
        "hoverinfo": "text",
    }
