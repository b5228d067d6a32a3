"""Experiments: which runs now."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.ui.client.http import Api


@dataclass(frozen=True)
class Experiment:
    """A live comparison of two versions. `stopped_at` is None while it runs; times in ISO 8601."""

    number: int
    mode: str
    control: str
    treatment: str
    started_at: str
    stopped_at: str | None


def experiments(api: Api) -> tuple[Experiment, ...]:
    """All of them, newest first."""
    return tuple(
        Experiment(one["experiment"], one["mode"], one["control_version"], one["treatment_version"], one["started_at"], one["stopped_at"])
        for one in api.get("/experiments")["experiments"]
    )


def running(api: Api) -> Experiment | None:
    """The one that runs now."""
    return next((one for one in experiments(api) if one.stopped_at is None), None)
