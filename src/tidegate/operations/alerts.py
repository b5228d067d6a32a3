"""`tidegate alerts`: which alerts are open, what has still to reach whom, and whether the channels work."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tidegate.ledger.store import Ledger
from tidegate.monitoring.alerts.channels import channels_of
from tidegate.monitoring.alerts.deliver import tried
from tidegate.monitoring.alerts.state import Attempt, Message, Open, attempts, open_alerts, undelivered
from tidegate.settings import Settings

MOST_DELIVERIES = 100


@dataclass(frozen=True)
class Standing:
    """Open alerts, what is owed to which channel, the names of the channels, and the newest attempts to deliver, newest first."""

    open: tuple[Open, ...]
    owed: tuple[tuple[Message, str], ...]
    channels: tuple[str, ...]
    deliveries: tuple[Attempt, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON: `open` with since and the last telling, `undelivered` with the channel, `channels` by name, `deliveries`."""
        owed = [{"what": message.what, "at": message.at, "channel": name, **asdict(message.alert)} for message, name in self.owed]
        opened = [{**asdict(one.alert), "since": one.since, "told": one.told, "clearing": one.clearing} for one in self.open]
        sent = [
            {"what": one.message.what, "at": one.at, "channel": one.channel, "arrived": one.arrived, **asdict(one.message.alert)}
            for one in self.deliveries
        ]
        return {"open": opened, "undelivered": owed, "channels": list(self.channels), "deliveries": sent}

    def summary(self) -> str:
        """For a person."""
        lines = [f"{len(self.open)} open, {len(self.owed)} undelivered; channels: {', '.join(self.channels) or 'none'}."]
        for one in self.open:
            lines.append(f"  {one.alert.severity:<8}  {one.alert.kind:<21}  since {one.since[:16]}  {one.alert.title}")
            lines += [f"            {text}" for text in (one.alert.detail, one.alert.link, one.alert.runbook) if text]
        lines += [f"  not yet at {name}: {message.what} {message.at[:16]}  {message.alert.title}" for message, name in self.owed]
        return "\n".join(lines)


@dataclass(frozen=True)
class Tried:
    """Whether a test message arrived, by the channel's name."""

    arrived: dict[str, bool]

    @property
    def complete(self) -> bool:
        """Whether there are channels, and all of them took it."""
        return bool(self.arrived) and all(self.arrived.values())

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"arrived": self.arrived}

    def summary(self) -> str:
        """For a person."""
        if not self.arrived:
            return "No channel is configured. Set TIDEGATE_ALERT_CHANNELS or TIDEGATE_ALERT_CHANNELS_FILE; see docs/alerts.md."
        return "\n".join(f"{name}: {'arrived' if arrived else 'did not arrive'}" for name, arrived in self.arrived.items())


def standing(ledger: Ledger, settings: Settings) -> Standing:
    """What is open and owed now. Raises SettingRefused where the channels cannot be read, LedgerUnavailable."""
    names = tuple(channel.name for channel in channels_of(settings))
    return Standing(open_alerts(ledger), undelivered(ledger, names), names, attempts(ledger, MOST_DELIVERIES))


def try_channels(settings: Settings, now: datetime) -> Tried:
    """Send a test message through every channel. Raises SettingRefused where they cannot be read."""
    return Tried(tried(channels_of(settings), now))
