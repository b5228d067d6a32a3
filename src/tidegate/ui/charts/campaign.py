"""Pictures of a campaign: what each further contact brings, and what became of both arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from tidegate.ui.charts.palette import LOWERS, MARGINS, NEUTRAL, RAISES

Words = tuple[str, str]
SEPARATORS = {"en": ".,", "fr": ",\u202f"}
"""Decimal sign and thousands as Plotly wants them."""
_PERCENT = {"en": "%", "fr": "\u00a0%"}
_HUNDRED = 100


def profit_curve(
    contacts: Sequence[int],
    net_value: Sequence[float],
    optimum: tuple[int, float, str],
    chosen: tuple[int, str],
    axes: Words,
    language: str,
) -> Any:
    """Net value over contacts, with the optimum (contacts, value, words) and the chosen size (contacts, words).

    `axes` name the two axes. Marks differ in form as well as in colour.
    """
    figure = go.Figure(go.Scatter(x=list(contacts), y=list(net_value), mode="lines", line={"color": LOWERS, "width": 2}, name=axes[1]))
    best, height, words = optimum
    size, chosen_words = chosen
    there = float(np.interp(size, contacts, net_value))
    figure.add_scatter(x=[best], y=[height], mode="markers", marker={"color": RAISES, "size": 11, "symbol": "star"}, name=words)
    figure.add_scatter(x=[size], y=[there], mode="markers", marker={"color": LOWERS, "size": 11, "symbol": "diamond"}, name=chosen_words)
    figure.add_vline(x=size, line_dash="dash", line_color=LOWERS, line_width=1)
    figure.add_hline(y=0, line_color=NEUTRAL, line_width=1)
    figure.update_traces(hovertemplate="%{x:,.0f}<br>%{y:,.0f}<extra></extra>")
    figure.update_layout(
        height=340,
        margin={**MARGINS, "t": 36},
        xaxis={"title": axes[0], "tickformat": ",.0f", "rangemode": "tozero"},
        yaxis={"title": axes[1], "tickformat": ",.0f", "automargin": True},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        separators=SEPARATORS[language],
    )
    return figure


def arms(names: Sequence[str], rates: Sequence[tuple[float, float, float]], texts: Sequence[str], axis: str, language: str) -> Any:
    """The churn rate of control and treated (value, low, high; shares of one), each with its 95 % interval and its text."""
    figure = go.Figure()
    marks = zip(names, rates, texts, (NEUTRAL, LOWERS), ("square", "circle"), strict=True)
    for name, rate, text, colour, symbol in marks:
        value, low, high = (_HUNDRED * share for share in rate)
        figure.add_scatter(
            x=[value],
            y=[name],
            mode="markers+text",
            text=[text],
            textposition="top center",
            cliponaxis=False,
            marker={"color": colour, "size": 14, "symbol": symbol},
            error_x={"type": "data", "array": [high - value], "arrayminus": [value - low], "color": colour, "thickness": 3, "width": 9},
            hovertemplate=f"%{{x:.1f}}{_PERCENT[language]}<extra></extra>",
        )
    figure.update_layout(
        height=230,
        margin={**MARGINS, "t": 24, "r": 24},
        showlegend=False,
        separators=SEPARATORS[language],
        xaxis={"title": axis, "ticksuffix": _PERCENT[language], "rangemode": "tozero"},
        yaxis={"automargin": True, "range": [1.6, -0.6]},
    )
    return figure
