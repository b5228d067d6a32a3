"""Alerts: what is open, and what has not reached anybody."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.ui.client.http import Api


@dataclass(frozen=True)
class OpenAlert:
    """An alert that is not resolved."""

    kind: str
    severity: str
    title: str
    detail: str
    since: str


@dataclass(frozen=True)
class Standing:
    """Alerts that are not resolved, and how many messages have not reached their channel."""

    open: tuple[OpenAlert, ...]
    undelivered: int


def standing(api: Api) -> Standing:
    """How alerts stand now."""
    names, said = ("kind", "severity", "title", "detail", "since"), api.get("/alerts")
    return Standing(tuple(OpenAlert(**{name: one[name] for name in names}) for one in said["open"]), len(said["undelivered"]))
