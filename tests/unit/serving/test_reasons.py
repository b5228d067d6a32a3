"""Reasons over HTTP: they add up to what was served, come from the version that scored, and keep nobody waiting."""

from __future__ import annotations

import dataclasses
import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bundles import KINDS, fit_all, promote_kind
from conftest import TrainedHome
from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.bundle.reasons.sources import sources_of
from tidegate.bundle.scorer import Scorer
from tidegate.customers.contract import compile_contract
from tidegate.customers.spec import parse_spec
from tidegate.errors import LedgerUnavailable
from tidegate.home import Home
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.predictions import count_predictions, find_by_id
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.serving import reasons
from tidegate.serving.api import create_app
from tidegate.serving.metrics import Metrics
from tidegate.serving.service import Service
from tidegate.settings import Settings
from tidegate.storage.files import Folder
from tidegate.training.fitted import Fitted


@pytest.fixture
def service(own_home: Home) -> Iterator[Service]:
    ledger = open_ledger(sqlite_url(own_home.ledger))
    commit = GroupCommit(ledger)
    yield Service(
        open_champion(Folder(own_home.storage)), ledger, commit, bytes(32), Settings(ledger_seconds=30), Metrics(), own_home.scratch
    )
    commit.close()
    close_ledger(ledger)


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def fitted(trained: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fitted]:
    return fit_all(trained.data, tmp_path_factory.mktemp("fitted") / "quarantine.csv")


@pytest.fixture
def customer(service: Service) -> dict[str, Any]:
    return synthetic_rows(service.scorer.contract.spec, seed=1, count=1)[0]


def recorded(service: Service) -> int:
    assert service.ledger is not None
    return count_predictions(service.ledger)


def served(answer: dict[str, Any]) -> float:
    churn = float(answer["probabilities"]["churn"])
    return churn if answer["reasons_space"] == "probability" else math.log(churn) - math.log(answer["probabilities"]["non_churn"])


def refused(response: Any, status: int = 422) -> str:
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "detail", "id"}
    return str(response.json()["detail"])


# --- they add up ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_base_and_contributions_add_up_to_what_was_served(kind: str, own_home: Home, service: Service, fitted: dict[str, Fitted]) -> None:
    promote_kind(own_home, fitted, kind, "9")
    service.scorer = open_champion(Folder(own_home.storage))
    many = synthetic_rows(service.scorer.contract.spec, seed=4, count=25)
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        most = len(sources_of(service.scorer.contract))
        batch = client.post(f"/predict-batch?reasons={most}", json={"customers": many}).json()["predictions"]
        assert len(batch) == 25
        for customer, in_batch in zip(many, batch, strict=True):
            one = client.post(f"/predict?reasons={most}", json=customer).json()
            why = client.post("/explain", json=customer).json()
            for answer in (one, in_batch, why):
                assert answer["reasons_space"] == KINDS[kind].space
                total = answer["base"] + math.fsum(reason["contribution"] for reason in answer["reasons"])
                assert total == pytest.approx(served(answer), rel=1e-9, abs=1e-9)
                assert answer["reasons"] == why["reasons"]
            assert why["contributions"] == {reason["column"]: reason["contribution"] for reason in why["reasons"]}
            assert why["base"] + math.fsum(why["contributions"].values()) == pytest.approx(served(why), rel=1e-9, abs=1e-9)


def test_the_strongest_come_first_and_fewer_are_the_first_of_more(client: TestClient, customer: dict[str, Any]) -> None:
    everything = client.post("/explain", json=customer).json()["reasons"]
    strength = [abs(reason["contribution"]) for reason in everything]
    assert strength == sorted(strength, reverse=True)
    assert client.post("/predict?reasons=3", json=customer).json()["reasons"] == everything[:3]
    assert len({reason["column"] for reason in everything}) == len(everything)
    for reason in everything:
        expected = "raises" if reason["contribution"] > 0 else "lowers" if reason["contribution"] < 0 else "none"
        assert reason["direction"] == expected


