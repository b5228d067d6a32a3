"""Which alerts are open and what has been said about them, kept as events of the audit trail.

An alert is raised once and open until it is resolved; while it is open a person is reminded at an interval. It resolves at a look that
judged its kind and found it clearly below its limit, or below it for the second time in a row, so that a value at the limit does not
page somebody at every look. All is read from the trail and written in one transaction: two processes do not raise the same alert twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tidegate.ledger.connections import reading, writing
from tidegate.ledger.events import Event, add_event, events_of_kinds, lock_events
from tidegate.ledger.store import Ledger
from tidegate.monitoring.alerts.conditions import METRIC_ALARMS, MOMENTS, Alert, Look

RAISED, REMINDED, RESOLVED = "alert raised", "alert reminded", "alert resolved"
CLEARING, BACK = "alert clearing", "alert back"
DELIVERED, UNDELIVERED = "alert delivered", "alert undelivered"
MESSAGES = (RAISED, REMINDED, RESOLVED)
WHO = "monitoring"
_FIELDS = tuple(field.name for field in fields(Alert))


@dataclass(frozen=True)
class Message:
    """Something to be told: `what` of MESSAGES about `alert`, to the named channels. `number` is the event's place in the trail."""

    number: int
    at: str
    what: str
    alert: Alert
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Open:
    """An alert that is not resolved: since when, when somebody was last told, and whether the last look found it below its limit."""

    alert: Alert
    since: str
    told: str
    clearing: bool = False


@dataclass(frozen=True)
class Attempt:
    """A message that arrived at a channel, or was first refused by it."""

    message: Message
    channel: str
    at: str
    arrived: bool


@dataclass(frozen=True)
class Policy:
    """Whom to tell: names of channels; how often to remind; whether Alertmanager tells of the metric alarms instead."""

    channels: tuple[str, ...] = ()
    reminder: timedelta = timedelta(hours=24)
    alertmanager: bool = False

    def receivers(self, kind: str) -> tuple[str, ...]:
        """Channels for a kind of alert; none where Alertmanager has it."""
        return () if self.alertmanager and kind in METRIC_ALARMS else self.channels


def raise_alerts(ledger: Ledger, look: Look, now: datetime, policy: Policy) -> tuple[Message, ...]:
    """Record what a look changes, and answer the messages that this makes, in the order of the trail.

    A look that finds nothing new writes nothing, apart from reminders that are due. Raises LedgerUnavailable, with nothing written.
    """
    with writing(ledger.engine) as connection:
        lock_events(connection)
        trail = events_of_kinds(connection, (*MESSAGES, CLEARING, BACK))
        held, raised = _standing(trail), [_message(event).alert for event in trail if event.what == RAISED]
        moments = {alert.key for alert in raised if alert.kind in MOMENTS}
        made: list[Message] = []

        def tell(what: str, alert: Alert) -> None:
            receivers = policy.receivers(alert.kind)
            number = add_event(connection, WHO, what, {**asdict(alert), "channels": list(receivers)}, now)
            made.append(Message(number, now.isoformat(), what, alert, receivers))

        over = {alert.key: alert for alert in look.alerts}
        for key, alert in over.items():
            if key not in held and key not in moments:
                tell(RAISED, alert)
            elif key in held and held[key].clearing:
                add_event(connection, WHO, BACK, {"key": key}, now)
        for key, one in held.items():
            clear = one.alert.kind in look.judged and key not in over
            if clear and (key not in look.near or one.clearing):
                tell(RESOLVED, one.alert)
            elif clear:
                add_event(connection, WHO, CLEARING, {"key": key}, now)
            # abs: a clock that was set back must not silence an alert for good
            elif abs(now - datetime.fromisoformat(one.told)) >= policy.reminder:
                tell(REMINDED, over.get(key, one.alert))
        return tuple(made)


def open_alerts(ledger: Ledger) -> tuple[Open, ...]:
    """Alerts that are not resolved, oldest first. Raises LedgerUnavailable."""
    with reading(ledger.engine) as connection:
        return tuple(_standing(events_of_kinds(connection, (*MESSAGES, CLEARING, BACK))).values())


def waiting(connection: sa.Connection, channels: Collection[str]) -> list[tuple[Message, str]]:
    """(message, name of the channel it has still to reach), oldest first.

    Where nobody has had a message and one of its channels is not configured any more (a changed secret gives a channel another name),
    the other channels take it over. A reminder that a later message about the same alert has overtaken is not sent any more.
    """
    delivered = {_pair(event) for event in events_of_kinds(connection, (DELIVERED,))}
    told = {number for number, _ in delivered}
    messages = [_message(event) for event in events_of_kinds(connection, MESSAGES)]
    newest = {message.alert.key: message.number for message in messages}
    found = []
    for message in messages:
        if message.what == REMINDED and newest[message.alert.key] != message.number:
            continue
        orphaned = message.number not in told and not set(message.channels) <= set(channels)
        owed = [name for name in channels if orphaned or name in message.channels]
        found += [(message, name) for name in owed if (message.number, name) not in delivered]
    return found


def attempted(connection: sa.Connection) -> frozenset[tuple[int, str]]:
    """(number of the message, channel) of every attempt that failed and was recorded."""
    return frozenset(_pair(event) for event in events_of_kinds(connection, (UNDELIVERED,)))


def undelivered(ledger: Ledger, channels: Collection[str]) -> tuple[tuple[Message, str], ...]:
    """What has still to reach a channel. Raises LedgerUnavailable."""
    with reading(ledger.engine) as connection:
        return tuple(waiting(connection, channels))


def attempts(ledger: Ledger, limit: int) -> tuple[Attempt, ...]:
    """The newest deliveries and first failures, newest first. Raises LedgerUnavailable."""
    with reading(ledger.engine) as connection:
        trail = events_of_kinds(connection, (*MESSAGES, DELIVERED, UNDELIVERED))
    told = {event.sequence: _message(event) for event in trail if event.what in MESSAGES}
    tried = [(event, *_pair(event)) for event in trail if event.what not in MESSAGES]
    newest = [Attempt(told[number], channel, event.at, event.what == DELIVERED) for event, number, channel in tried if number in told]
    return tuple(newest[: -limit - 1 : -1])


def _standing(trail: Iterable[Event]) -> dict[str, Open]:
    held: dict[str, Open] = {}
    for event in trail:
        evidence = event.document()
        key = str(evidence.get("key", ""))
        if event.what == RAISED and evidence.get("kind") not in MOMENTS:
            held[key] = Open(_alert(evidence), event.at, event.at)
        elif event.what == REMINDED and key in held:
            held[key] = replace(held[key], alert=_alert(evidence), told=event.at)
        elif event.what == RESOLVED:
            held.pop(key, None)
        elif event.what in (CLEARING, BACK) and key in held:
            held[key] = replace(held[key], clearing=event.what == CLEARING)
    return held


def _message(event: Event) -> Message:
    evidence = event.document()
    return Message(event.sequence, event.at, event.what, _alert(evidence), tuple(evidence.get("channels", ())))


def _alert(evidence: dict[str, Any]) -> Alert:
    return Alert(**{name: evidence[name] for name in _FIELDS if name in evidence})


def _pair(event: Event) -> tuple[int, str]:
    evidence = event.document()
    return int(evidence["message"]), str(evidence["channel"])
