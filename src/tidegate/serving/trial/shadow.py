"""Shadow scores: worked out after the answer, in a thread of their own, written beside the prediction, told to nobody."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.rows import Rows
from tidegate.errors import LedgerUnavailable
from tidegate.ledger.exposures import Shadow, record_shadows
from tidegate.ledger.store import Ledger
from tidegate.serving.trial.counts import TREATMENT, VariantCounts

MOST_WAITING = 20_000
LONGEST_WAIT_SECONDS = 90.0
"""For how long a prediction may stay unrecorded (a file is recorded piece by piece) before its shadow is dropped."""
STEP_ROWS = 500
logger = logging.getLogger("tidegate.serving")


@dataclass(frozen=True)
class _Job:
    experiment: int
    treatment: Scorer
    rows: Rows
    ids: Sequence[str]


class ShadowQueue:
    """Customers waiting for their shadow score. Beyond `MOST_WAITING` they are turned away: an answer is never held up for one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: deque[_Job] = deque()
        self._waiting = 0
        self._scored: list[tuple[float, Shadow]] = []

    def put(self, experiment: int, treatment: Scorer, rows: Rows, ids: Sequence[str]) -> bool:
        """Queue customers, without waiting; False where there is no room."""
        with self._lock:
            if self._waiting + len(ids) > MOST_WAITING and self._waiting:
                return False
            self._waiting += len(ids)
            self._jobs.append(_Job(experiment, treatment, rows, ids))
            return True

    def work(self, ledger: Ledger, counts: VariantCounts, seconds: float) -> None:
        """Score what waits, for about so many seconds, and record it; one whose prediction is not there yet waits on. Never raises."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and (job := self._next()):
            for start in range(0, len(job.ids), STEP_ROWS):
                self._step(job, slice(start, start + STEP_ROWS), counts)
        self._record(ledger)

    def _next(self) -> _Job | None:
        with self._lock:
            if not self._jobs:
                return None
            job = self._jobs.popleft()
            self._waiting -= len(job.ids)
            return job

    def _step(self, job: _Job, part: slice, counts: VariantCounts) -> None:
        ids = job.ids[part]
        try:
            scores = score(job.treatment, job.rows.take(np.arange(len(job.ids))[part]))
            if not (np.isfinite(scores) & (scores >= 0) & (scores <= 1)).all():
                raise ValueError
        except Exception as error:  # noqa: BLE001 - whatever a version under trial raises, it is its error and nobody's answer
            logger.warning("version %s in the shadow failed (%s)", job.treatment.version, type(error).__name__)
            counts.failed(job.experiment, TREATMENT, len(ids))
            return
        counts.scored(job.experiment, TREATMENT, scores.tolist())
        due, threshold = time.monotonic() + LONGEST_WAIT_SECONDS, job.treatment.manifest.threshold
        self._scored += [
            (due, Shadow(one, job.experiment, probability, threshold)) for one, probability in zip(ids, scores.tolist(), strict=True)
        ]

    def _record(self, ledger: Ledger) -> None:
        if not self._scored:
            return
        try:
            there = record_shadows(ledger, [shadow for _, shadow in self._scored])
        except LedgerUnavailable as error:
            logger.warning("shadow scores wait for the ledger: %s", error.detail)
            there = set()
        now = time.monotonic()
        self._scored = [one for one in self._scored if one[1].prediction_id not in there and one[0] > now][-MOST_WAITING:]
