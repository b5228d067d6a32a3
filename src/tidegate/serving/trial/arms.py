"""Which version scores whom. Without an experiment: the champion, everyone. With one: the customer's arm.

Who is in the treatment is decided by a salted hash (`experiments.assign`), so all replicas agree and a restart changes nothing. A treatment
that fails never fails an answer: the champion gives it, and the treatment has one error more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.rows import Rows
from tidegate.errors import TidegateError
from tidegate.experiments.assign import treated
from tidegate.ledger.experiments import Experiment
from tidegate.ledger.exposures import Counts
from tidegate.ledger.predictions import Prediction
from tidegate.serving.metrics import Metrics
from tidegate.serving.trial.counts import CHAMPION, TREATMENT, VariantCounts
from tidegate.serving.trial.shadow import ShadowQueue

logger = logging.getLogger("tidegate.serving")


@dataclass(frozen=True)
class Running:
    """The running experiment as this server knows it; `treatment` is None where its bundle was refused.

    `opened_at` is when that was tried, on the monotonic clock.
    """

    experiment: Experiment
    treatment: Scorer | None
    opened_at: float = 0.0

    @cached_property
    def control(self) -> tuple[str, str]:
        """Version and digest of the champion that it was started against."""
        return self.experiment.control_version, self.experiment.control_digest


@dataclass
class Arms:
    """One per process. `running` is replaced as a whole; `counts` and `shadows` outlive the experiments that fill them.

    `written` is what the ledger has of the counts.
    """

    running: Running | None = None
    counts: VariantCounts = field(default_factory=VariantCounts)
    shadows: ShadowQueue = field(default_factory=ShadowQueue)
    written: list[Counts] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scored:
    """One customer's probability and who gave it; `phase` is None where the prediction belongs to no experiment."""

    scorer: Scorer
    variant: str
    phase: int | None
    probability: float


@dataclass(frozen=True)
class FileTrial:
    """What a file needs of the running experiment: its number, who is drawn, and who answers for them (None: the champion has to)."""

    number: int
    salt: str
    share: float
    phase: int
    treatment: Scorer | None


def file_trial(arms: Arms, scorer: Scorer) -> FileTrial | None:
    """The running experiment for the customers of a file; None where there is none. Files cast no shadow."""
    running = running_beside(arms, scorer)
    if running is None or running.experiment.mode == "shadow":
        return None
    experiment = running.experiment
    return FileTrial(experiment.number, experiment.salt, experiment.phase.share, experiment.phase.phase, running.treatment)


def drawn_again(
    trial: FileTrial | None, scorer: Scorer, rows: Rows, hashes: Sequence[str | None], probabilities: Sequence[float]
) -> list[Scored]:
    """The champion's scores of valid rows, with the treatment's for those who are drawn. Counts nothing: `count_file` does."""
    if trial is None:
        return [Scored(scorer, CHAMPION, None, one) for one in probabilities]
    drawn = [one is not None and treated(trial.salt, one, trial.share) for one in hashes]
    found = [
        Scored(scorer, CHAMPION, None if one is None or mine else trial.phase, probability)
        for one, mine, probability in zip(hashes, drawn, probabilities, strict=True)
    ]
    places = np.flatnonzero(np.array(drawn))
    scores = _asked(trial.treatment, rows.take(places)) if len(places) else None
    if scores is not None and trial.treatment is not None:
        for place, one in zip(places.tolist(), scores, strict=True):
            found[place] = Scored(trial.treatment, TREATMENT, trial.phase, one)
    return found


def count_file(arms: Arms, metrics: Metrics, scorer: Scorer, trial: FileTrial | None, found: Sequence[Prediction]) -> None:
    """Count predictions of a file, as `scored_by_arm` counts those of a request."""
    by_treatment = [one.probability for one in found if one.variant == TREATMENT]
    metrics.counted(scorer, [one.probability for one in found if one.variant != TREATMENT], {})
    if trial is None:
        return
    if by_treatment and trial.treatment is not None:
        metrics.counted(trial.treatment, by_treatment, {})
    owed = [one.experiment_phase is None and one.customer is not None and treated(trial.salt, one.customer, trial.share) for one in found]
    _count(arms, metrics, trial.number, [(one.variant, one.experiment_phase, one.probability) for one in found], sum(owed))


def running_beside(arms: Arms, scorer: Scorer) -> Running | None:
    """The running experiment where this champion is its control; None where there is none, or where the champion has changed."""
    running = arms.running
    return running if running is not None and running.control == (scorer.version, scorer.digest) else None


def scorers_at_work(arms: Arms, scorer: Scorer) -> tuple[Scorer, ...]:
    """The champion, and behind it the treatment where there is one that answers."""
    running = running_beside(arms, scorer)
    if running is None or running.treatment is None or running.experiment.mode == "shadow":
        return (scorer,)
    return scorer, running.treatment


