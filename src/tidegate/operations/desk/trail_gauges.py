"""Gauges from the ledger: open alerts, renewals, the experiment that runs. The trail is read again only where it has grown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily

from tidegate.experiments.guard import quantile
from tidegate.ledger.events import list_events, newest_sequence
from tidegate.ledger.experiments import CANARY_STOPPED, MODES, Experiment, running_experiment
from tidegate.ledger.exposures import read_counts
from tidegate.ledger.store import Ledger
from tidegate.monitoring.alerts.conditions import KINDS, MOMENTS
from tidegate.monitoring.alerts.state import open_alerts
from tidegate.operations.renewal_list import renewal_list

DECISIONS = ("promoted", "canary", "held", "refused")
WAITING = ("held", "canary")
QUANTILES = (0.5, 0.95, 0.99)
_EVERY = 1_000_000


@dataclass(frozen=True)
class _Told:
    """What the trail says, by its newest event."""

    alerts: Counter[str]
    decided: Counter[str]
    waiting: Counter[str]
    renewed: float | None
    stopped: float | None
    experiment: Experiment | None


@dataclass
class TrailGauges:
    """The gauges of one ledger. Not for several threads at once."""

    ledger: Ledger
    _seen: int = -1
    _told: _Told | None = field(default=None)

    def families(self) -> Iterator[GaugeMetricFamily]:
        """As they are now. Raises LedgerUnavailable."""
        newest = newest_sequence(self.ledger)
        if self._told is None or newest != self._seen:
            self._told, self._seen = _read(self.ledger), newest
        told = self._told
        lasting = {kind: told.alerts[kind] for kind in KINDS if kind not in MOMENTS}
        yield _family("tidegate_alerts_open", "Alerts that are not resolved", "kind", lasting)
        yield _family("tidegate_renewals", "Renewals by what was decided", "decision", {name: told.decided[name] for name in DECISIONS})
        waits = {name: told.waiting[name] for name in WAITING}
        yield _family("tidegate_renewals_waiting", "Those that wait: held for a person, canary for its canary", "decision", waits)
        if told.renewed is not None:
            said = "When the newest renewal was decided, in seconds since 1970"
            yield GaugeMetricFamily("tidegate_renewal_last_timestamp_seconds", said, value=told.renewed)
        if told.stopped is not None:
            said = "When a server last stopped a canary that went wrong, in seconds since 1970"
            yield GaugeMetricFamily("tidegate_canary_stopped_timestamp_seconds", said, value=told.stopped)
        yield from self._experiment(told.experiment)

    def _experiment(self, running: Experiment | None) -> Iterator[GaugeMetricFamily]:
        """Whether an experiment runs, and what all servers counted of it so far."""
        modes = {mode: float(running is not None and running.mode == mode) for mode in MODES}
        yield _family("tidegate_experiment_running", "1 where an experiment of this mode runs", "mode", modes)
        if running is None:
            return
        yield GaugeMetricFamily("tidegate_experiment_share", "Share of customers in its treatment", value=running.phase.share)
        counts = read_counts(self.ledger, running.number)
        for name, said in (("customers", "Customers scored in it"), ("errors", "Answers that failed in it")):
            found = {variant: float(getattr(one, name)) for variant, one in counts.items()}
            yield _family(f"tidegate_experiment_{name}", said, "variant", found)
        took = GaugeMetricFamily("tidegate_experiment_seconds", "Time of an answer in it", labels=("variant", "quantile"))
        for variant, one in counts.items():
            for level in QUANTILES if one.requests else ():
                took.add_metric((variant, str(level)), quantile(one.latency, level))
        yield took


def _read(ledger: Ledger) -> _Told:
    renewals = renewal_list(ledger, _EVERY)
    stopped = list_events(ledger, CANARY_STOPPED, 1)
    return _Told(
        alerts=Counter(one.alert.kind for one in open_alerts(ledger)),
        decided=Counter(one["decision"] for one in renewals),
        waiting=Counter(one["decision"] for one in renewals if one["waiting"]),
        renewed=_seconds(renewals[0]["decided_at"]) if renewals else None,
        stopped=_seconds(stopped[0].at) if stopped else None,
        experiment=running_experiment(ledger),
    )


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _family(name: str, said: str, label: str, values: dict[str, int] | dict[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, said, labels=(label,))
    for value, count in values.items():
        family.add_metric((value,), count)
    return family
