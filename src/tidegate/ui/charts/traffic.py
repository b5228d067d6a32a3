"""Picture of what is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from tidegate.ui.charts.palette import LOWERS, MARGINS
from tidegate.ui.charts.times import time_axis


def bars(x: Sequence[str], y: Sequence[float], title: str) -> Any:
    """Columns over times."""
    figure = go.Figure(go.Bar(x=list(x), y=list(y), marker_color=LOWERS))
    figure.update_layout(height=220, margin=MARGINS, yaxis_title=title, bargap=0.15)
    figure.update_xaxes(**time_axis("UTC", x, marks=6))
    return figure
