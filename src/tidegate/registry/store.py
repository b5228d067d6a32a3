"""Runs and versions in MLflow: the home's SQLite store, or wherever MLFLOW_TRACKING_URI points."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.errors import RegistryUnavailable
from tidegate.home import Home

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

LONGEST_PARAMETER = 500


@dataclass(frozen=True)
class Registry:
    """A connection to a tracking and registry server, and the experiment of one table."""

    client: MlflowClient
    uri: str
    name: str
    experiment: str


def open_registry(home: Home, name: str) -> Registry:
    """The registry of the table `name`, made where absent. Raises RegistryUnavailable naming the server."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    from mlflow.tracking import MlflowClient

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    local = not os.environ.get("MLFLOW_TRACKING_URI")
    uri = f"sqlite:///{home.tracking / 'mlflow.db'}" if local else os.environ["MLFLOW_TRACKING_URI"]
    with _explained(uri):
        if local:
            _make_database(home.tracking / "mlflow.db")
        client = MlflowClient(uri, os.environ.get("MLFLOW_REGISTRY_URI") or uri)
        found = client.get_experiment_by_name(name)
        if found is not None:
            return Registry(client, uri, name, found.experiment_id)
        place = (home.tracking / "artifacts").as_uri() if local else None
        return Registry(client, uri, name, client.create_experiment(name, artifact_location=place))


def _make_database(path: Path) -> None:
    """MLflow's database, migrated aside and put in place whole: a process killed half-way leaves nothing that a later one trips over."""
    from mlflow.tracking import MlflowClient

    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        MlflowClient(f"sqlite:///{part}").search_experiments(max_results=1)
        MlflowClient(registry_uri=f"sqlite:///{part}", tracking_uri=f"sqlite:///{part}").search_registered_models(max_results=1)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        code = getattr(error, "error_code", type(error).__name__)
        place = uri.split("@")[-1]
        raise RegistryUnavailable(
            f"The registry at {place} refused or did not answer ({code}).", "Check MLFLOW_TRACKING_URI and the room on its disk."
        ) from error


@contextmanager
def run(registry: Registry, run_name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """One MLflow run; yields its id and ends it FINISHED, or FAILED where the block raises."""
    with _explained(registry.uri):
        started = registry.client.create_run(registry.experiment, run_name=run_name, tags=dict(tags))
        run_id = str(started.info.run_id)
    try:
        yield run_id
    except BaseException:
        with _explained(registry.uri):
            registry.client.set_terminated(run_id, "FAILED")
        raise
    with _explained(registry.uri):
        registry.client.set_terminated(run_id)


def log(
    registry: Registry, run_id: str, parameters: Mapping[str, Any], metrics: Mapping[str, float], folders: Sequence[tuple[Path, str]]
) -> None:
    """Parameters, metrics and whole folders of files as artifacts of a run."""
    from mlflow.entities import Metric, Param

    with _explained(registry.uri):
        registry.client.log_batch(
            run_id,
            metrics=[Metric(name, float(value), 0, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)[:LONGEST_PARAMETER]) for name, value in parameters.items()],
        )
        for folder, place in folders:
            registry.client.log_artifacts(run_id, str(folder), place)


def register(registry: Registry, run_id: str, digest: str, stage: str) -> str:
    """A new version of the table's model from the bundle that the run holds; returns its name, a whole number as text."""
    from mlflow.exceptions import MlflowException

    with _explained(registry.uri):
        try:
            registry.client.create_registered_model(registry.name)
        except MlflowException as error:
            if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{registry.client.get_run(run_id).info.artifact_uri}/bundle"
        made = registry.client.create_model_version(registry.name, source, run_id, tags={"digest": digest, "stage": stage})
        return str(made.version)


def set_alias(registry: Registry, alias: str, version: str) -> None:
    """Let an alias (champion, challenger) name a version."""
    with _explained(registry.uri):
        registry.client.set_registered_model_alias(registry.name, alias, version)


def tag_version(registry: Registry, version: str, key: str, value: str) -> None:
    """Set a tag of a version."""
    with _explained(registry.uri):
        registry.client.set_model_version_tag(registry.name, version, key, value)
