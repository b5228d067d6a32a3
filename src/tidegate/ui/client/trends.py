"""How it went over the newest batches: the drift of each feature, and the champion's ROC-AUC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.ui.client.details import Area
from tidegate.ui.client.http import Api


@dataclass(frozen=True)
class Feature:
    """One feature of one batch. `times_limit`: how many times its limit the largest effect is; None where there is none."""

    effect: str | None
    value: float | None
    limit: float | None
    times_limit: float | None
    adjusted_p_value: float | None
    drifted: bool


@dataclass(frozen=True)
class Moment:
    """One run; a damaged one has no features."""

    folder: str
    batch: str
    at: str | None
    damaged: bool
    features: Mapping[str, Feature]


@dataclass(frozen=True)
class Point:
    """The champion on one batch. `state`: realised, maturing (its horizon has not passed) or unlabelled (no label came)."""

    batch: str
    state: str | None
    estimated: Area | None
    trusted: bool | None
    realised: Area | None


@dataclass(frozen=True)
class Performance:
    """ROC-AUC over the batches of the champion `version`, oldest first, as the run `folder` found it."""

    folder: str
    version: str | None
    holdout: float | None
    alarm_below: float | None
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Trends:
    """The newest runs, oldest first."""

    moments: tuple[Moment, ...]
    performance: Performance | None


def trends(api: Api, limit: int) -> Trends:
    """Those of the newest batches."""
    said = api.get("/trends", {"limit": limit})
    return Trends(tuple(_moment(one) for one in said["batches"]), _performance(said["performance"]))


def _moment(one: Mapping[str, Any]) -> Moment:
    names = ("effect", "value", "limit", "times_limit", "adjusted_p_value", "drifted")
    features = {feature["column"]: Feature(**{name: feature[name] for name in names}) for feature in one["features"]}
    return Moment(one["folder"], one["batch"], one["at"], one["damaged"], features)


def _performance(said: Mapping[str, Any] | None) -> Performance | None:
    if said is None:
        return None
    points = tuple(
        Point(one["batch"], one["state"], _area(one["estimated"]), one["trusted"], _area(one["realised"])) for one in said["batches"]
    )
    return Performance(said["folder"], said["model_version"], said["holdout"], said["alarm_below"], points)


def _area(said: Mapping[str, Any] | None) -> Area | None:
    return None if said is None else Area(said["value"], said["low"], said["high"])
