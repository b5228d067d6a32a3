"""`tidegate experiment status`: what the ledger knows of an experiment, and what that is evidence of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tidegate.errors import InputRefused
from tidegate.experiments.guard import quantile
from tidegate.experiments.judge import ALARM, Evidence, Judgement, difference_of_shares, judge, sample_ratio
from tidegate.ledger.experiments import Experiment, find_experiment
from tidegate.ledger.exposures import Counts, count_exposed, count_shadows, heard_in, read_counts, split_by_phase
from tidegate.ledger.store import Ledger
from tidegate.ledger.trials import Trials, read_trials
from tidegate.measures.classification import Floats, Labels
from tidegate.measures.intervals import Interval

CHAMPION, TREATMENT = "champion", "treatment"
WRONG_SPLIT = "not to be trusted: customers were not split as meant"


@dataclass(frozen=True)
class ArmStatus:
    """One arm. `customers` were assigned, `matured` of them have an outcome, `left` of these left; latencies in milliseconds, NaN of none.

    False positives were flagged and stayed, false negatives were not and left. `answers` and `errors` are what servers counted.
    """

    version: str
    customers: int
    matured: int
    left: int
    false_positives: int
    false_negatives: int
    feedback: dict[str, int]
    answers: int
    errors: int
    latency_ms: dict[str, float]


@dataclass(frozen=True)
class Shadowed:
    """Predictions that should have a shadow score, and those that have one."""

    predictions: int
    scored: int


@dataclass(frozen=True)
class Status:
    """An experiment and its evidence `at` a time.

    `sample_ratio_p` is None in a shadow, where nobody is split, and where nobody has come yet; `shadowed` is None elsewhere.
    """

    experiment: Experiment
    at: datetime
    control: ArmStatus
    treatment: ArmStatus
    judgement: Judgement
    sample_ratio_p: float | None
    error_difference: Interval | None
    wrong_difference: Interval | None
    shadowed: Shadowed | None

    @property
    def split_as_meant(self) -> bool:
        """Whether the sample ratio gives no alarm."""
        return self.sample_ratio_p is None or self.sample_ratio_p >= ALARM

    @property
    def verdict(self) -> str:
        """What may be said by now."""
        return self.judgement.verdict if self.split_as_meant else WRONG_SPLIT


def status(ledger: Ledger, number: int | None, now: datetime) -> Status:
    """The experiment of this number, without one the latest. Raises InputRefused where there is none, and LedgerUnavailable."""
    experiment = found_experiment(ledger, number)
    return status_of(ledger, experiment, read_trials(ledger, experiment, now), now)


def found_experiment(ledger: Ledger, number: int | None) -> Experiment:
    """The experiment of this number, without one the latest. Raises InputRefused where there is none, and LedgerUnavailable."""
    experiment = find_experiment(ledger, number)
    if experiment is None:
        named = "No experiment was started in this home yet." if number is None else f"There is no experiment {number} in this home."
        raise InputRefused(named, "Start one: tidegate experiment start --treatment VERSION.")
    return experiment


def status_of(ledger: Ledger, experiment: Experiment, trials: Trials, at: datetime) -> Status:
    """The experiment as it was when its `trials` were read. Raises LedgerUnavailable."""
    shadow = experiment.mode == "shadow"
    split = split_by_phase(ledger, experiment)
    counts, heard = read_counts(ledger, experiment.number), heard_in(ledger, experiment)
    control, treatment = evidence_of(trials)
    theirs = [
        _arm(version, evidence, sum(one.get(variant, 0) for one in split.values()), heard.get(variant, {}), counts.get(variant))
        for version, variant, evidence in (
            (experiment.control_version, CHAMPION, control),
            (experiment.treatment_version, TREATMENT, treatment),
        )
    ]
    splits = [
        (split.get(one.phase, {}).get(TREATMENT, 0), split.get(one.phase, {}).get(CHAMPION, 0), one.share) for one in experiment.phases
    ]
    ours, other = theirs[1], theirs[0]
    wrong = [(arm.feedback.get("prediction_wrong", 0), sum(arm.feedback.values())) for arm in (ours, other)]
    return Status(
        experiment,
        at,
        other,
        ours,
        judge(control, treatment, paired=shadow),
        sample_ratio(splits) if any(treated or others for treated, others, _ in splits) and not shadow else None,
        difference_of_shares(ours.errors, ours.answers + ours.errors, other.errors, other.answers + other.errors),
        None if shadow else difference_of_shares(*wrong[0], *wrong[1]),
        Shadowed(count_exposed(ledger, experiment), count_shadows(ledger, experiment.number)) if shadow else None,
    )


def evidence_of(trials: Trials, moment: datetime | None = None) -> tuple[Evidence, Evidence]:
    """What was known at a time, without one by now, of control and treatment: in a shadow of the same customers, by the word of each."""
    counted, label = trials.known(moment)
    said, treated = trials.said[counted], trials.treated[counted]
    if trials.shadow is not None:
        return _evidence(label, said), _evidence(label, trials.shadow[counted])
    return _evidence(label[~treated], said[~treated]), _evidence(label[treated], said[treated])


def _evidence(label: Labels, said: Floats) -> Evidence:
    """`said` (n, 2): probability and threshold."""
    probability, threshold = said.T
    return Evidence(label, np.ascontiguousarray(probability), probability >= threshold)


def _arm(version: str, evidence: Evidence, customers: int, heard: dict[str, int], counts: Counts | None) -> ArmStatus:
    left = evidence.label == 1
    latency = () if counts is None else counts.latency
    return ArmStatus(
        version,
        customers,
        len(evidence.label),
        int(left.sum()),
        int((evidence.flagged & ~left).sum()),
        int((~evidence.flagged & left).sum()),
        heard,
        0 if counts is None else counts.customers,
        0 if counts is None else counts.errors,
        {name: 1000 * quantile(latency, level) for name, level in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))},
    )