def scored_by_arm(
    arms: Arms, metrics: Metrics, scorer: Scorer, rows: Rows, hashes: Sequence[str | None], prediction_ids: Sequence[str]
) -> list[Scored]:
    """Score valid rows, each by the version of its customer's arm. `hashes` are the customers' (None: no id, so no arm: the champion).

    A shadow is scored later and elsewhere: what it says is written beside the prediction of this id, and nobody is told.
    """
    running = running_beside(arms, scorer)
    if running is None:
        return [Scored(scorer, CHAMPION, None, one) for one in _scores(metrics, scorer, rows)]
    experiment = running.experiment
    phase, salt = experiment.phase, experiment.salt
    if experiment.mode == "shadow":
        # Not even a customer without an id is left out: a prediction's own id draws as well, for nobody's answer depends on it.
        chosen = [treated(salt, one or own, phase.share) for one, own in zip(hashes, prediction_ids, strict=True)]
        found = [
            Scored(scorer, CHAMPION, phase.phase if drawn else None, one)
            for drawn, one in zip(chosen, _scores(metrics, scorer, rows), strict=True)
        ]
        _cast_shadow(arms, running, rows, found, prediction_ids)
    else:
        chosen = [one is not None and treated(salt, one, phase.share) for one in hashes]
        found = _split(metrics, running, scorer, rows, chosen, hashes)
    # Drawn, and yet in no arm: the treatment owed an answer.
    owed = sum(drawn and one.phase is None for drawn, one in zip(chosen, found, strict=True))
    _count(arms, metrics, experiment.number, [(one.variant, one.phase, one.probability) for one in found], owed)
    return found


def _split(
    metrics: Metrics, running: Running, scorer: Scorer, rows: Rows, chosen: Sequence[bool], hashes: Sequence[str | None]
) -> list[Scored]:
    phase = running.experiment.phase.phase
    arms: dict[int, Scored] = {}
    for drawn, variant in ((True, TREATMENT), (False, CHAMPION)):
        places = np.flatnonzero(np.array(chosen) == drawn)
        if not len(places):
            continue
        theirs = rows if len(places) == len(chosen) else rows.take(places)
        scores = _treatment_scores(metrics, running.treatment, theirs) if drawn else None
        if scores is not None and running.treatment is not None:
            made = [Scored(running.treatment, variant, phase, one) for one in scores]
        else:
            # In no arm: whom the treatment failed and who has no id say nothing about either version.
            made = [
                Scored(scorer, CHAMPION, None if drawn or hashes[place] is None else phase, one)
                for place, one in zip(places.tolist(), _scores(metrics, scorer, theirs), strict=True)
            ]
        arms.update(zip(places.tolist(), made, strict=True))
    return [arms[place] for place in range(len(chosen))]


def _treatment_scores(metrics: Metrics, treatment: Scorer | None, rows: Rows) -> list[float] | None:
    found = _asked(treatment, rows)
    if found is not None and treatment is not None:
        metrics.scored(treatment, rows, found)
    return found


def _asked(treatment: Scorer | None, rows: Rows) -> list[float] | None:
    """None where the treatment cannot be asked, fails, or answers something that is no probability."""
    if treatment is None:
        return None
    try:
        scores = score(treatment, rows)
    except Exception as error:  # noqa: BLE001 - whatever a version under trial raises, the customer gets an answer
        logger.warning("version %s under trial failed (%s); the champion answered", treatment.version, type(error).__name__)
        return None
    found: list[float] = scores.tolist()
    return found if (np.isfinite(scores) & (scores >= 0) & (scores <= 1)).all() else None


def _scores(metrics: Metrics, scorer: Scorer, rows: Rows) -> list[float]:
    found: list[float] = score(scorer, rows).tolist()
    metrics.scored(scorer, rows, found)
    return found


def _count(arms: Arms, metrics: Metrics, experiment: int, found: Sequence[tuple[str, int | None, float]], owed: int) -> None:
    """Count (variant, phase, probability) of customers, and what the treatment owed."""
    for variant in (CHAMPION, TREATMENT):
        if scores := [probability for whose, phase, probability in found if whose == variant and phase is not None]:
            arms.counts.scored(experiment, variant, scores)
            metrics.variants.labels(variant).inc(len(scores))
    if owed:
        arms.counts.failed(experiment, TREATMENT, owed)
        metrics.treatment_failures.inc(owed)


def _cast_shadow(arms: Arms, running: Running, rows: Rows, found: Sequence[Scored], prediction_ids: Sequence[str]) -> None:
    places = [place for place, one in enumerate(found) if one.phase is not None]
    if not places:
        return
    number = running.experiment.number
    ids = [prediction_ids[place] for place in places]
    if running.treatment is None or not arms.shadows.put(number, running.treatment, rows.take(np.array(places)), ids):
        arms.counts.failed(number, TREATMENT, len(places))


@contextmanager
def timed(arms: Arms, scorer: Scorer) -> Iterator[list[Prediction]]:
    """Time one customer's answer and count it for its arm. The block puts the prediction it is about into the list it is given."""
    running, began, about = running_beside(arms, scorer), time.perf_counter(), list[Prediction]()
    try:
        yield about
    except TidegateError as error:
        if running is not None and about and about[0].experiment_phase is not None and error.status >= 500:
            arms.counts.failed(running.experiment.number, about[0].variant)
        raise
    if running is not None and about and about[0].experiment_phase is not None:
        arms.counts.answered(running.experiment.number, about[0].variant, time.perf_counter() - began)
