"""Gauges of a home's health for Prometheus: read when they are asked for, from files and the audit trail, and only where those changed.

A source that cannot be read has no gauges but one that says so: the page is answered whatever happens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tidegate.errors import TidegateError
from tidegate.home import Home
from tidegate.ledger.store import Ledger
from tidegate.monitoring.figures import figures_of
from tidegate.monitoring.site import RUN_FILE
from tidegate.operations.desk.trail_gauges import TrailGauges
from tidegate.operations.reports import file_of
from tidegate.operations.rounds import last_round

_LARGEST_BYTES = 32 << 20
# name behind tidegate_monitoring_, what it says, its label
GAUGES = (
    ("health", "Newest monitored batch: 0 PASS, 1 WARNING, 2 FAIL", ()),
    ("verdict", "Parts of its health: 0 PASS, 1 WARNING, 2 FAIL", ("part",)),
    ("drifted_features", "Features of it that have drifted", ()),
    ("rows", "Rows that came in it", ()),
    ("quarantined_share", "Share of them that was quarantined", ()),
    ("roc_auc", "ROC-AUC of the champion: on its holdout, as estimated on the batch, as realised", ("source",)),
    ("roc_auc_high", "Upper end of the interval of ROC-AUC", ("source",)),
    ("roc_auc_trusted", "1 where the estimate is to be trusted, and where enough labels have matured", ("source",)),
    ("age_seconds", "Seconds since it was monitored", ()),
    ("feature_effect", "How far a feature moved, in the smallest drift that matters", ("feature",)),
    ("feature_drifted", "1 where it has drifted: it moved that far, and not by chance", ("feature",)),
    ("feature_influence", "Mean absolute change of the probability when this feature alone moves", ("feature",)),
    ("prediction_effect", "How far the probabilities moved, in the smallest drift that matters", ()),
)


@dataclass
class _Kept:
    """What a file said when it looked like this; read again where it looks otherwise."""

    looks: tuple[int, int, int] | None = None
    said: Any = None

    def read(self, path: Path | None) -> Any:
        """The JSON in it; None where there is no such file. Raises OSError and ValueError, of which RecursionError is made one."""
        if path is None or not path.exists():
            self.looks, self.said = None, None
            return None
        found = path.stat()
        looks = (found.st_ino, found.st_size, found.st_mtime_ns)
        if looks != self.looks:
            if found.st_size > _LARGEST_BYTES:
                raise ValueError("larger than any that monitoring writes")
            try:
                self.said, self.looks = json.loads(path.read_bytes()), looks
            except RecursionError:
                raise ValueError("deeper than any that monitoring writes") from None
        return self.said


@dataclass(eq=False)
class Gauges(Collector):
    """The gauges of one home, for a registry. `clock` answers a time with its zone."""

    home: Home
    ledger: Ledger
    clock: Callable[[], datetime]
    _index: _Kept = field(default_factory=_Kept)
    _newest: _Kept = field(default_factory=_Kept)
    _lock: Any = field(default_factory=Lock)

    def __post_init__(self) -> None:
        """Open no file and ask no ledger yet."""
        self._trail = TrailGauges(self.ledger)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing beforehand: a registry would otherwise read everything when this is added to it."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges as they are now."""
        with self._lock:
            yield from list(self._all())

    def _all(self) -> Iterator[GaugeMetricFamily]:
        readable = GaugeMetricFamily("tidegate_monitoring_readable", "1 where the figures of this source can be read", labels=("source",))
        try:
            yield from self._of_newest()
            readable.add_metric(("reports",), 1)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            readable.add_metric(("reports",), 0)
        try:
            yield from list(self._trail.families())
            readable.add_metric(("ledger",), 1)
        except (TidegateError, ValueError, KeyError, TypeError):
            readable.add_metric(("ledger",), 0)
        watched = last_round(self.home)
        if watched is not None:
            said = "When `tidegate watch` last ended a round, in seconds since 1970"
            yield GaugeMetricFamily("tidegate_watch_last_round_timestamp_seconds", said, value=watched.timestamp())
        yield readable

    def _of_newest(self) -> list[GaugeMetricFamily]:
        index = self._index.read(self.home.reports / "index.json")
        if index is None or not index["runs"]:
            return []
        document = self._newest.read(file_of(self.home.reports, f"{index['runs'][0]['folder']}/{RUN_FILE}"))
        if not isinstance(document, Mapping):
            raise ValueError("not what monitoring writes, or not there any more")
        figures = list(figures_of(document, self.clock()))
        families = []
        for name, said, labels in GAUGES:
            found = [figure for figure in figures if figure.name == name]
            family = GaugeMetricFamily(f"tidegate_monitoring_{name}", said, labels=labels)
            for figure in found:
                family.add_metric(() if figure.label is None else (figure.label[1],), figure.value)
            families += [family] if found else []
        return families
