"""The documented shapes of what the routes about experiments answer. Keys of these objects only grow."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tidegate.operations.desk.answers import Answer

Word = Literal["treatment better", "treatment worse", "not enough evidence"]


class PhaseShown(Answer):
    """A stretch of an experiment with one share (percent)."""

    phase: int
    share: float
    since: str
    who: str


class ExperimentShown(Answer):
    """An experiment; times in ISO 8601, `share` the present one in percent, `stopped_…` null while it runs."""

    experiment: int
    mode: Literal["ab", "canary", "shadow"]
    treatment_version: str
    treatment_digest: str
    control_version: str
    control_digest: str
    share: float
    phases: list[PhaseShown]
    horizon_days: int
    started_at: str
    started_by: str
    stopped_at: str | None
    stopped_by: str | None
    stop_reason: str | None
    running: bool


class Began(ExperimentShown):
    """The experiment that runs now."""

    raised: bool = Field(description="it ran before, with a smaller share")


class Experiments(Answer):
    """All of them, newest first."""

    experiments: list[ExperimentShown]


class Between(Answer):
    """A value and the interval around it that holds at every look."""

    value: float
    low: float
    high: float


class Latency(Answer):
    """Quantiles in milliseconds; null without answers."""

    p50: float | None
    p95: float | None
    p99: float | None


class Arm(Answer):
    """`customers` were assigned, `matured` of them have an outcome, `left` of these left; `errors` of `answers` and errors together."""

    version: str
    customers: int
    matured: int
    left: int
    false_positives: int
    false_negatives: int
    feedback: dict[str, int]
    answers: int
    errors: int
    error_rate: float | None
    latency_ms: Latency


class Arms(Answer):
    """Both."""

    control: Arm
    treatment: Arm


class MeasuredShown(Answer):
    """A measure of both arms, and treatment minus control at its `level`."""

    control: Between
    treatment: Between
    difference: Between
    level: float
    word: Word


class SampleRatio(Answer):
    """Whether customers were split as meant: `p` is valid at any look."""

    p: float
    as_meant: bool


class ShadowShown(Answer):
    """Predictions that should have a shadow score, and those that have one."""

    predictions: int
    scored: int


class ExperimentStatus(ExperimentShown):
    """What `tidegate experiment status --json` says."""

    at: str = Field(description="when this was looked at; where looking takes seconds, an answer is given again for a while")
    verdict: str
    fewest: int = Field(description="so many who left, and so many who stayed, each arm needs before anything is said")
    arms: Arms
    measures: dict[str, MeasuredShown] = Field(description="by name, empty where there is not enough evidence")
    error_rate_difference: Between | None
    feedback_wrong_difference: Between | None
    sample_ratio: SampleRatio | None = Field(description="null in a shadow, where nobody is split, and where there are no customers yet")
    shadow: ShadowShown | None


class KnownThen(Answer):
    """Customers with an outcome that counted by then, and those of them who had left."""

    matured: int
    left: int


class MeasureThen(Answer):
    """Treatment minus control at its `level`."""

    difference: Between
    level: float
    word: Word


class PointShown(Answer):
    """What could have been said at a time. The verdict is that of the measures alone: whether the split can be trusted, the status says."""

    at: str
    control: KnownThen
    treatment: KnownThen
    verdict: str
    measures: dict[str, MeasureThen]


class ExperimentTimeline(Answer):
    """Points, oldest first; the last is the present, or when the last outcome of a stopped experiment came."""

    experiment: int
    at: str = Field(description="when this was looked at")
    begins_at: str = Field(description="from when on an outcome could count")
    points: list[PointShown]
