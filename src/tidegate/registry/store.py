"""Runs and versions in MLflow: the home's SQLite store, or wherever MLFLOW_TRACKING_URI points."""

from __future__ import annotations

import logging
import os
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.bundle.local import stored_digest, stored_versions
from tidegate.errors import HomeRefused, RegistryUnavailable
from tidegate.home import Home
from tidegate.registry.server import explained, prepare_environment, redacted
from tidegate.storage.objects import open_storage

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

LONGEST_PARAMETER = 500
# urllib3 announces each retry, and MLflow's database layer logs each failure with its traceback; what comes of it is said once, at the end.
_QUIET = {
    "mlflow": logging.WARNING,
    "mlflow.store.db.utils": logging.CRITICAL,
    "alembic": logging.WARNING,
    "urllib3": logging.ERROR,
}


@dataclass(frozen=True)
class Registry:
    """A connection to a tracking and registry server, and the experiment of one table. `uri` may be shown: it holds no secret."""

    client: MlflowClient
    uri: str
    name: str
    experiment: str


def open_registry(home: Home, name: str) -> Registry:
    """The registry of the table `name`, made where absent. Raises RegistryUnavailable naming the server."""
    prepare_environment()
    from mlflow.tracking import MlflowClient

    for noisy, level in _QUIET.items():
        logging.getLogger(noisy).setLevel(level)
    local = not os.environ.get("MLFLOW_TRACKING_URI")
    uri = f"sqlite:///{home.tracking / 'mlflow.db'}" if local else os.environ["MLFLOW_TRACKING_URI"]
    with explained(uri):
        if local:
            _make_database(home.tracking / "mlflow.db")
        client = MlflowClient(uri, os.environ.get("MLFLOW_REGISTRY_URI") or uri)
        place = (home.tracking / "artifacts").as_uri() if local else None
        return Registry(client, redacted(uri), name, _experiment(client, name, place, redacted(uri)))


def _experiment(client: MlflowClient, name: str, place: str | None, uri: str) -> str:
    """The experiment's id. An answer that was lost lets MLflow ask twice, so that "it exists" may be the answer to our own first try."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, artifact_location=place))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)
    if found is None or not found.experiment_id:
        raise RegistryUnavailable(f"The server at {uri} does not speak MLflow.", "Check MLFLOW_TRACKING_URI.")
    if found.lifecycle_stage == "deleted":
        raise RegistryUnavailable(
            f"The experiment {name} at {uri} was deleted.", f"Restore it: mlflow experiments restore --experiment-id {found.experiment_id}."
        )
    return str(found.experiment_id)


def check_registry(home: Home, name: str) -> Registry:
    """Open the registry and learn early what would otherwise stop the delivery of a long training.

    That the server answers, that the account may write to the experiment (a tag is set), and that the numbers of new versions cannot
    meet those of this home. Raises RegistryUnavailable, StorageUnavailable or HomeRefused.
    """
    registry = open_registry(home, name)
    from mlflow.exceptions import MlflowException

    with explained(registry.uri):
        try:
            registry.client.set_experiment_tag(registry.experiment, "tidegate.table", name)
        except MlflowException as error:
            if error.error_code != "ENDPOINT_NOT_FOUND":  # a server that knows no such tags may still take runs
                raise
    _require_free_numbers(home, registry)
    return registry


def _require_free_numbers(home: Home, registry: Registry) -> None:
    storage = open_storage(home)
    stored = [version for version in stored_versions(storage) if version.isdigit()]
    if not stored:
        return
    with explained(registry.uri):
        known = registry.client.search_model_versions(f"name='{registry.name}'", max_results=1000)
    newest = max(int(version) for version in stored)
    if newest <= max((int(version.version) for version in known), default=0):
        return
    ours = {stored_digest(storage, version) for version in stored}
    if {version.tags.get("digest") for version in known}.isdisjoint(ours):
        _require_same_table(home, registry, ours)
        raise HomeRefused(
            f"{home.root} holds versions up to {newest}; the registry at {registry.uri} knows none and would give their numbers again.",
            "Point MLFLOW_TRACKING_URI at the registry this home was made with (unset: its own), or name a new home with --home.",
        )


def _require_same_table(home: Home, registry: Registry, ours: Set[str]) -> None:
    with explained(registry.uri):
        for version in registry.client.search_model_versions(max_results=1000):
            if version.name != registry.name and version.tags.get("digest") in ours:
                raise HomeRefused(
                    f"{home.root} holds versions of the table {version.name}, and this one is {registry.name}.",
                    "Give the home's own table (tidegate train DATA, with its label or spec), or name a new home with --home.",
                )


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


def register_once(registry: Registry, run_id: str, digest: str, stage: str, parcel: str) -> str:
    """The version registered from this parcel's bundle, made where there is none yet; returns its name, a whole number as text.

    A request whose answer was lost is sent again by MLflow and may have made two: the first is kept, its doubles are removed.
    """
    if versions := _versions_of(registry, run_id, digest, parcel):
        return versions[0]
    made = _new_version(registry, run_id, {"digest": digest, "stage": stage, "parcel": parcel})
    version, *doubles = _versions_of(registry, run_id, digest, parcel) or [made]
    for double in doubles:
        _delete_version(registry, double)
    return version


def _delete_version(registry: Registry, version: str) -> None:
    from mlflow.exceptions import MlflowException

    with explained(registry.uri):
        try:
            registry.client.delete_model_version(registry.name, version)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":  # asked twice after a lost answer: it is gone
                raise


def _versions_of(registry: Registry, run_id: str, digest: str, parcel: str) -> list[str]:
    """Versions of a parcel, lowest first. Tags are compared here: not every server searches by them."""
    with explained(registry.uri):
        found = registry.client.search_model_versions(f"run_id='{run_id}'")
    ours = [one for one in found if one.name == registry.name and (one.tags.get("digest"), one.tags.get("parcel")) == (digest, parcel)]
    return sorted((str(one.version) for one in ours), key=int)


def _new_version(registry: Registry, run_id: str, tags: dict[str, str]) -> str:
    from mlflow.exceptions import MlflowException

    with explained(registry.uri):
        try:
            registry.client.create_registered_model(registry.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{registry.client.get_run(run_id).info.artifact_uri}/bundle"
        return str(registry.client.create_model_version(registry.name, source, run_id, tags=tags).version)


def digest_of(registry: Registry, version: str) -> str | None:
    """The digest that a version was registered with; None where the registry has no such version."""
    from mlflow.exceptions import MlflowException

    with explained(registry.uri):
        try:
            return registry.client.get_model_version(registry.name, version).tags.get("digest")
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
    return None


def aliases(registry: Registry) -> dict[str, str]:
    """Which version each alias names."""
    with explained(registry.uri):
        return {alias: str(version) for alias, version in registry.client.get_registered_model(registry.name).aliases.items()}


def set_alias(registry: Registry, alias: str, version: str) -> None:
    """Let an alias (champion, challenger) name a version."""
    with explained(registry.uri):
        registry.client.set_registered_model_alias(registry.name, alias, version)


def tag_version(registry: Registry, version: str, key: str, value: str) -> None:
    """Set a tag of a version."""
    with explained(registry.uri):
        registry.client.set_model_version_tag(registry.name, version, key, value)
