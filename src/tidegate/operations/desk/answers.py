"""The documented shapes of what monitoring, alerts and renewals answer. Keys of these objects only grow: further ones pass."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tidegate.operations.desk.jobs import State

Verdict = Literal["PASS", "WARNING", "FAIL"]


class Answer(BaseModel):
    """An object that may hold more than is documented."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class JobAnswer(Answer):
    """A long verb in a process of its own."""

    job: str
    state: State
    who: str
    words: list[str] = Field(description="the options, as a person would have typed them")
    started_at: str
    ended_at: str | None
    share: float = Field(ge=0, le=1)
    doing: str
    result: dict[str, Any] | None = Field(description="what the verb says with --json")
    error: str | None = Field(description="why it failed")


class Links(Answer):
    """On the reports site; paths in the home where TIDEGATE_REPORTS_URL is not set; null where no page was drawn."""

    report: str | None
    performance: str | None
    document: str


class MonitoredBatch(Answer):
    """One monitoring run. `folder` is its name in /monitoring/NAME; what a damaged file does not say is null."""

    folder: str
    damaged: bool
    batch: str
    at: str | None
    health: Verdict | None
    data_stability: Verdict | None
    column_drift: Verdict | None
    dataset_drift: Verdict | None
    performance: Verdict | None
    drifted_features: list[str] | None
    rows: float | int | None
    quarantined: float | int | None
    estimated_roc_auc: float | None
    estimate_trusted: bool | None
    realised_roc_auc: float | None
    model_version: str | None
    warnings: int
    links: Links


class Monitored(Answer):
    """The monitored batches, newest first, and the runs that this server was asked for."""

    batches: list[MonitoredBatch]
    jobs: list[JobAnswer]


class FeatureThen(Answer):
    """One feature of one batch. `effect`: the largest beside its limit, `times_limit` of which `value` is; it has drifted where that is at
    least 1 and chance does not explain it (`adjusted_p_value`).
    """

    column: str
    effect: str | None
    value: float | None
    limit: float | None
    times_limit: float | None
    adjusted_p_value: float | None
    drifted: bool


class BatchThen(Answer):
    """One monitoring run; a damaged one has no features."""

    folder: str
    batch: str
    at: str | None
    damaged: bool
    health: Verdict | None
    model_version: str | None
    features: list[FeatureThen]


class Area(Answer):
    """A ROC-AUC with its 95 % interval."""

    value: float
    low: float | None
    high: float | None


class PointThen(Answer):
    """The champion on one batch. `state`: labels are known, their horizon has not passed, or it has and no label came."""

    batch: str
    seen_at: str | None
    state: Literal["realised", "maturing", "unlabelled"] | None
    estimated: Area | None
    trusted: bool | None = Field(description="whether the estimate is to be trusted")
    realised: Area | None


class PerformanceThen(Answer):
    """ROC-AUC over the champion's batches, oldest first, as the run in `folder` found it."""

    folder: str
    model_version: str | None
    holdout: float | None
    alarm_below: float | None = Field(description="TIDEGATE_ALERT_AUC_DROP below the holdout's")
    batches: list[PointThen]


class Trends(Answer):
    """The newest runs, oldest first; `performance` is null where no run left any."""

    batches: list[BatchThen]
    performance: PerformanceThen | None


class AlertShown(Answer):
    """One alert. `value` and `limit` in the unit of its kind."""

    kind: str
    key: str
    severity: str
    title: str
    detail: str
    value: float | None
    limit: float | None
    link: str
    runbook: str


class OpenAlert(AlertShown):
    """An alert that is not resolved; `clearing`: the last look found it below its limit for the first time."""

    since: str
    told: str
    clearing: bool


class Owed(AlertShown):
    """A message that has not reached its channel yet."""

    what: str
    at: str
    channel: str


class DeliveryAttempt(Owed):
    """A message that arrived, or a channel's first refusal of it."""

    arrived: bool


class Standing(Answer):
    """What `tidegate alerts --json` says."""

    open: list[OpenAlert]
    undelivered: list[Owed]
    channels: list[str]
    deliveries: list[DeliveryAttempt]


class Tried(Answer):
    """Whether a test message arrived, by the channel's name."""

    arrived: dict[str, bool]


class GateShown(Answer):
    """One gate."""

    name: str
    value: float | None
    limit: float | None
    passed: bool


class RenewalAnswer(Answer):
    """What `tidegate renew --json` and `tidegate renewals` say."""

    decision: str
    reasons: list[str]
    challenger: str | None
    gates: list[GateShown]
    champion: str
    renewal: int | None


class RenewalShown(Answer):
    """A renewal as the audit trail has it."""

    renewal: int
    decision: str
    challenger: str
    champion: str
    reasons: list[str]
    gates: list[GateShown]
    batch: str
    decided_at: str
    waiting: bool = Field(description="for a person's word (held), or for its canary")
    concluded: dict[str, Any] | None = Field(description="what became of one that waited: decision, reason, who, at")
    superseded_by: int | None = Field(description="the later renewal that was held or promoted in place of one that was held")


class Hour(Answer):
    """One hour, which begins at `at` (UTC); the last one has not ended."""

    at: str
    predictions: int


class Traffic(Answer):
    """Hours, oldest first; one without predictions is there."""

    hours: list[Hour]


class Renewals(Answer):
    """The renewals, newest first, and the runs that this server was asked for."""

    renewals: list[RenewalShown]
    jobs: list[JobAnswer]


class Estimate(Answer):
    """A measure on the holdout with its 95 % interval; what was not measured is null."""

    value: float | None
    low: float | None
    high: float | None


class EvaluatedModel(Answer):
    """One model of a training. Measures by name, out of fold (which chose) and on the holdout (which only reports)."""

    name: str
    kind: str
    algorithm: str
    chosen: bool
    fit_cpu_seconds: float | None
    out_of_fold: dict[str, float | None]
    holdout: dict[str, Estimate]


class Decisions(Answer):
    """Customers of the holdout at the model's threshold, and the rates that they come to; null over nobody."""

    stayed_unflagged: int
    stayed_flagged: int
    left_unflagged: int
    left_flagged: int
    false_positive_rate: float | None
    recall: float | None
    precision: float | None
    share_contacted: float | None


class ThresholdShown(Answer):
    """What contacting everybody at or above a threshold brings in per 1,000 customers, in `currency`, with its 95 % interval."""

    rule: str
    threshold: float
    share_contacted: float
    profit_per_1000: float
    low: float
    high: float
    currency: str


Columns = dict[str, list[float | None]]


class Evaluation(Answer):
    """What the training of a version left in this home.

    Curves are columns of equally many numbers, at most 200; null where none was written.
    """

    version: str
    model: str = Field(description="the one that curve, gain, calibration and decisions are of")
    models: list[EvaluatedModel] = Field(description="all that the training compared, best first")
    curve: Columns | None = Field(description="threshold, false_positive_rate, recall, precision, share_contacted")
    gain: Columns | None = Field(description="share_contacted, share_of_leavers_found, lift")
    calibration: Columns | None = Field(description="groups by probability: what was said, what happened, with its 95 % interval")
    decisions: Decisions | None
    learning: Columns | None = Field(description="rows, out_of_fold_pr_auc, training_pr_auc")
    profit: Columns | None = Field(description="threshold, share_contacted, profit_per_1000_customers, of the version")
    thresholds: list[ThresholdShown]
    improvements: list[str] = Field(description="what tuning and ensembles changed, in sentences")
