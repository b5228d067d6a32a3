"""What is wrong: pure functions from what monitoring found, and from two looks at /metrics, to alerts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tidegate.monitoring.alerts.scrape import Scrape, grown, percentile, served

DRIFT: Final = "drift"
PERFORMANCE_REALISED: Final = "performance_realised"
PERFORMANCE_ESTIMATED: Final = "performance_estimated"
LATENCY: Final = "latency"
ERRORS: Final = "errors"
DATA_QUALITY: Final = "data_quality"
RENEWAL: Final = "renewal"
CANARY_STOPPED: Final = "canary_stopped"
KINDS: Final = (DRIFT, PERFORMANCE_REALISED, PERFORMANCE_ESTIMATED, LATENCY, ERRORS, DATA_QUALITY, RENEWAL, CANARY_STOPPED)
# Told once, when it happened: they do not last, so that they are neither reminded of nor resolved.
MOMENTS: Final = frozenset({RENEWAL, CANARY_STOPPED})
# What Alertmanager tells by itself from metrics, where it is there: drift, P95 latency, error rate, ROC-AUC, a stopped canary.
METRIC_ALARMS: Final = frozenset({DRIFT, LATENCY, ERRORS, PERFORMANCE_REALISED, PERFORMANCE_ESTIMATED, CANARY_STOPPED})
WARNING, CRITICAL = "warning", "critical"
CLEARLY_BELOW = 0.8
_LONGEST_TEXT = 1_000


@dataclass(frozen=True)
class Alert:
    """One thing that is wrong. `key` is what it is recognised by: its kind, and of what. Holds no customer's value or id.

    `value` and `limit` are in the unit of the kind: features, share of the AUC lost, seconds, share of requests. `link` leads to the
    report, `runbook` to the page that says what to do; each a URL, or a path where no URL is set.
    """

    kind: str
    key: str
    severity: str
    title: str
    detail: str
    value: float | None = None
    limit: float | None = None
    link: str = ""
    runbook: str = ""


@dataclass(frozen=True)
class Look:
    """What one look found. `judged`: the kinds that it could say something about; `near`: keys below their limit, but not clearly."""

    alerts: tuple[Alert, ...] = ()
    near: frozenset[str] = frozenset()
    judged: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Limits:
    """Beyond what an alert is raised: each is the last value that is still right. Below `least_requests` in an interval nothing is said."""

    drifted_features: int = 3
    auc_drop: float = 0.05
    p95_seconds: float = 0.5
    error_rate: float = 0.01
    least_requests: int = 20
    least_errors: int = 3


@dataclass(frozen=True)
class Places:
    """Where alerts lead to: URLs in front of a report and of a runbook page, without a slash at the end; empty: the path alone."""

    reports: str = ""
    runbooks: str = ""

    def runbook(self, kind: str) -> str:
        """The page of a kind."""
        return f"{self.runbooks or 'docs/runbooks'}/{kind}.md"


# An alert as it would be, with its value and limit, and whether its value is more than chance.
_Judged = tuple[Alert, bool]


def look_at_run(document: Mapping[str, Any], limits: Limits, link: str, places: Places) -> Look:
    """The alerts of one monitoring run, from its `drift_tests.json`; what the document does not say is not judged.

    Realised ROC-AUC is judged where labels have matured, the estimate where it is trusted. Where an interval is given, a drop has to be
    beyond it: the value at the holdout must lie above its upper end.
    """
    batch = str(document.get("batch", "?"))
    found = [*_drift(document, limits, batch), *_quality(document, batch)]
    for kind, word in ((PERFORMANCE_REALISED, "realised"), (PERFORMANCE_ESTIMATED, "estimated")):
        found += _performance(document.get(word), kind, word, limits, batch)
    return _look([(replace(alert, link=link, runbook=places.runbook(alert.kind)), certain) for alert, certain in found])


def _drift(document: Mapping[str, Any], limits: Limits, batch: str) -> Iterator[_Judged]:
    drifted = document.get("drifted_features")
    if isinstance(drifted, list):
        detail = f"Batch {batch}: {', '.join(map(str, drifted)) or 'none'}."[:_LONGEST_TEXT]
        yield Alert(DRIFT, DRIFT, WARNING, f"{len(drifted)} features have drifted", detail, len(drifted), limits.drifted_features), True


def _quality(document: Mapping[str, Any], batch: str) -> Iterator[_Judged]:
    quality = document.get("data_stability")
    if quality in ("PASS", "WARNING", "FAIL"):
        title = "The batch fails the checks of data quality"
        detail = f"Batch {batch}: {_count(document.get('quarantined'))} of {_count(document.get('rows'))} rows were quarantined."
        yield Alert(DATA_QUALITY, DATA_QUALITY, CRITICAL, title, detail, float(quality == "FAIL"), 0.0), True


def _performance(block: object, kind: str, word: str, limits: Limits, batch: str) -> Iterator[_Judged]:
    read = fallen_auc(block)
    if read is not None:
        value, high, drop = read
        reference = value / (1 - drop)
        severity = CRITICAL if kind == PERFORMANCE_REALISED else WARNING
        detail = f"Batch {batch_of(block, batch)}: {value:.3f} {word}, {reference:.3f} on the holdout."
        yield Alert(kind, kind, severity, f"ROC-AUC, {word}, is down by {drop:.1%}", detail, drop, limits.auc_drop), high < reference


def _look(judged: Iterable[_Judged]) -> Look:
    """What is over its limit for certain, what is near it, and all kinds that were judged."""
    over, near, kinds = [], set(), set()
    for alert, certain in judged:
        assert alert.value is not None
        assert alert.limit is not None
        kinds.add(alert.kind)
        if alert.value > alert.limit and certain:
            over.append(alert)
        elif alert.value > CLEARLY_BELOW * alert.limit:
            near.add(alert.key)
    return Look(tuple(over), frozenset(near), frozenset(kinds))


def look_at_metrics(before: Scrape, after: Scrape, limits: Limits, link: str, places: Places) -> Look:
    """P95 latency of /predict and /explain, and the share of 5xx among requests about customers, between two scrapes.

    The 95th percentile is interpolated in its bucket, as Prometheus' `histogram_quantile` does. An interval with little traffic is not
    judged; a server that started anew in between counts from zero.
    """
    change, found = grown(before, after), list[Alert]()
    total, errors = served(change)
    if total >= limits.least_requests or errors >= limits.least_errors:
        title, detail = f"{errors / total:.1%} of requests fail", f"{errors:,.0f} of {total:,.0f} requests ended in a 5xx."
        found.append(Alert(ERRORS, ERRORS, CRITICAL, title, detail, errors / total, limits.error_rate))
    p95, answered = percentile(change, 0.95)
    if answered >= limits.least_requests:
        title, detail = f"P95 latency is {1000 * p95:,.0f} ms", f"Of {answered:,.0f} answers to /predict and /explain."
        found.append(Alert(LATENCY, LATENCY, CRITICAL, title, detail, p95, limits.p95_seconds))
    return _look([(replace(alert, link=link, runbook=places.runbook(alert.kind)), True) for alert in found])


def refused_batch(batch: str, sentence: str, places: Places) -> Look:
    """A delivery that could not be monitored at all, with the sentence that refused it; the next batch that can be resolves it."""
    key, title = f"{DATA_QUALITY}:{batch}", "A batch was refused"
    detail = f"Batch {batch}: {sentence}"[:_LONGEST_TEXT]
    return Look((Alert(DATA_QUALITY, key, CRITICAL, title, detail, runbook=places.runbook(DATA_QUALITY)),))


def stopped_canary(experiment: int, reason: str, link: str, places: Places) -> Alert:
    """The alert that a canary was stopped by the service."""
    title = f"The canary of experiment {experiment} was stopped"
    key = f"{CANARY_STOPPED}:{experiment}"
    return Alert(CANARY_STOPPED, key, WARNING, title, reason[:_LONGEST_TEXT], link=link, runbook=places.runbook(CANARY_STOPPED))


def decided_renewal(subject: str, decision: str, reasons: Iterable[str], link: str, places: Places) -> Alert:
    """The alert that a renewal was decided: `promoted`, `canary`, `held` or `refused`. `subject` tells it from other renewals."""
    severity = CRITICAL if decision in ("held", "refused") else WARNING
    detail = " ".join(reasons)[:_LONGEST_TEXT]
    key = f"{RENEWAL}:{subject}:{decision}"
    return Alert(RENEWAL, key, severity, f"Renewal: {decision}", detail, link=link, runbook=places.runbook(RENEWAL))


def batch_of(block: object, batch: str) -> str:
    """Which batch a figure is of: that of the run, or an earlier one whose labels have come since."""
    return str(block.get("batch", batch)) if isinstance(block, Mapping) else batch


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "an unknown number"


def fallen_auc(block: object) -> tuple[float, float, float] | None:
    """(ROC-AUC, upper end of its interval, share of the holdout's that is lost) of what is realised or estimated.

    None where one of them is absent, where the estimate is not to be trusted, and where too few labels are known to tell.
    """
    if not isinstance(block, Mapping) or block.get("trusted") is False or block.get("enough") is False:
        return None
    metrics = block.get("metrics")
    said = (metrics if isinstance(metrics, Mapping) else block).get("roc_auc")
    value, drop = _number(said), _number(block.get("roc_auc_drop"))
    if value is None or drop is None or drop >= 1 or value <= 0:
        return None
    high = _number(said.get("high")) if isinstance(said, Mapping) else None
    return value, value if high is None else high, drop


def _number(value: object) -> float | None:
    if isinstance(value, Mapping):
        value = value.get("value")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value == value else None
