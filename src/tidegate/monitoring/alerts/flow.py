"""One flow for whoever has looked: what the look changes is recorded, then everything that is owed is sent."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from tidegate.home import ALERTS_LOCK, Home
from tidegate.ledger.events import list_events
from tidegate.ledger.experiments import CANARY_STOPPED
from tidegate.ledger.store import Ledger
from tidegate.monitoring.alerts.channels import channels_of
from tidegate.monitoring.alerts.conditions import Alert, Limits, Look, Places, decided_renewal, stopped_canary
from tidegate.monitoring.alerts.deliver import Delivery, Send, deliver_alerts
from tidegate.monitoring.alerts.state import Message, Policy, raise_alerts
from tidegate.registry.trail import RENEWAL_CONCLUDED, RENEWAL_DECIDED
from tidegate.settings import Settings

# A home that is monitored for the first time does not tell of what happened last year.
_NEWS = timedelta(days=7)


@dataclass(frozen=True)
class Told:
    """What a look made to be told, and what became of everything that was owed; None where another process is delivering just now."""

    messages: tuple[Message, ...]
    delivery: Delivery | None


def tell(home: Home, ledger: Ledger, settings: Settings, look: Look, now: datetime, send: Send | None = None) -> Told:
    """Record what a look changes, and what the audit trail has gained since: stopped canaries, renewals that were decided; then deliver.

    An empty `Look()` tells of the trail, reminds and delivers: what a process was killed over before it could tell, the next one tells.

    Raises SettingRefused where the channels cannot be read, LedgerUnavailable; a channel that fails raises nothing.
    """
    channels = channels_of(settings)
    names = tuple(channel.name for channel in channels)
    policy = Policy(names, timedelta(hours=settings.alert_reminder_hours), settings.alertmanager_owns_metrics)
    happened = (*_canaries(ledger, settings, now), *_renewals(ledger, settings, now))
    look = Look((*look.alerts, *happened), look.near, look.judged)
    made = raise_alerts(ledger, look, now, policy)
    with _alone(home) as alone:
        return Told(made, deliver_alerts(ledger, channels, now, send) if alone else None)


def limits_of(settings: Settings, drifted_features: int = 3) -> Limits:
    """The limits as they are set."""
    return Limits(drifted_features, settings.alert_auc_drop, settings.alert_p95_seconds, settings.alert_error_rate)


def places_of(settings: Settings) -> Places:
    """Where links lead."""
    return Places(settings.reports_url.rstrip("/"), settings.runbooks_url.rstrip("/"))


def link_of(settings: Settings, batch: str, page: str = "monitoring_report.html") -> str:
    """The link to a page of a run, below the site's address or below `reports/`."""
    return f"{places_of(settings).reports or 'reports'}/{quote(batch, safe='')}/{page}"


def _canaries(ledger: Ledger, settings: Settings, now: datetime) -> Iterator[Alert]:
    for evidence in _news(ledger, CANARY_STOPPED, now):
        yield stopped_canary(int(evidence["experiment"]), str(evidence.get("reason", "")), "", places_of(settings))


def _renewals(ledger: Ledger, settings: Settings, now: datetime) -> Iterator[Alert]:
    places = places_of(settings)
    for evidence in _news(ledger, RENEWAL_DECIDED, now):
        yield decided_renewal(str(evidence["renewal"]), evidence["decision"], evidence["reasons"], "", places)
    for evidence in _news(ledger, RENEWAL_CONCLUDED, now):
        yield decided_renewal(str(evidence["renewal"]), evidence["decision"], (evidence["reason"],), "", places)


def _news(ledger: Ledger, what: str, now: datetime) -> Iterator[dict[str, Any]]:
    """What the events of a kind of these days say, oldest first."""
    found = [event.document() for event in list_events(ledger, what) if now - datetime.fromisoformat(event.at) < _NEWS]
    yield from found[::-1]


@contextmanager
def _alone(home: Home) -> Iterator[bool]:
    """Whether this is the only process of this home that delivers; the other one does it all."""
    with (home.root / ALERTS_LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
