"""What this server counts of an experiment, by variant: answers, errors, latency and scores, until the ledger has them."""

from __future__ import annotations

import os
import socket
import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from tidegate.experiments.guard import LATENCY_BOUNDS, SCORE_BOUNDS
from tidegate.ledger.exposures import Counts

CHAMPION, TREATMENT = "champion", "treatment"


@dataclass
class _Tally:
    requests: int = 0
    errors: int = 0
    customers: int = 0
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS) + 1))
    scores: list[int] = field(default_factory=lambda: [0] * (len(SCORE_BOUNDS) + 1))


class VariantCounts:
    """Counters of one process for one experiment after another; from any thread.

    `replica` names this process: it owns its rows in the ledger, so that several servers never write the same one.
    """

    def __init__(self) -> None:
        self.replica = f"{socket.gethostname()}-{os.urandom(4).hex()}"
        self._lock = threading.Lock()
        self._tallies: dict[int, dict[str, _Tally]] = {}

    def scored(self, experiment: int, variant: str, probabilities: Sequence[float]) -> None:
        """Count the scores of customers."""
        with self._lock:
            tally = self._tally(experiment, variant)
            tally.customers += len(probabilities)
            for probability in probabilities:
                tally.scores[bisect_left(SCORE_BOUNDS, probability)] += 1

    def answered(self, experiment: int, variant: str, seconds: float) -> None:
        """Count one single-customer answer and the time it took."""
        with self._lock:
            tally = self._tally(experiment, variant)
            tally.requests += 1
            tally.latency[bisect_left(LATENCY_BOUNDS, seconds)] += 1

    def failed(self, experiment: int, variant: str, count: int = 1) -> None:
        """Count answers that a variant owed and did not give."""
        with self._lock:
            self._tally(experiment, variant).errors += count

    def of(self, experiment: int) -> list[Counts]:
        """What was counted of an experiment so far."""
        with self._lock:
            return [
                Counts(variant, one.requests, one.errors, one.customers, tuple(one.latency), tuple(one.scores))
                for variant, one in self._tallies.get(experiment, {}).items()
            ]

    def _tally(self, experiment: int, variant: str) -> _Tally:
        return self._tallies.setdefault(experiment, {}).setdefault(variant, _Tally())
