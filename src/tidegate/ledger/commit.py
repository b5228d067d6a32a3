"""Group commit: many requests share one transaction and one wait for the disk."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from tidegate.errors import LedgerUnavailable
from tidegate.ledger.group import Outcome, record_group
from tidegate.ledger.predictions import Prediction
from tidegate.ledger.store import Ledger

GATHER_SECONDS = 0.001
ROW_SECONDS = 0.0005


def allowed_seconds(seconds: float, rows: int) -> float:
    """How long recording so many rows may take where recording one may take `seconds`."""
    return seconds + ROW_SECONDS * (rows - 1)


@dataclass(frozen=True, slots=True)
class _Submission:
    predictions: Sequence[Prediction]
    future: Future[list[Prediction]]
    since: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not durable yet: predictions, and the seconds for which the oldest of them has waited."""

    rows: int
    seconds: float


class GroupCommit:
    """One thread that writes whatever has queued up, commits, and only then answers.

    While one group waits for the disk, the next one gathers: alone, a request pays one commit; under load, hundreds
    share it. A group that had company waits `GATHER_SECONDS` for the next one: a fast disk would otherwise commit in
    twos and threes, at a third more processor time a request. `max_group` and `max_queue` count predictions. A failing
    database fails the group that met it; the thread lives on and the next group tries again. One that hangs fails what
    comes after `patience_seconds` (longer for a large group) at once, so that nothing piles up behind it.
    """

    def __init__(self, ledger: Ledger, max_group: int = 512, max_queue: int = 10_000, patience_seconds: float = math.inf) -> None:
        self._ledger = ledger
        self._max_group = max_group
        self._max_queue = max_queue
        self._waiting: deque[_Submission] = deque()
        self._waiting_rows = 0
        self._patience_seconds = patience_seconds
        self._writing: tuple[int, float] | None = None  # rows of the group that is being written, and since when the oldest waits
        self._due = math.inf  # when the group that is being written should have been
        self._closed = False
        self._changed = threading.Condition(threading.Lock())
        # daemon: a process that forgets close() still ends; what was not committed was not acknowledged
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def overdue(self) -> bool:
        """Whether the group that is being written has been for longer than it may."""
        return time.monotonic() > self._due

    def backlog(self) -> Backlog:
        """What waits now, or is being written."""
        with self._changed:
            rows, oldest = self._writing or (0, math.inf)
            if self._waiting:
                rows, oldest = rows + self._waiting_rows, min(oldest, self._waiting[0].since)
        return Backlog(rows, time.monotonic() - oldest if rows else 0.0)

    def submit(self, predictions: Sequence[Prediction], *, patient: bool = False) -> Future[list[Prediction]]:
        """Queue predictions for one transaction, from any thread, without waiting.

        The future yields the recorded predictions once they are durable: for an idempotency key already known, the
        stored one. It raises `KeyReused` when a key comes back with another request digest (nothing of the
        submission is written) and `LedgerUnavailable` when nothing of it could be made durable. A future cancelled
        before its group began is not written.

        Raises `LedgerUnavailable` at once when the queue is full or closed, and, unless `patient`, when `overdue`. A
        submission larger than `max_group` gets a group of its own, and one larger than `max_queue` is taken when nothing else waits.
        """
        future: Future[list[Prediction]] = Future()
        if not predictions:
            future.set_result([])
            return future
        with self._changed:
            if self._closed:
                raise LedgerUnavailable("The ledger is closing and records nothing more.", "Send the request again in a moment.")
            if self.overdue() and not patient:
                raise LedgerUnavailable("The ledger does not answer.", "Send the request again in a moment.")
            if self._waiting and self._waiting_rows + len(predictions) > self._max_queue:
                raise LedgerUnavailable(
                    f"The ledger is behind: {self._waiting_rows} predictions wait to be recorded.", "Send the request again in a moment."
                )
            self._waiting.append(_Submission(predictions, future, time.monotonic()))
            self._waiting_rows += len(predictions)
            self._changed.notify()
        return future

    def close(self) -> None:
        """Refuse new submissions, write the queued ones and stop the thread; a second call does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            company = len(group) > 1
            outcomes: Sequence[Outcome]
            rows = sum(len(submission.predictions) for submission in group)
            self._writing = rows, min(submission.since for submission in group)
            self._due = time.monotonic() + allowed_seconds(self._patience_seconds, rows)
            try:
                outcomes = record_group(self._ledger, [submission.predictions for submission in group])
            except Exception as error:  # noqa: BLE001  (the thread must outlive every fault)
                fault = LedgerUnavailable("Recording the predictions failed unexpectedly.", "Look for this fault in the log.")
                fault.__cause__ = error
                outcomes = [fault] * len(group)
            self._due, self._writing = math.inf, None
            for submission, outcome in zip(group, outcomes, strict=True):
                _answer(submission.future, outcome)
            if company:
                time.sleep(GATHER_SECONDS)

    def _next_group(self) -> list[_Submission]:
        """Wait for work and take up to `max_group` predictions of it; empty only when closed and drained."""
        while True:
            group: list[_Submission] = []
            rows = 0
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return []
                while self._waiting and (not rows or rows + len(self._waiting[0].predictions) <= self._max_group):
                    submission = self._waiting.popleft()
                    rows += len(submission.predictions)
                    group.append(submission)
                self._waiting_rows -= rows
            # from here a future can no longer be cancelled; one whose caller has gone is dropped
            if group := [submission for submission in group if submission.future.set_running_or_notify_cancel()]:
                return group


def _answer(future: Future[list[Prediction]], outcome: Outcome) -> None:
    if isinstance(outcome, list):
        future.set_result(outcome)
        return
    # an exception of its own for each waiter: raised in many places at once, a shared one would mix their tracebacks
    error = type(outcome)(outcome.detail, outcome.remedy)
    error.__cause__ = outcome.__cause__
    future.set_exception(error)
