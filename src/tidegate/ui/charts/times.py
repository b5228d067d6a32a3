"""Marks on an axis of time: with hours where days alone would all be called the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

_SECONDS_OF_DAYS = 4 * 86_400


def time_axis(title: str, times: Sequence[str], marks: int) -> dict[str, Any]:
    """What an x axis over these times (ISO 8601, in any order, at least one) is given; at most about so many marks."""
    known = [datetime.fromisoformat(one) for one in times]
    hours = (max(known) - min(known)).total_seconds() < _SECONDS_OF_DAYS
    return {"title": title, "type": "date", "tickformat": "%H:%M\n%Y-%m-%d" if hours else "%Y-%m-%d", "nticks": marks}
