"""Pictures of one customer: the probability, and the way there from the average."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from tidegate.ui.charts.palette import LOWERS, MARGINS, NEUTRAL, RAISES

_SHARES = (0.00001, 0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999, 0.99999)


def waterfall(
    names: Sequence[str], amounts: Sequence[float], start: tuple[str, float], end: tuple[str, float], axis: str, logit: bool
) -> Any:
    """From the average customer to this one, reason by reason, top to bottom.

    Amounts add up in their own space; where that is log-odds, the axis is marked with the probabilities that people know.
    """
    begins = [start[1] + sum(amounts[:place]) for place in range(len(amounts))]
    figure = go.Figure(
        go.Bar(
            orientation="h",
            y=[f"{place}. {name}" for place, name in enumerate(names, 1)],
            x=list(amounts),
            base=begins,
            marker_color=[RAISES if amount > 0 else LOWERS for amount in amounts],
            text=[f"{'▲' if amount > 0 else '▼'} {amount:+.2f}" for amount in amounts],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    for (name, at), shift in ((start, 0), (end, -20)):
        figure.add_vline(x=at, line_dash="dot", line_color=NEUTRAL)
        top = shift == 0
        figure.add_annotation(
            x=at, y=1 if top else 0, yref="paper", yanchor="bottom" if top else "top", yshift=shift, text=name, showarrow=False
        )
    figure.update_layout(height=130 + 30 * len(names), margin={**MARGINS, "t": 28, "b": 70}, showlegend=False)
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title_text=axis, title_standoff=30, zeroline=False, **_reach([*begins, end[1]], logit))
    return figure


def _reach(values: Sequence[float], logit: bool) -> dict[str, Any]:
    """Where the axis begins and ends, with room for the amounts beside the bars, and its marks."""
    room = 0.22 * (max(values) - min(values) or 1.0)
    low, high = min(values) - room, max(values) + room
    if not logit:
        return {"range": [low, high], "tickformat": ".0%"}
    shown = [share for share in _SHARES if low <= math.log(share / (1 - share)) <= high]
    places = [math.log(share / (1 - share)) for share in shown]
    return {"range": [low, high], "tickvals": places, "ticktext": [f"{100 * share:g}%" for share in shown]}


def probability_bar(probability: float, threshold: float, threshold_name: str) -> Any:
    """One probability on a line from 0 to 1 with the threshold."""
    colour = RAISES if probability >= threshold else LOWERS
    figure = go.Figure(go.Bar(x=[probability], y=[""], orientation="h", marker_color=colour, width=0.5))
    figure.add_vline(x=threshold, line_dash="dash", line_color=NEUTRAL, annotation_text=threshold_name, annotation_position="top")
    figure.update_layout(height=110, margin={**MARGINS, "t": 30, "r": 24})
    figure.update_xaxes(range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%")
    return figure
