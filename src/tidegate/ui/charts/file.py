"""Pictures of a scored file: how its probabilities are spread, and what the threshold makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from tidegate.ui.charts.palette import LOWERS, MARGINS, NEUTRAL, ORANGE, RAISES

# From low to high risk: a colour and a hatching each.
_LOOKS = ((LOWERS, ""), (ORANGE, "/"), (RAISES, "x"))


@dataclass(frozen=True)
class Part:
    """A risk segment: its name, the edges of its bins (n + 1, rising), and how many customers are in each (n)."""

    name: str
    edges: Sequence[float]
    counts: Sequence[int]


def distribution(parts: Sequence[Part], threshold: float, names: tuple[str, str, str]) -> Any:
    """Customers by probability, from low to high risk. `names`: of the two axes and of the threshold.

    The scale is logarithmic: most customers are far from leaving, and the few that are not are what is looked for.
    """
    figure = go.Figure([_bars(part, *look) for part, look in zip(parts, _LOOKS, strict=True)])
    figure.add_vline(x=threshold, line_dash="dash", line_color=NEUTRAL, annotation_text=names[2], annotation_position="top")
    figure.update_layout(
        barmode="overlay",
        height=330,
        margin={**MARGINS, "t": 30},
        xaxis_title=names[0],
        yaxis_title=names[1],
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.08, "x": 0},
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    highest = max(1, *(count for part in parts for count in part.counts))
    figure.update_yaxes(type="log", dtick=1, tickformat="~s", range=[-0.3, math.log10(highest) + 0.1])
    return figure


def _bars(part: Part, colour: str, hatching: str) -> Any:
    bins = list(pairwise(part.edges))
    return go.Bar(
        x=[(left + right) / 2 for left, right in bins],
        y=list(part.counts),
        width=[right - left for left, right in bins],
        name=part.name,
        marker={
            "color": colour,
            "pattern": {"shape": hatching, "fillmode": "overlay", "fgcolor": "rgba(255,255,255,0.7)", "size": 5},
            "line": {"width": 0},
        },
        hovertemplate="%{x:.1%} · %{y:,}<extra>" + part.name + "</extra>",
    )
