"""A tree of runs in MLflow, sent so that sending it again from any point adds nothing twice.

A run is found again by two tags, its parcel and its position in the tree. It is RUNNING until everything of it has arrived and
FINISHED afterwards, children before their parent: who sees a finished training sees all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.registry.outbox import Parcel, RunRecord, walk
from tidegate.registry.server import explained
from tidegate.registry.store import LONGEST_PARAMETER, Registry

if TYPE_CHECKING:
    from mlflow.entities import Run

PARCEL_TAG, POSITION_TAG, PARENT_TAG = "tidegate.parcel", "tidegate.run", "mlflow.parentRunId"
_PAGE = 1_000
# Limits of MLflow's REST API, a request: https://mlflow.org/docs/latest/rest-api.html#log-batch
_MOST_PARAMETERS, _MOST_METRICS = 100, 800


def send_runs(registry: Registry, parcel: Parcel, folder: Path) -> str:
    """Send every run of the parcel in `folder` that has not arrived whole; returns the id of the one that holds the bundle."""
    with explained(registry.uri):
        runs = _made(registry, parcel)
        # reversed: parents come first in a walk, and a parent is finished last
        for position, record in reversed(list(walk(parcel.run))):
            if runs[position].info.status != "FINISHED":
                bundle = ((folder / "bundle", "bundle"),) if record.bundle else ()
                _fill(registry, str(runs[position].info.run_id), record, (*record.folders, *bundle))
    return next(str(runs[position].info.run_id) for position, record in walk(parcel.run) if record.bundle)


def _made(registry: Registry, parcel: Parcel) -> Mapping[str, Run]:
    """One run a position, made where it is absent, under its parent.

    MLflow repeats a request whose answer was lost, which makes a run twice: of doubles, one is chosen and the others are deleted.
    """
    found = _found(registry, parcel)
    runs = {position: doubles[0] for position, doubles in found.items()}
    absent = [(position, record) for position, record in walk(parcel.run) if position not in runs]
    for position, record in absent:
        tags = _tags(parcel, position, record, runs)
        runs[position] = registry.client.create_run(registry.experiment, record.started_ms, tags, record.name)
    if absent:
        found = _found(registry, parcel)
    for position, (chosen, *doubles) in found.items():
        runs[position] = chosen
        for double in doubles:
            registry.client.delete_run(double.info.run_id)
    for position, one in runs.items():
        if (parent := _parent(position, runs)) and one.data.tags.get(PARENT_TAG) != parent:
            registry.client.set_tag(one.info.run_id, PARENT_TAG, parent)
    return runs


def _found(registry: Registry, parcel: Parcel) -> dict[str, list[Run]]:
    """Runs of the parcel by position, the one to keep first: finished before unfinished, then by id, so that every attempt agrees."""
    positions = {position for position, _ in walk(parcel.run)}
    found: dict[str, list[Run]] = {}
    token = None
    while True:
        page = registry.client.search_runs(
            [registry.experiment], f"tags.`{PARCEL_TAG}` = '{parcel.identity}'", max_results=_PAGE, page_token=token
        )
        for one in page:
            if (position := one.data.tags.get(POSITION_TAG)) in positions:
                found.setdefault(position, []).append(one)
        token = page.token
        if not token:
            break
    for doubles in found.values():
        doubles.sort(key=lambda one: (one.info.status != "FINISHED", one.info.run_id))
    return found


def _parent(position: str, runs: Mapping[str, Run]) -> str | None:
    above = position.rpartition(".")[0]
    return str(runs[above].info.run_id) if above else None


def _tags(parcel: Parcel, position: str, record: RunRecord, runs: Mapping[str, Run]) -> dict[str, str]:
    parent = _parent(position, runs)
    return {
        "mlflow.user": parcel.who,
        "mlflow.source.name": "tidegate train",
        "mlflow.source.type": "LOCAL",
        **record.tags,
        PARCEL_TAG: parcel.identity,
        POSITION_TAG: position,
        **({PARENT_TAG: parent} if parent else {}),
    }


def _fill(registry: Registry, run_id: str, record: RunRecord, folders: tuple[tuple[Path, str], ...]) -> None:
    """Everything of a run, its status last. The same metric at the same time and the same parameter may be sent twice: MLflow keeps one."""
    from mlflow.entities import Metric, Param

    metrics = [Metric(name, float(value), record.ended_ms, 0) for name, value in record.metrics.items()]
    parameters = [Param(name, str(value)[:LONGEST_PARAMETER]) for name, value in record.parameters.items()]
    metric_pages = [metrics[start : start + _MOST_METRICS] for start in range(0, len(metrics), _MOST_METRICS)]
    parameter_pages = [parameters[start : start + _MOST_PARAMETERS] for start in range(0, len(parameters), _MOST_PARAMETERS)]
    for some_metrics, some_parameters in zip_longest(metric_pages, parameter_pages, fillvalue=()):
        registry.client.log_batch(run_id, metrics=some_metrics, params=some_parameters)
    for folder, place in folders:
        registry.client.log_artifacts(run_id, str(folder), place)
    registry.client.set_terminated(run_id, "FINISHED", record.ended_ms)
