"""The guard of a canary: every server looks, whoever finds it wrong stops it in the ledger, and every server reads that."""

from __future__ import annotations

import logging
from collections import deque
from datetime import datetime, timedelta

from tidegate.experiments.guard import LATENCY_BOUNDS, SCORE_BOUNDS, Seen, Wrong, judge_canary, missing_customers, missing_metrics
from tidegate.ledger.experiments import CANARY_STOPPED, STOPPED, Experiment, stop_experiment
from tidegate.ledger.exposures import Counts, read_counts, recent_predictions
from tidegate.ledger.store import Ledger
from tidegate.serving.service import Service
from tidegate.serving.trial.arms import Running
from tidegate.serving.trial.counts import CHAMPION, TREATMENT

WHO = "scoring API"
WINDOWS_SECONDS = (60, 600)
"""What went wrong a minute ago is seen in the short one; the long one sees what a minute's few customers cannot show."""
SETTLING_SECONDS = 10
"""For so long after a phase began, a server may not know it yet."""
LOOK_SECONDS, CHANGED_SECONDS = 2, 15
_NOTHING = Seen(0, 0, 0, (0,) * (len(LATENCY_BOUNDS) + 1), (0,) * (len(SCORE_BOUNDS) + 1))
logger = logging.getLogger("tidegate.serving")


class CanaryGuard:
    """What all servers had counted at each look of the last ten minutes; a window is the difference of two looks."""

    def __init__(self) -> None:
        self._experiment: int | None = None
        self._looks: deque[tuple[datetime, dict[str, Seen]]] = deque()
        self._changed_since: datetime | None = None

    def look(self, service: Service, ledger: Ledger, now: datetime) -> None:
        """Stop the running experiment where its champion is gone, or where it is a canary that has gone wrong. Raises LedgerUnavailable."""
        running = service.arms.running
        if running is None:
            self._experiment = None
            return
        if self._champion_changed(service, running, now):
            reason = f"Version {service.scorer.version} is the champion now."
            self._stop(service, ledger, running.experiment, reason, STOPPED, {}, now)
            return
        if running.experiment.mode != "canary" or (self._looks and now - self._looks[-1][0] < timedelta(seconds=LOOK_SECONDS)):
            return
        wrong = self.judge(ledger, running.experiment, now)
        if wrong is not None:
            evidence = {"what": wrong.what, **wrong.evidence}
            self._stop(service, ledger, running.experiment, f"{wrong.what}: {wrong.detail}", CANARY_STOPPED, evidence, now)

    def judge(self, ledger: Ledger, experiment: Experiment, now: datetime) -> Wrong | None:
        """What is wrong with a canary by now, or None. Raises LedgerUnavailable."""
        if experiment.number != self._experiment:
            self._experiment = experiment.number
            self._looks.clear()
            # Nothing was counted before it began; of one that is older than the windows, this guard has seen nothing yet.
            began = datetime.fromisoformat(experiment.started_at)
            if now - began < timedelta(seconds=WINDOWS_SECONDS[-1]):
                self._looks.append((began, {}))
        present = {variant: _seen(counts) for variant, counts in read_counts(ledger, experiment.number).items()}
        self._looks.append((now, present))
        while self._looks[0][0] < now - timedelta(seconds=WINDOWS_SECONDS[-1] + LOOK_SECONDS):
            self._looks.popleft()
        for seconds in WINDOWS_SECONDS:
            treatment, control = (self._within(variant, now, seconds) for variant in (TREATMENT, CHAMPION))
            found = judge_canary(treatment, control) or self._missing(ledger, experiment, now, seconds)
            if found is not None:
                return found
        return None

    def _within(self, variant: str, now: datetime, seconds: float) -> Seen:
        """What a variant did between the last look before the window and now."""
        before = [found for at, found in self._looks if at <= now - timedelta(seconds=seconds)]
        first = before[-1] if before else self._looks[0][1]
        return _difference(self._looks[-1][1].get(variant, _NOTHING), first.get(variant, _NOTHING))

    def _missing(self, ledger: Ledger, experiment: Experiment, now: datetime, seconds: float) -> Wrong | None:
        """Recorded in the ledger, by customers who came: what of it is not in the counts. The newest seconds are still on their way."""
        settled = datetime.fromisoformat(experiment.phase.since) + timedelta(seconds=SETTLING_SECONDS)
        since, until = max(settled, now - timedelta(seconds=seconds)), now - timedelta(seconds=SETTLING_SECONDS)
        if since >= until:
            return None
        made = recent_predictions(ledger, since, until)
        recorded, treated = made.get(TREATMENT, (0, 0))
        counted = self._within(TREATMENT, now, seconds + SETTLING_SECONDS).customers
        others = made.get(CHAMPION, (0, 0))[1]
        return missing_metrics(recorded, counted) or missing_customers(treated, others, experiment.phase.share)

    def _champion_changed(self, service: Service, running: Running, now: datetime) -> bool:
        """Whether another version than the control has served for longer than a promotion takes to reach every server."""
        if running.control == (service.scorer.version, service.scorer.digest):
            self._changed_since = None
            return False
        self._changed_since = self._changed_since or now
        return now - self._changed_since > timedelta(seconds=CHANGED_SECONDS)

    def _stop(
        self, service: Service, ledger: Ledger, experiment: Experiment, reason: str, what: str, evidence: dict[str, object], now: datetime
    ) -> None:
        if stop_experiment(ledger, experiment.number, reason, WHO, now, what, evidence):
            logger.warning("experiment %s is stopped: %s", experiment.number, reason)
        service.arms.running = None


def _seen(counts: Counts) -> Seen:
    return Seen(counts.requests, counts.errors, counts.customers, counts.latency, counts.scores)


def _difference(now: Seen, before: Seen) -> Seen:
    latency, scores = (
        tuple(a - b for a, b in zip(mine, theirs, strict=True))
        for mine, theirs in ((now.latency, before.latency), (now.scores, before.scores))
    )
    return Seen(now.requests - before.requests, now.errors - before.errors, now.customers - before.customers, latency, scores)
