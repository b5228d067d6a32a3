"""What Prometheus scrapes: requests, errors, latency, scores, version. Labels come from closed lists, so their number is bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from tidegate.bundle.scorer import Scorer
from tidegate.customers.contract import outside_expected
from tidegate.customers.rows import Rows

LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SCORE_BOUNDS = tuple(round(step / 20, 2) for step in range(1, 21))
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one process, in a registry of their own; or those of all processes that count in the folder `shared`."""

    def __init__(self, shared: Path | None = None) -> None:
        self._shared = shared
        self.registry = CollectorRegistry()
        self.requests = Counter("tidegate_requests", "Answered requests", ("route", "status"), registry=self.registry)
        self.latency = Histogram(
            "tidegate_request_seconds", "Time to answer, in seconds", ("route",), buckets=LATENCY_SECONDS, registry=self.registry
        )
        self.scores = Histogram("tidegate_score", "Churn probabilities given", ("version",), buckets=SCORE_BOUNDS, registry=self.registry)
        self.flagged = Counter("tidegate_flagged", "Customers predicted to leave", ("version",), registry=self.registry)
        self.outside = Counter(
            "tidegate_outside_expected", "Values outside the range seen in training", ("column",), registry=self.registry
        )
        self.variants = Counter(
            "tidegate_variant_customers", "Customers scored in a running experiment", ("variant",), registry=self.registry
        )
        self.treatment_failures = Counter(
            "tidegate_treatment_failures",
            "Customers whom the champion answered because the version under trial could not",
            registry=self.registry,
        )
        self._scored: dict[str, tuple[Histogram, Counter]] = {}
        self._answered: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.version = Gauge(
            "tidegate_model_info",
            "1 for the version that serves",
            ("version", "algorithm"),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.queue = Gauge(
            "tidegate_ledger_queue", "Predictions that are not durable yet", registry=self.registry, multiprocess_mode="livesum"
        )
        self.lag = Gauge(
            "tidegate_ledger_lag_seconds", "For how long the oldest of them waits", registry=self.registry, multiprocess_mode="livemax"
        )
        self.memory = Gauge("tidegate_resident_bytes", "Memory in use", registry=self.registry, multiprocess_mode="livesum")
        self.cpu = Counter("tidegate_cpu_seconds", "Processor time used", registry=self.registry)
        self._cpu_seconds = 0.0
        self._serving: tuple[str, str] | None = None

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        found = self._answered.get((route, status))
        if found is None:
            found = self._answered[route, status] = (self.requests.labels(route, str(status)), self.latency.labels(route))
        found[0].inc()
        found[1].observe(seconds)

    def scored(self, scorer: Scorer, rows: Rows, probabilities: Sequence[float]) -> None:
        """Count the scores given to valid rows."""
        self.counted(scorer, probabilities, outside_expected(scorer.contract, rows))

    def counted(self, scorer: Scorer, probabilities: Sequence[float], outside: Mapping[str, int]) -> None:
        """Count scores that another process gave, and how many values of each column were outside the range seen in training."""
        found = self._scored.get(scorer.version)
        if found is None:
            found = self._scored[scorer.version] = (self.scores.labels(scorer.version), self.flagged.labels(scorer.version))
        histogram, flagged = found
        for probability in probabilities:
            histogram.observe(probability)
        if count := sum(probability >= scorer.manifest.threshold for probability in probabilities):
            flagged.inc(count)
        for column, count in outside.items():
            self.outside.labels(column).inc(count)

    def vitals(self, queue: int, lag_seconds: float, resident_bytes: int, cpu_seconds: float) -> None:
        """How this process is now; `cpu_seconds` since it began."""
        self.queue.set(queue)
        self.lag.set(lag_seconds)
        self.memory.set(resident_bytes)
        self.cpu.inc(max(0.0, cpu_seconds - self._cpu_seconds))
        self._cpu_seconds = cpu_seconds

    def serves(self, scorer: Scorer) -> None:
        """Say which version serves from now on."""
        serving = scorer.version, scorer.manifest.algorithm
        self.version.labels(*serving).set(1)
        if self._serving is not None and self._serving != serving:
            # A series in a shared file cannot be taken back.
            if self._shared is None:
                self.version.remove(*self._serving)
            else:
                self.version.labels(*self._serving).set(0)
        self._serving = serving

    def page(self) -> bytes:
        """The metrics in Prometheus' text format."""
        if self._shared is None:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(together)