def test_values_are_as_they_were_sent(client: TestClient, customer: dict[str, Any]) -> None:
    sent = {**customer, "gender": " F ", "customer_age": 45.0}
    found = {reason["column"]: reason for reason in client.post("/explain", json=sent).json()["reasons"]}
    assert {name: found[name]["value"] for name in customer} == sent
    assert found["gender"]["value"] == " F "
    assert found["gender"]["sentence"].startswith("Gender on file: F, ")
    assert found["tenure_per_age"]["columns"] == ["months_on_book", "customer_age"]
    assert found["tenure_per_age"]["value"] == pytest.approx(sent["months_on_book"] / (45 * 12), rel=1e-6)


# --- what may be asked ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["-1", "25", "1.5", "x", "", "1e1", "9" * 5000, "%D9%A3", "+3", "3&reasons=3", "%ff"])
def test_a_bad_number_of_reasons_is_a_422_and_records_nothing(given: str, client: TestClient, service: Service, customer: Any) -> None:
    assert "reasons" in refused(client.post(f"/predict?reasons={given}", json=customer))
    assert "0 to 24" in refused(client.post(f"/predict-batch?reasons={given}", json={"customers": [customer]}))
    assert recorded(service) == 0


def test_none_asked_is_the_plain_answer_and_works_out_nothing(client: TestClient, service: Service, customer: Any) -> None:
    def never() -> Any:
        raise AssertionError

    service.scorer = dataclasses.replace(service.scorer, explainer=never)
    plain = client.post("/predict", json=customer).json()
    assert plain.keys() == client.post("/predict?reasons=0&other=1", json=customer).json().keys()
    assert "reasons" not in plain
    assert "reasons" not in client.post("/predict-batch", json={"customers": [customer]}).json()["predictions"][0]


