"""How it went over the newest batches: each feature's effect beside its limit, and the champion's ROC-AUC, in one answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.home import Home
from tidegate.monitoring.performance.timeline import DATA
from tidegate.monitoring.site import Run, finite_number, read_runs, summary
from tidegate.operations.reports import file_of
from tidegate.settings import Settings

_STATES = ("realised", "maturing", "unlabelled")


def trends(home: Home, settings: Settings, limit: int) -> dict[str, Any]:
    """`batches`: the newest `limit` runs, oldest first; one whose file is damaged is there and says so. `performance`: the champion's
    ROC-AUC on its batches as the newest run found it; None where there is no run or its file is gone.
    """
    runs = read_runs(home.reports)
    newest = next((run for run in runs if run.document is not None), None)
    performance = None if newest is None else _performance(home, newest, settings.alert_auc_drop, limit)
    return {"batches": [_batch(run) for run in reversed(runs[:limit])], "performance": performance}


def _batch(run: Run) -> dict[str, Any]:
    said = summary(run)
    named = {name: said[name] for name in ("folder", "batch", "at", "damaged", "health", "model_version")}
    return {**named, "features": [] if run.document is None else list(_features(run.document))}


def _features(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What the document says of each column; what is absent or of a strange type is None, a column without a name is left out."""
    limits = document.get("limits")
    floors = limits.get("floors") if isinstance(limits, Mapping) else None
    columns = document.get("columns")
    for column in columns if isinstance(columns, list) else ():
        if not isinstance(column, Mapping) or not isinstance(column.get("column"), str):
            continue
        effect = column["effect"] if isinstance(column.get("effect"), str) else None
        value, floor = (_of(found, effect) for found in (column.get("effects"), floors))
        yield {
            "column": column["column"],
            "effect": effect,
            "value": value,
            "limit": floor,
            "times_limit": value / floor if value is not None and floor else None,
            "adjusted_p_value": finite_number(column.get("adjusted_p_value")),
            "drifted": column.get("drifted") is True,
        }


def _of(found: object, name: str | None) -> float | int | None:
    return finite_number(found.get(name)) if isinstance(found, Mapping) and name is not None else None


def _performance(home: Home, run: Run, largest_drop: float, limit: int) -> dict[str, Any] | None:
    path = file_of(home.reports, f"{run.folder}/{DATA}")
    try:
        said = None if path is None else json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        said = None
    if not isinstance(said, Mapping) or not isinstance(said.get("batches"), list):
        return None
    holdout = finite_number(said.get("holdout"))
    found = [_point(one) for one in said["batches"] if isinstance(one, Mapping) and isinstance(one.get("batch"), str)]
    return {
        "folder": run.folder,
        "model_version": summary(run)["model_version"],
        "holdout": holdout,
        "alarm_below": None if holdout is None else holdout * (1 - largest_drop),
        "batches": found[-limit:],
    }


def _point(said: Mapping[str, Any]) -> dict[str, Any]:
    estimated = said.get("estimated")
    return {
        "batch": said["batch"],
        "seen_at": said["seen_at"] if isinstance(said.get("seen_at"), str) else None,
        "state": said["state"] if said.get("state") in _STATES else None,
        "estimated": _area(estimated),
        "trusted": estimated.get("trusted") is True if isinstance(estimated, Mapping) else None,
        "realised": _area(said.get("realised")),
    }


def _area(said: object) -> dict[str, float | int | None] | None:
    """A value with its interval; None where there is no value."""
    if not isinstance(said, Mapping) or finite_number(said.get("value")) is None:
        return None
    return {name: finite_number(said.get(name)) for name in ("value", "low", "high")}
