from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ENDPOINT_NOT_FOUND, PERMISSION_DENIED, RESOURCE_ALREADY_EXISTS

from tidegate.errors import HomeRefused, RegistryUnavailable
from tidegate.home import Home, open_home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.registry.deliver import deliver
from tidegate.registry.store import check_registry, open_registry
from unit.registry.parcels import NOW, made_bundle, put_parcel


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = open_home(tmp_path_factory.mktemp("store") / "home")
    open_registry(home, "bank")
    return home


def test_a_registry_is_checked_before_a_training(home: Home) -> None:
    registry = check_registry(home, "bank")
    assert registry.client.get_experiment(registry.experiment).tags["tidegate.table"] == "bank"


@pytest.mark.parametrize(("code", "refused"), [(ENDPOINT_NOT_FOUND, False), (PERMISSION_DENIED, True)])
def test_a_server_without_experiment_tags_will_do_and_one_without_rights_will_not(
    home: Home, monkeypatch: pytest.MonkeyPatch, code: Any, refused: bool
) -> None:
    from mlflow.tracking import MlflowClient

    def answer(*_: object) -> None:
        raise MlflowException("no", code)

    monkeypatch.setattr(MlflowClient, "set_experiment_tag", answer)
    if refused:
        with pytest.raises(RegistryUnavailable, match="403"):
            check_registry(home, "bank")
    else:
        assert check_registry(home, "bank").name == "bank"


def test_an_experiment_that_someone_else_or_an_unheard_first_try_made_is_taken(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.tracking import MlflowClient

    create = MlflowClient.create_experiment

    def made_and_refused(*given: Any, **named: Any) -> None:
        create(*given, **named)
        raise MlflowException("exists", RESOURCE_ALREADY_EXISTS)

    monkeypatch.setattr(MlflowClient, "create_experiment", made_and_refused)
    assert open_registry(home, "another").experiment


def test_a_deleted_experiment_is_named_with_what_restores_it(home: Home) -> None:
    registry = open_registry(home, "gone")
    registry.client.delete_experiment(registry.experiment)
    with pytest.raises(RegistryUnavailable, match=f"--experiment-id {registry.experiment}"):
        open_registry(home, "gone")


def test_a_home_is_not_trained_against_a_registry_that_would_give_its_numbers_again(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(sqlite_url(home.ledger))
    deliver(home, open_registry(home, "bank"), ledger, put_parcel(home, tmp_path / "s"), NOW)
    close_ledger(ledger)
    made_bundle(home.storage / "bundles" / "2", seed=2)
    assert check_registry(home, "bank").name == "bank"  # one version is known: this is its registry
    with pytest.raises(HomeRefused, match=r"holds versions of the table bank, and this one is unknown\. Give the home's own table"):
        check_registry(home, "unknown")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    with pytest.raises(HomeRefused, match=r"versions up to 2.*MLFLOW_TRACKING_URI"):
        check_registry(home, "bank")
