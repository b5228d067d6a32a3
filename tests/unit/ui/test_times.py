"""Marks on an axis of time are told apart."""

from __future__ import annotations

import pytest

from tidegate.ui.charts.times import time_axis


@pytest.mark.parametrize(
    ("last", "hours"),
    [
        ("2026-11-30T14:56:00+00:00", True),
        ("2026-12-03T14:00:00Z", True),
        ("2026-12-04T14:49:00+00:00", False),
        ("2027-11-30T00:00:00Z", False),
    ],
)
def test_a_short_axis_has_hours_and_a_long_one_days_alone(last: str, hours: bool) -> None:
    axis = time_axis("UTC", [last, "2026-11-30T14:49:00+00:00"], marks=6)
    assert ("%H:%M" in axis["tickformat"]) == hours
    assert "%Y-%m-%d" in axis["tickformat"]


def test_one_time_is_an_axis_too() -> None:
    assert "%H:%M" in time_axis("UTC", ["2026-11-30T14:49:00+00:00"], marks=6)["tickformat"]
