"""Pictures of a scored file: how its probabilities are spread, and what the threshold makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from tidegate.ui.charts.palette import LOWERS, MARGINS, ORANGE, RAISES

# From low to high risk: a colour and a hatching each.
_LOOKS = ((LOWERS, ""), (ORANGE, "/"), (RAISES, "x"))


@dataclass(frozen=True)
class Part:
    """A risk segment: its name, and how many customers of it are in each bin."""

    name: str
    counts: Sequence[int]


def distribution(edges: Sequence[float], parts: Sequence[Part], threshold: float, names: tuple[str, str, str]) -> Any:
    """Customers by probability, segments stacked from low to high risk. `names`: of the two axes and of the threshold.

    The scale is logarithmic: most customers are far from leaving, and the few that are not are what is looked for.
    """
    middles = [(left + right) / 2 for left, right in pairwise(edges)]
    width = edges[1] - edges[0]
    figure = go.Figure(
        [
            go.Bar(
                x=middles,
                y=list(part.counts),
                width=width,
                name=part.name,
                marker={
                    "color": colour,
                    "pattern": {"shape": shape, "fillmode": "overlay", "fgcolor": "rgba(255,255,255,0.7)", "size": 5},
                    "line": {"width": 0},
                },
                hovertemplate="%{x:.0%} · %{y:,}<extra>" + part.name + "</extra>",
            )
            for part, (colour, shape) in zip(parts, _LOOKS, strict=True)
        ]
    )
    figure.add_vline(x=threshold, line_dash="dash", annotation_text=names[2], annotation_position="top")
    figure.update_layout(
        barmode="stack", height=330, margin={**MARGINS, "t": 30}, xaxis_title=names[0], yaxis_title=names[1],
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.08, "x": 0},
    )  # fmt: skip
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(type="log", dtick=1, range=[-0.3, math.log10(_most(parts)) + 0.1])
    return figure


def _most(parts: Sequence[Part]) -> int:
    """The highest bar, at least 1."""
    return max([1, *(sum(bin_) for bin_ in zip(*(part.counts for part in parts), strict=True))])
