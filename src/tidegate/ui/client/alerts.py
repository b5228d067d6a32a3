"""Alerts: what is open, what has not reached anybody, and whether the channels work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Alert:
    """What is wrong. `value` and `limit` in the unit of its kind; `link` leads to a report, `runbook` to what to do: addresses or paths."""

    kind: str
    severity: str
    title: str
    detail: str
    value: float | None
    limit: float | None
    link: str
    runbook: str


@dataclass(frozen=True)
class Opened:
    """An alert that is not resolved, with the figures that it had when it was last `told`.

    `clearing`: the last look found it below its limit for the first time.
    """

    alert: Alert
    since: str
    told: str
    clearing: bool


@dataclass(frozen=True)
class Message:
    """Something that a channel was to be told; `arrived` is None where it is still owed."""

    alert: Alert
    what: str
    at: str
    channel: str
    arrived: bool | None


@dataclass(frozen=True)
class Telling:
    """What is wrong and who has been told: open alerts, messages still owed, the newest attempts, names of the channels."""

    open: tuple[Opened, ...]
    owed: tuple[Message, ...]
    deliveries: tuple[Message, ...]
    channels: tuple[str, ...]


def telling(api: Api) -> Telling:
    """Everything about alerts now."""
    said = api.get("/alerts")
    return Telling(
        open=tuple(Opened(_alert(one), one["since"], one["told"], one["clearing"]) for one in said["open"]),
        owed=tuple(_message(one) for one in said["undelivered"]),
        deliveries=tuple(_message(one) for one in said["deliveries"]),
        channels=tuple(said["channels"]),
    )


def send_test(api: Api) -> dict[str, bool]:
    """Send a test message through every channel; whether it arrived, by the channel's name."""
    return dict(api.post("/alerts/test", {})["arrived"])


def _alert(one: Mapping[str, Any]) -> Alert:
    names = ("kind", "severity", "title", "detail", "value", "limit", "link", "runbook")
    return Alert(**{name: one[name] for name in names})


def _message(one: Mapping[str, Any]) -> Message:
    return Message(_alert(one), one["what"], one["at"], one["channel"], one.get("arrived"))
