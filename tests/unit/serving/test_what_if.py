"""`/what-if`: about a recorded prediction, in actionable columns, by the version that scored, and never recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from champions import write_linear_champion
from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.bundle.scorer import Scorer
from tidegate.home import Home, open_home
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.predictions import count_predictions
from tidegate.ledger.store import Ledger
from tidegate.serving.api import create_app
from tidegate.serving.metrics import Metrics
from tidegate.serving.service import Service
from tidegate.serving.what_if import MOST_CHANGES
from tidegate.settings import Settings
from tidegate.storage.files import Folder

CHANGE = {"total_relationship_count": 6}


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    home = open_home(tmp_path_factory.mktemp("served") / "home")
    write_linear_champion(home)
    return open_champion(Folder(home.storage))


@pytest.fixture
def service(scorer: Scorer, home: Home, ledger: Ledger) -> Iterator[Service]:
    commit = GroupCommit(ledger)
    yield Service(scorer, ledger, commit, bytes(32), Settings(ledger_seconds=30), Metrics(), home.scratch)
    commit.close()


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def customer(scorer: Scorer) -> dict[str, Any]:
    return synthetic_rows(scorer.contract.spec, seed=1, count=1)[0]


@pytest.fixture
def scored(client: TestClient, customer: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/predict", json={**customer, "customer_id": "C-1"}).json()
    return answer


def refused(response: Any, status: int = 422) -> str:
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "detail", "id"}
    return str(response.json()["detail"])


def test_a_change_comes_to_what_predict_says_of_such_a_customer(
    client: TestClient, ledger: Ledger, customer: dict[str, Any], scored: dict[str, Any]
) -> None:
    changes = [CHANGE, {"total_relationship_count": 2, "months_inactive_12_mon": 0}]
    told = client.post("/what-if", json={"prediction_id": scored["prediction_id"], "changes": changes}).json()
    assert count_predictions(ledger) == 1
    assert told["probability"] == scored["probabilities"]["churn"]
    assert (told["model_version"], told["threshold"], told["rejected"]) == ("1", scored["threshold"], [])
    for place, change in enumerate(changes):
        real = client.post("/predict", json={**customer, **change}).json()
        assert told["answers"][place] == {"index": place, "probability": real["probabilities"]["churn"], "prediction": real["prediction"]}
    assert told["answers"][0]["probability"] != told["probability"]


def test_a_change_that_the_contract_refuses_is_named_beside_the_others(client: TestClient, scored: dict[str, Any]) -> None:
    changes = [{"total_relationship_count": -1}, CHANGE, {"card_category": "Wood"}]
    told = client.post("/what-if", json={"prediction_id": scored["prediction_id"], "changes": changes}).json()
    assert [one["index"] for one in told["answers"]] == [1]
    assert [(one["index"], one["field"], one["rule"]) for one in told["rejected"]] == [
        (0, "total_relationship_count", "limit"),
        (2, "card_category", "level"),
    ]
    assert "Wood" not in str(told)


def test_only_actionable_columns_change(client: TestClient, scored: dict[str, Any]) -> None:
    for change in ({"customer_age": 30}, {"secret-column": 1}, {**CHANGE, "customer_id": "C-2"}):
        said = refused(client.post("/what-if", json={"prediction_id": scored["prediction_id"], "changes": [change]}))
        assert "total_relationship_count" in said
        assert "secret" not in said


def test_an_unknown_prediction_is_not_found(client: TestClient) -> None:
    refused(client.post("/what-if", json={"prediction_id": "nobody", "changes": [CHANGE]}), 404)


def test_another_version_does_not_speak_for_the_one_that_scored(client: TestClient, service: Service, scored: dict[str, Any]) -> None:
    service.scorer = replace(service.scorer, version="2", digest="0" * 64)
    said = refused(client.post("/what-if", json={"prediction_id": scored["prediction_id"], "changes": [CHANGE]}))
    assert said == "Version 1 scored this customer, and version 2 serves now. Score the customer again."


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"prediction_id": "x"},
        {"prediction_id": 1, "changes": [CHANGE]},
        {"prediction_id": "", "changes": [CHANGE]},
        {"prediction_id": "\0", "changes": [CHANGE]},
        {"prediction_id": "x", "changes": []},
        {"prediction_id": "x", "changes": [{}]},
        {"prediction_id": "x", "changes": {"total_relationship_count": 1}},
        {"prediction_id": "x", "changes": [CHANGE], "more": 1},
    ],
)
def test_a_misshapen_body_is_refused(client: TestClient, body: Any) -> None:
    refused(client.post("/what-if", json=body))


def test_so_many_changes_at_once(client: TestClient) -> None:
    refused(client.post("/what-if", json={"prediction_id": "x", "changes": [CHANGE] * (MOST_CHANGES + 1)}), 413)


def test_the_features_say_what_can_be_done(client: TestClient) -> None:
    columns = {one["name"]: one for one in client.get("/features").json()["columns"]}
    assert columns["total_relationship_count"]["actions"] == ["Offer a second product at a bundle price"]
    assert columns["customer_age"]["actions"] == []


def test_the_document_names_actionable_columns_alone(client: TestClient) -> None:
    body = client.get("/openapi.json").json()["paths"]["/what-if"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    change = body["properties"]["changes"]["items"]
    assert "total_relationship_count" in change["properties"]
    assert "customer_age" not in change["properties"]


def test_half_a_surrogate_pair_is_no_id(client: TestClient) -> None:
    body = b'{"prediction_id": "\\ud800", "changes": [{"total_relationship_count": 6}]}'
    refused(client.post("/what-if", content=body, headers={"Content-Type": "application/json"}))