def test_a_batch_whose_reasons_would_take_long_is_refused_before_it_is_scored(
    client: TestClient, service: Service, customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = service.scorer.explainer().work
    monkeypatch.setattr(reasons, "MOST_WORK", 2.5 * work)
    body = {"customers": [customer] * 3}
    assert "at most 2 customers" in refused(client.post("/predict-batch?reasons=3", json=body), 413)
    assert recorded(service) == 0
    assert client.post("/predict-batch?reasons=3", json={"customers": [customer] * 2}).status_code == 200
    monkeypatch.setattr(reasons, "MOST_WORK", 1e12)
    monkeypatch.setattr(reasons, "MOST_REASONS", 6)
    assert client.post("/predict-batch?reasons=2", json=body).status_code == 200
    assert "at most 2 customers" in refused(client.post("/predict-batch?reasons=3", json=body), 413)


def test_a_batch_explains_the_valid_and_refuses_the_rest(client: TestClient, customer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasons, "STEP_ROWS", 2)
    others = [{**customer, "customer_age": age} for age in (30, 50, 70)]
    body = {"customers": [customer, {**customer, "gender": "zzz"}, *others]}
    answer = client.post("/predict-batch?reasons=24", json=body).json()
    assert [one["index"] for one in answer["predictions"]] == [0, 2, 3, 4]
    assert [one["index"] for one in answer["rejected"]] == [1]
    for one, sent in zip(answer["predictions"], [customer, *others], strict=True):
        assert one["reasons"] == client.post("/explain", json=sent).json()["reasons"]
    nobody = client.post("/predict-batch?reasons=3", json={"customers": [{}]}).json()
    assert (nobody["predictions"], len(nobody["rejected"])) == ([], 1)


# --- an explanation is a prediction ---------------------------------------------------------------------------------------------------


def test_an_explanation_is_recorded_like_a_prediction(client: TestClient, service: Service, customer: Any) -> None:
    answer = client.post("/explain", json={**customer, "customer_id": "C-1"}).json()
    plain = client.post("/predict", json=customer).json()
    assert answer["probabilities"] == plain["probabilities"]
    assert set(plain) < set(answer)
    assert service.ledger is not None
    row = find_by_id(service.ledger, answer["prediction_id"])
    assert row is not None
    assert (row.source, row.probability) == ("explain", answer["probabilities"]["churn"])
    assert row.customer is not None
    assert json.loads(row.row) == customer


def test_an_explanation_that_cannot_be_recorded_is_not_answered(
    client: TestClient, service: Service, customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> object:
        raise LedgerUnavailable("The disk is full.", "Make room.")

    monkeypatch.setattr(service.commit, "submit", full)
    for route in ("/explain", "/predict?reasons=3"):
        assert "disk is full" in refused(client.post(route, json=customer), 503)


def test_what_is_no_customer_is_refused_by_explain_too(client: TestClient, service: Service, customer: Any) -> None:
    refused(client.post("/explain", json={**customer, "customer_age": None}))
    refused(client.post("/explain", json=[]))
    refused(client.get("/explain"), 405)
    assert recorded(service) == 0


@pytest.mark.parametrize("route", ["/explain", "/predict?reasons=5"])
def test_a_repeated_key_gets_the_same_prediction_and_reasons(route: str, client: TestClient, service: Service, customer: Any) -> None:
    first = client.post(route, json=customer, headers={"Idempotency-Key": "k"}).json()
    again = client.post(route, json=dict(reversed(customer.items())), headers={"Idempotency-Key": "k"}).json()
    assert again == first
    assert len(again["reasons"]) >= 5
    refused(client.post(route, json={**customer, "customer_age": 77}, headers={"Idempotency-Key": "k"}))
    other = "/predict" if route == "/explain" else "/explain"
    refused(client.post(other, json=customer, headers={"Idempotency-Key": "k"}))
    assert recorded(service) == 1


def test_reasons_of_a_repeated_key_never_come_from_another_version(
    client: TestClient, own_home: Home, service: Service, fitted: dict[str, Fitted], customer: Any
) -> None:
    keyed: dict[str, Any] = {"json": customer, "headers": {"Idempotency-Key": "k"}}
    batched: dict[str, Any] = {"json": {"customers": [customer, customer]}, "headers": {"Idempotency-Key": "b"}}
    explained: dict[str, Any] = {"json": customer, "headers": {"Idempotency-Key": "e"}}
    first, scorer = client.post("/predict?reasons=3", **keyed).json(), service.scorer
    batch, explanation = client.post("/predict-batch?reasons=3", **batched).json(), client.post("/explain", **explained).json()
    promote_kind(own_home, fitted, "linear", "9")
    service.scorer = open_champion(Folder(own_home.storage))
    again = client.post("/predict?reasons=3", **keyed).json()
    assert {name: again[name] for name in ("probabilities", "model_version", "prediction_id")} == {
        name: first[name] for name in ("probabilities", "model_version", "prediction_id")
    }
    assert again["reasons"] is again["base"] is again["reasons_space"] is None
    assert "version 9 serves now" in again["reasons_missing"]
    for one in client.post("/predict-batch?reasons=3", **batched).json()["predictions"]:
        assert one["reasons"] is None
    assert client.post("/explain", **explained).json()["contributions"] is None
    service.scorer = scorer
    assert client.post("/predict?reasons=3", **keyed).json() == first
    assert client.post("/predict-batch?reasons=3", **batched).json() == batch
    assert client.post("/explain", **explained).json() == explanation


def test_a_swap_while_reasons_are_worked_out_changes_nothing_about_them(
    client: TestClient, own_home: Home, service: Service, fitted: dict[str, Fitted], customer: Any
) -> None:
    before, working, go_on = client.post("/explain", json=customer).json(), threading.Event(), threading.Event()
    slow: Scorer = service.scorer

    def explainer() -> Any:
        working.set()
        assert go_on.wait(30)
        return slow.explainer()

    service.scorer = dataclasses.replace(slow, explainer=explainer)
    found: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: found.append(client.post("/explain", json=customer).json()))
    asking.start()
    assert working.wait(30)
    promote_kind(own_home, fitted, "linear", "9")
    service.scorer = open_champion(Folder(own_home.storage))
    # The event loop is free: another customer is answered, by the new version, while the first one's reasons are worked out.
    assert client.post("/predict", json=customer).json()["model_version"] == "9"
    assert not found
    go_on.set()
    asking.join(30)
    assert found[0]["model_version"] == before["model_version"]
    assert found[0]["reasons"] == before["reasons"]
    assert client.post("/explain", json=customer).json()["model_version"] == "9"


def test_a_swap_while_a_prediction_is_recorded_changes_nothing_either(
    client: TestClient, own_home: Home, service: Service, fitted: dict[str, Fitted], customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = {"/explain": customer, "/predict?reasons=24": customer, "/predict-batch?reasons=24": {"customers": [customer]}}
    before, old = client.post("/explain", json=customer).json()["reasons"], service.scorer
    promote_kind(own_home, fitted, "linear", "9")
    new, commit = open_champion(Folder(own_home.storage)), service.commit
    assert commit is not None
    submit = commit.submit

    def swapping(predictions: Any, **how: Any) -> Any:
        service.scorer = new
        return submit(predictions, **how)

    monkeypatch.setattr(commit, "submit", swapping)
    for route, body in routes.items():
        service.scorer = old
        answer = client.post(route, json=body).json()
        one = answer["predictions"][0] if "predictions" in answer else answer
        assert (one["model_version"], one["reasons"]) == (old.version, before), route


# --- documents ------------------------------------------------------------------------------------------------------------------------


def test_half_a_surrogate_pair_is_given_back_as_it_was_sent(client: TestClient, service: Service, customer: Any) -> None:
    text = service.scorer.contract.spec.text
    lenient = text.replace("[columns.gender]\n", '[columns.gender]\nunknown = "other"\n', 1)
    # The columns stay the model's: only what is accepted of one is widened.
    contract = compile_contract(parse_spec(lenient))
    service.scorer = dataclasses.replace(service.scorer, contract=contract)
    response = client.post("/explain", content=json.dumps({**customer, "gender": "\ud800"}), headers={"Content-Type": "application/json"})
    assert response.status_code == 200, response.text
    found = next(reason for reason in response.json()["reasons"] if reason["column"] == "gender")
    assert found["value"] == "\ud800"
    assert found["sentence"].startswith("Gender on file: none of the listed levels, ")


def test_the_documented_shapes_are_the_answers(client: TestClient, service: Service, customer: Any) -> None:
    document = client.get("/openapi.json").json()
    shapes, most = document["components"]["schemas"], len(sources_of(service.scorer.contract))
    for path in ("/predict", "/predict-batch", "/predict-csv", "/explain"):
        parameters = {one["name"]: one for one in document["paths"][path]["post"]["parameters"]}
        assert ("reasons" in parameters) == (path in ("/predict", "/predict-batch"))
        assert parameters["Idempotency-Key"]["in"] == "header"
    assert document["paths"]["/predict"]["post"]["parameters"][-1]["schema"]["maximum"] == most
    why = client.post("/explain", json=customer).json()
    assert set(why) <= set(shapes["ExplanationAnswer"]["properties"])
    assert set(why["reasons"][0]) == set(shapes["Reason"]["properties"]) == set(shapes["Reason"]["required"])
    assert set(document["paths"]["/explain"]["post"]["responses"]) == {"200", "401", "403", "408", "413", "415", "422", "429", "503"}
    assert client.get("/docs").status_code == 200


def test_metrics_count_explanations(client: TestClient, customer: Any) -> None:
    client.post("/explain", json=customer)
    page = client.get("/metrics").text
    assert 'tidegate_requests_total{route="/explain",status="200"} 1.0' in page
    assert 'tidegate_score_count{version="1"} 1.0' in page


def test_reasons_need_no_file_once_the_bundle_is_open(own_home: Home, client: TestClient, customer: Any) -> None:
    for path in Path(own_home.storage).rglob("*.npz"):
        path.unlink()
    assert client.post("/explain", json=customer).status_code == 200
