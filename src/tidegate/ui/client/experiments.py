"""Experiments: which there are, what one shows, how that came about; start one, raise its share, end it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tidegate.ui.client.http import Api

POINTS = 14


@dataclass(frozen=True)
class Phase:
    """A stretch with one share (0 to 1)."""

    share: float
    since: str


@dataclass(frozen=True)
class Experiment:
    """A live comparison of two versions. `share` (0 to 1) is the present one; `stopped_…` are None while it runs; times in ISO 8601."""

    number: int
    mode: str
    control: str
    treatment: str
    share: float
    phases: tuple[Phase, ...]
    horizon_days: int
    started_at: str
    started_by: str
    stopped_at: str | None
    stopped_by: str | None
    stop_reason: str | None

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.stopped_at is None

    @property
    def begins_at(self) -> str:
        """From when on an outcome can count (ISO 8601)."""
        return (datetime.fromisoformat(self.started_at) + timedelta(days=self.horizon_days)).isoformat()


@dataclass(frozen=True)
class Between:
    """A value and the interval around it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measured:
    """A measure of both arms, and treatment minus control at its `level` (0 to 1); `word` is one of three."""

    control: Between
    treatment: Between
    difference: Between
    level: float
    word: str


@dataclass(frozen=True)
class Arm:
    """Customers of one arm, what became of those with an outcome (`matured`), what its answers were like; no latencies without answers."""

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
    latency_ms: dict[str, float | None]

    @property
    def stayed(self) -> int:
        """Of those with an outcome."""
        return self.matured - self.left


@dataclass(frozen=True)
class Status:
    """What one shows, looked at `at` that time. `split`: p and whether customers were split as meant, None in a shadow and where there are
    none yet; `shadow`: predictions that should have a shadow score, and those that have one; `fewest`: leavers, and stayers, that each arm
    needs.
    """

    experiment: Experiment
    at: str
    verdict: str
    fewest: int
    control: Arm
    treatment: Arm
    measures: dict[str, Measured]
    errors: Between | None
    wrong: Between | None
    split: tuple[float, bool] | None
    shadow: tuple[int, int] | None


@dataclass(frozen=True)
class Then:
    """Treatment minus control as it was known at a time."""

    at: str
    difference: Between
    level: float
    word: str


@dataclass(frozen=True)
class Timeline:
    """How the difference of each measure came about, looked at `at` that time; a measure has the points at which it was known."""

    at: str
    begins_at: str
    points: int
    measures: dict[str, tuple[Then, ...]]


@dataclass(frozen=True)
class Versions:
    """The champion and the other versions in storage, newest first; damaged ones are not among them."""

    champion: str | None
    others: tuple[str, ...]


def experiments(api: Api) -> tuple[Experiment, ...]:
    """All of them, newest first."""
    return tuple(_experiment(one) for one in api.get("/experiments")["experiments"])


def running(api: Api) -> Experiment | None:
    """The one that runs now."""
    return next((one for one in experiments(api) if one.running), None)


def versions(api: Api) -> Versions:
    """Which versions could be tried."""
    found = api.get("/models")
    champion = found["champion"]["version"] if found["champion"] else None
    return Versions(champion, tuple(one["version"] for one in found["models"] if not one["champion"] and "damaged" not in one))


def status(api: Api, number: int) -> Status:
    """What one shows."""
    found = api.get("/experiments/status", {"number": number})
    arms, ratio, shadow = found["arms"], found["sample_ratio"], found["shadow"]
    return Status(
        _experiment(found),
        found["at"],
        found["verdict"],
        found["fewest"],
        _arm(arms["control"]),
        _arm(arms["treatment"]),
        {name: _measured(one) for name, one in found["measures"].items()},
        _between(found["error_rate_difference"]),
        _between(found["feedback_wrong_difference"]),
        None if ratio is None else (ratio["p"], ratio["as_meant"]),
        None if shadow is None else (shadow["predictions"], shadow["scored"]),
    )


def timeline(api: Api, number: int) -> Timeline:
    """How the evidence of one came about."""
    found = api.get("/experiments/timeline", {"number": number, "points": POINTS})
    measures: dict[str, list[Then]] = {}
    for point in found["points"]:
        for name, one in point["measures"].items():
            measures.setdefault(name, []).append(Then(point["at"], Between(**one["difference"]), one["level"], one["word"]))
    return Timeline(found["at"], found["begins_at"], len(found["points"]), {name: tuple(known) for name, known in measures.items()})


def start(api: Api, treatment: str, mode: str, share_percent: float, horizon_days: int) -> Experiment:
    """Start one on this share of the customers. Refused (409) where one runs by now."""
    body = {"treatment": treatment, "mode": mode, "share": share_percent, "horizon_days": horizon_days, "seen_running": 0}
    return _experiment(api.post("/experiments", body))


def raise_share(api: Api, present: Experiment, share_percent: float) -> Experiment:
    """A higher share for the one that runs. Refused (409) where another runs by now, or none."""
    body = {"treatment": present.treatment, "mode": present.mode, "share": share_percent, "seen_running": present.number}
    return _experiment(api.post("/experiments", body))


def stop(api: Api, present: Experiment, reason: str) -> Experiment:
    """End the one that runs. Refused (409) where another runs by now, or none."""
    return _experiment(api.post("/experiments/stop", {"reason": reason, "seen_running": present.number}))


def _experiment(one: Mapping[str, Any]) -> Experiment:
    names = ("mode", "horizon_days", "started_at", "started_by", "stopped_at", "stopped_by", "stop_reason")
    return Experiment(
        number=one["experiment"],
        control=one["control_version"],
        treatment=one["treatment_version"],
        share=one["share"] / 100,
        phases=tuple(Phase(phase["share"] / 100, phase["since"]) for phase in one["phases"]),
        **{name: one[name] for name in names},
    )


def _arm(one: Mapping[str, Any]) -> Arm:
    names = ("version", "customers", "matured", "left", "false_positives", "false_negatives", "feedback", "answers", "errors", "error_rate")
    return Arm(latency_ms=dict(one["latency_ms"]), **{name: one[name] for name in names})


def _measured(one: Mapping[str, Any]) -> Measured:
    control, treatment, difference = (Between(**one[name]) for name in ("control", "treatment", "difference"))
    return Measured(control, treatment, difference, one["level"], one["word"])


def _between(one: Mapping[str, float] | None) -> Between | None:
    return None if one is None else Between(**one)
