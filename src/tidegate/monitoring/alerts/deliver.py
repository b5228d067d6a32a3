"""Alerts on their way to people. The only module that imports apprise.

At least once: a message is recorded as delivered after the channel has taken it, so that a crash in between sends it again and never loses
it. What a channel does not take stays owed, and is tried again at the next call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec

from tidegate.errors import MissingDependency
from tidegate.ledger.connections import reading
from tidegate.ledger.events import append_event
from tidegate.ledger.store import Ledger
from tidegate.monitoring.alerts.channels import Channel
from tidegate.monitoring.alerts.conditions import CRITICAL
from tidegate.monitoring.alerts.state import DELIVERED, RAISED, REMINDED, RESOLVED, UNDELIVERED, WHO, Message, attempted, waiting

_WORDS = {RAISED: "", REMINDED: "Still open: ", RESOLVED: "Resolved: "}
Send = Callable[[Channel, str, str, str], bool]


@dataclass(frozen=True)
class Delivery:
    """How many messages arrived, how many are still owed, and the channels that took none."""

    delivered: int
    waiting: int
    failing: tuple[str, ...]


def deliver_alerts(ledger: Ledger, channels: Sequence[Channel], now: datetime, send: Send | None = None) -> Delivery:
    """Send what is owed, oldest first; a channel that does not take a message is left alone until the next call.

    The caller sees to it that nobody else delivers at the same time. Raises LedgerUnavailable.
    """
    sending, by_name = send or send_by_apprise, {channel.name: channel for channel in channels}
    with reading(ledger.engine) as connection:
        owed, recorded = waiting(connection, by_name), attempted(connection)
    delivered, failing = 0, dict[str, None]()
    for message, name in owed:
        evidence = {"message": message.number, "channel": name, "key": message.alert.key}
        if name not in failing and sending(by_name[name], *_text(message)):
            append_event(ledger, WHO, DELIVERED, evidence, now)
            delivered += 1
            continue
        failing[name] = None
        if (message.number, name) not in recorded:
            append_event(ledger, WHO, UNDELIVERED, evidence, now)
    return Delivery(delivered, len(owed) - delivered, tuple(failing))


def tried(channels: Sequence[Channel], now: datetime, send: Send | None = None) -> dict[str, bool]:
    """Send a test to every channel: its name, and whether it arrived. Raises MissingDependency where there is nothing to send with."""
    sending = send or send_by_apprise
    if send is None and find_spec("apprise") is None:
        raise MissingDependency("The library apprise, which sends alerts, is not installed.", "Run `pip install 'tidegate[monitor]'`.")
    body = f"This is a test of {now.isoformat(timespec='seconds')}. Nothing is wrong."
    return {channel.name: sending(channel, "[Tidegate] Test", body, "info") for channel in channels}


def send_by_apprise(channel: Channel, title: str, body: str, kind: str) -> bool:
    """Whether the channel took the message. Whatever goes wrong is False: what a library says of it may quote the channel's secrets."""
    with _without_a_word():
        try:
            from apprise import Apprise, AppriseAsset, NotifyFormat

            plugin = Apprise.instantiate(channel.url, asset=AppriseAsset(app_id="Tidegate", app_desc="Tidegate"), suppress_exceptions=True)
            return plugin is not None and bool(plugin.notify(title=title, body=body, notify_type=kind, body_format=NotifyFormat.TEXT))
        except Exception:  # noqa: BLE001 - a plugin may raise anything, and a failing channel must not cost the others their message
            return False


def _text(message: Message) -> tuple[str, str, str]:
    """(title, body, Apprise's kind of message)."""
    alert = message.alert
    lines = [alert.detail]
    if alert.value is not None and alert.limit is not None:
        lines.append(f"Value {alert.value:.4g}, limit {alert.limit:.4g}.")
    lines += [f"Report: {alert.link}"] if alert.link else []
    lines += [f"What to do: {alert.runbook}"] if alert.runbook else []
    lines.append(f"{message.what} at {message.at}, {alert.kind}, {alert.severity}")
    kind = "success" if message.what == RESOLVED else "failure" if alert.severity == CRITICAL else "warning"
    return f"[Tidegate] {_WORDS[message.what]}{alert.title}", "\n".join(line for line in lines if line), kind


@contextmanager
def _without_a_word() -> Iterator[None]:
    """Neither apprise nor the libraries under it log: their lines hold URLs, and URLs hold secrets."""
    silent = [logging.getLogger(name) for name in ("apprise", "urllib3", "requests", "requests_oauthlib")]
    before = [logger.level for logger in silent]
    for logger in silent:
        logger.setLevel(logging.CRITICAL + 1)  # unlike `disabled`, it holds for the loggers below as well
    try:
        yield
    finally:
        for logger, level in zip(silent, before, strict=True):
            logger.setLevel(level)
