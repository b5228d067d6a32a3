"""Picture of what is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from tidegate.ui.charts.palette import LOWERS, MARGINS


def bars(x: Sequence[str], y: Sequence[float], title: str) -> Any:
    """Columns over times."""
    figure = go.Figure(go.Bar(x=list(x), y=list(y), marker_color=LOWERS))
    figure.update_layout(height=220, margin=MARGINS, yaxis_title=title, xaxis_title="UTC", bargap=0.15)
    figure.update_xaxes(tickformat="%H:%M\n%Y-%m-%d")
    return figure
