"""Pictures of one customer: the probability, and the way there from the average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from tidegate.ui.charts.palette import LOWERS, MARGINS, NEUTRAL, RAISES


def waterfall(names: Sequence[str], amounts: Sequence[float], start: tuple[str, float], end: tuple[str, float], axis: str) -> Any:
    """From the average customer to this one, reason by reason, top to bottom."""
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            y=[start[0], *names, end[0]],
            x=[start[1], *amounts, end[1]],
            measure=["absolute", *["relative"] * len(names), "total"],
            increasing={"marker": {"color": RAISES}},
            decreasing={"marker": {"color": LOWERS}},
            totals={"marker": {"color": NEUTRAL}},
            text=[f"{start[1]:.2f}", *(f"{amount:+.2f}" for amount in amounts), f"{end[1]:.2f}"],
            textposition="outside",
            cliponaxis=False,
        )
    )
    figure.update_layout(height=90 + 34 * (len(names) + 2), margin={**MARGINS, "r": 48}, xaxis_title=axis, showlegend=False)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def probability_bar(probability: float, threshold: float, threshold_name: str) -> Any:
    """One probability on a line from 0 to 1 with the threshold."""
    colour = RAISES if probability >= threshold else LOWERS
    figure = go.Figure(go.Bar(x=[probability], y=[""], orientation="h", marker_color=colour, width=0.5))
    figure.add_vline(x=threshold, line_dash="dash", annotation_text=threshold_name, annotation_position="top")
    figure.update_layout(height=110, margin={**MARGINS, "t": 30})
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    return figure
