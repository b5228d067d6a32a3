"""What Prometheus is told of a monitoring run: numbers from its document, under names from closed lists."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

VERDICT_VALUES = {"PASS": 0.0, "WARNING": 1.0, "FAIL": 2.0}
PARTS = ("data_stability", "column_drift", "dataset_drift", "performance")
MOST_FEATURES = 200
"""A table with more columns shows these, by falling influence, so that the number of series is bounded."""


@dataclass(frozen=True)
class Figure:
    """One value of a gauge; `label` is the name and the value of its only label."""

    name: str
    value: float
    label: tuple[str, str] | None = None


def figures_of(document: Mapping[str, Any], now: datetime) -> Iterator[Figure]:
    """The figures of one `drift_tests.json`. What it does not say, or says in a strange way, has no figure: no number stands for "unknown".

    >>> found = {"health": "WARNING", "rows": 200, "quarantined": 8, "drifted_features": ["age"]}
    >>> [(figure.name, figure.value) for figure in figures_of(found, datetime.now())]
    [('health', 1.0), ('drifted_features', 1.0), ('rows', 200.0), ('quarantined_share', 0.04)]
    """
    if (health := _verdict(document.get("health"))) is not None:
        yield Figure("health", health)
    for part in PARTS:
        if (verdict := _verdict(document.get(part))) is not None:
            yield Figure("verdict", verdict, ("part", part))
    if isinstance(document.get("drifted_features"), list):
        yield Figure("drifted_features", float(len(document["drifted_features"])))
    rows, quarantined = _number(document.get("rows")), _number(document.get("quarantined"))
    if rows is not None:
        yield Figure("rows", rows)
    if rows and quarantined is not None:
        yield Figure("quarantined_share", quarantined / rows)
    yield from _areas(document)
    yield from _features(document)
    try:
        yield Figure("age_seconds", max(0.0, (now - datetime.fromisoformat(document["at"])).total_seconds()))
    except (KeyError, TypeError, ValueError):
        return


def _areas(document: Mapping[str, Any]) -> Iterator[Figure]:
    """ROC-AUC on the holdout, as estimated and as realised, with the upper ends of intervals and whether each is to be trusted."""
    if (holdout := _number(document.get("holdout_roc_auc"))) is not None:
        yield Figure("roc_auc", holdout, ("source", "holdout"))
    for source, trust in (("estimated", "trusted"), ("realised", "enough")):
        block = document.get(source)
        if not isinstance(block, Mapping):
            continue
        metrics = block.get("metrics")
        area = (metrics if isinstance(metrics, Mapping) else block).get("roc_auc")
        for name, key in (("roc_auc", "value"), ("roc_auc_high", "high")):
            if isinstance(area, Mapping) and (value := _number(area.get(key))) is not None:
                yield Figure(name, value, ("source", source))
        yield Figure("roc_auc_trusted", float(block.get(trust) is True), ("source", source))


def _features(document: Mapping[str, Any]) -> Iterator[Figure]:
    """Each feature's effect in floors (1 is the smallest drift that matters), whether it drifted, and what its drift does to the scores."""
    columns, limits = document.get("columns"), document.get("limits")
    floors = limits.get("floors") if isinstance(limits, Mapping) else None
    for column in columns[:MOST_FEATURES] if isinstance(columns, list) else ():
        if not isinstance(column, Mapping) or not isinstance(column.get("column"), str):
            continue
        label = ("feature", column["column"])
        if (effect := _in_floors(column, floors)) is not None:
            yield Figure("feature_effect", effect, label)
        yield Figure("feature_drifted", float(column.get("drifted") is True), label)
        if (influence := _number(column.get("influence"))) is not None:
            yield Figure("feature_influence", influence, label)
    if (effect := _in_floors(document.get("prediction"), floors)) is not None:
        yield Figure("prediction_effect", effect)


def _in_floors(column: object, floors: object) -> float | None:
    """The effect that a column is judged by, beside its floor."""
    if not isinstance(column, Mapping) or not isinstance(floors, Mapping) or not isinstance(column.get("effects"), Mapping):
        return None
    name = column.get("effect")
    effect, floor = (_number(found.get(name)) if isinstance(name, str) else None for found in (column["effects"], floors))
    return effect / floor if effect is not None and floor else None


def _verdict(value: object) -> float | None:
    return VERDICT_VALUES.get(value) if isinstance(value, str) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
