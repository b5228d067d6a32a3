from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from conftest import TrainedHome
from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.errors import LedgerUnavailable
from tidegate.home import Home
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.predictions import count_predictions, find_by_id
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.serving.api import create_app
from tidegate.serving.metrics import Metrics
from tidegate.serving.service import Service
from tidegate.settings import Settings
from tidegate.storage.files import Folder

GOOD: dict[str, Any] = {
    "customer_age": 45,
    "gender": "M",
    "dependent_count": 3,
    "education_level": "High School",
    "marital_status": "Married",
    "income_category": "$60K - $80K",
    "card_category": "Blue",
    "months_on_book": 39,
    "total_relationship_count": 5,
    "months_inactive_12_mon": 1,
    "contacts_count_12_mon": 3,
    "credit_limit": 12691.0,
    "total_revolving_bal": 777,
    "avg_open_to_buy": 11914.0,
    "total_amt_chng_q4_q1": 1.335,
    "total_trans_amt": 1144,
    "total_trans_ct": 42,
    "total_ct_chng_q4_q1": 1.625,
    "avg_utilization_ratio": 0.061,
}


@pytest.fixture
def service(own_home: Home) -> Iterator[Service]:
    ledger = open_ledger(sqlite_url(own_home.ledger))
    commit = GroupCommit(ledger)
    settings = Settings(max_body_bytes=200_000, max_batch_rows=50, max_upload_rows=400, ledger_seconds=30)
    yield Service(open_champion(Folder(own_home.storage)), ledger, commit, bytes(32), settings, Metrics(), own_home.scratch)
    commit.close()
    close_ledger(ledger)


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        yield client


def refused(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "detail", "id"}
    assert response.json()["id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    return str(response.json()["detail"])


def test_one_customer_is_scored_and_recorded(client: TestClient, service: Service) -> None:
    answer = client.post("/predict", json={**GOOD, "customer_id": "C-1"}).json()
    assert answer["probabilities"]["churn"] + answer["probabilities"]["non_churn"] == 1.0
    assert answer["prediction"] == int(answer["probabilities"]["churn"] >= answer["threshold"])
    assert answer["prediction_label"] in ("Attrited Customer", "Existing Customer")
    assert service.ledger is not None
    recorded = find_by_id(service.ledger, answer["prediction_id"])
    assert recorded is not None
    assert recorded.probability == answer["probabilities"]["churn"]
    assert (recorded.model_version, recorded.bundle_digest) == (answer["model_version"], service.scorer.digest)
    assert recorded.customer is not None
    assert "C-1" not in (recorded.customer + recorded.row)
    assert json.loads(recorded.row) == GOOD


def test_a_repeated_key_gets_the_same_answer_and_no_second_row(client: TestClient, service: Service) -> None:
    first = client.post("/predict", json=GOOD, headers={"Idempotency-Key": "k"}).json()
    assert client.post("/predict", json=GOOD, headers={"Idempotency-Key": "k"}).json() == first
    assert service.ledger is not None
    assert count_predictions(service.ledger) == 1
    other = client.post("/predict", json={**GOOD, "customer_age": 46}, headers={"Idempotency-Key": "k"})
    refused(other, 422)
    assert count_predictions(service.ledger) == 1


def test_a_ledger_that_records_nothing_answers_nothing(client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object, patient: bool) -> object:
        raise LedgerUnavailable("The disk is full.", "Make room.")

    monkeypatch.setattr(service.commit, "submit", full)
    assert "disk is full" in refused(client.post("/predict", json=GOOD), 503)
    monkeypatch.undo()
    assert client.post("/predict", json=GOOD).status_code == 200


@pytest.mark.parametrize(
    ("patch", "names"),
    [
        ({"gender": "zzz"}, "gender"),
        ({"customer_age": 1e30}, "customer_age"),
        ({"credit_limit": "many"}, "credit_limit"),
        ({"credit_limit": "12691"}, "credit_limit"),
        ({"customer_age": None}, "customer_age"),
        ({"customer_age": True}, "customer_age"),
        ({"customer_age": 45.5}, "customer_age"),
        ({"custmer_age": 3}, "custmer_age"),
        ({"credit_limit": [1]}, "credit_limit"),
        ({"total_trans_ct": -5}, "total_trans_ct"),
        ({"customer_id": ""}, "customer_id"),
        ({"customer_id": 1.5}, "customer_id"),
        ({"gender": "\ud800"}, "gender"),
        ({"customer_id": "\ud800"}, "customer_id"),
        ({"customer_age": 10**400}, "customer_age"),
    ],
)
def test_a_wrong_value_is_a_422_that_names_the_field(client: TestClient, patch: dict[str, Any], names: str) -> None:
    body = json.dumps({**GOOD, **patch})
    response = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    detail = refused(response, 422)
    assert names in detail
    assert not any(str(value) in detail for value in patch.values() if isinstance(value, str) and value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"3",
        b'"x"',
        bytes(range(256)),
        b"[" * 100_000,
        b"\x00" * 10,
        b'{"a":1,"a":2}',
        b'{"customer_age": 1e999}',
    ],
)
def test_a_body_that_is_no_customer_is_a_422(client: TestClient, raw: bytes) -> None:
    refused(client.post("/predict", content=raw, headers={"Content-Type": "application/json"}), 422)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_outside_json_are_refused(client: TestClient, constant: str) -> None:
    raw = json.dumps(GOOD).replace("12691.0", constant)
    refused(client.post("/predict", content=raw, headers={"Content-Type": "application/json"}), 422)


def test_other_media_types_routes_and_methods_are_refused_in_the_one_envelope(client: TestClient) -> None:
    refused(client.post("/predict", content=json.dumps(GOOD), headers={"Content-Type": "text/plain"}), 415)
    refused(client.post("/predict-csv", content=b"a,b", headers={"Content-Type": "text/csv"}), 415)
    refused(client.get("/nothing"), 404)
    refused(client.get("/predict"), 405)
    refused(client.post("/predict", content=b" " * 300_000, headers={"Content-Type": "application/json"}), 413)


def test_a_body_of_undeclared_length_is_limited_too(client: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(400):
            yield b" " * 1000

    refused(client.post("/predict", content=endless(), headers={"Content-Type": "application/json"}), 413)


def test_a_zero_denominator_is_scored(client: TestClient) -> None:
    assert client.post("/predict", json={**GOOD, "credit_limit": 0}).status_code == 200


def test_a_batch_answers_for_every_customer(client: TestClient, service: Service) -> None:
    many = [GOOD, {**GOOD, "gender": "zzz"}, 7, {**GOOD, "customer_age": 60}, {}]
    answer = client.post("/predict-batch", json={"customers": many}).json()
    assert [one["index"] for one in answer["predictions"]] == [0, 3]
    assert [(one["index"], one["field"], one["rule"]) for one in answer["rejected"]] == [
        (1, "gender", "level"),
        (2, "", "object"),
        (4, "customer_age", "absent"),
    ]
    assert service.ledger is not None
    assert count_predictions(service.ledger) == 2


def test_a_batch_with_a_key_is_recorded_once(client: TestClient, service: Service) -> None:
    for _ in range(2):
        response = client.post("/predict-batch", json={"customers": [GOOD, GOOD]}, headers={"Idempotency-Key": "b"})
        assert response.status_code == 200
    assert service.ledger is not None
    assert count_predictions(service.ledger) == 2


@pytest.mark.parametrize("body", [[], {}, {"customers": []}, {"customers": 3}, {"customers": [GOOD], "more": 1}])
def test_a_batch_of_another_shape_is_refused(client: TestClient, body: Any) -> None:
    refused(client.post("/predict-batch", json=body), 422)


def test_a_batch_of_more_customers_than_the_limit_is_413(client: TestClient) -> None:
    refused(client.post("/predict-batch", json={"customers": [GOOD] * 51}), 413)


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def upload(client: TestClient, content: bytes) -> Any:
    return client.post("/predict-csv", files={"file": ("customers.csv", content, "text/csv")})


def test_a_file_comes_back_whole_with_refused_rows_marked(client: TestClient, service: Service) -> None:
    rows = [{**GOOD, "note": "=1+1"}, {**GOOD, "gender": "zzz", "note": "x"}, {**GOOD, "customer_age": 60, "note": "-5"}]
    response = upload(client, as_csv(rows))
    assert response.status_code == 200
    answered = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["refused"][:13] for row in answered] == ["", "gender: level", ""]
    assert [row["churn_probability"] == "" for row in answered] == [False, True, False]
    assert [row["note"] for row in answered] == ["'=1+1", "x", "-5"]
    single = client.post("/predict", json=GOOD).json()["probabilities"]["churn"]
    assert float(answered[0]["churn_probability"]) == single
    assert service.ledger is not None
    assert count_predictions(service.ledger) == 3


@pytest.mark.parametrize("content", [b"", b"a,b\n", bytes(range(256)) * 10, b"Customer_Age\n3\n", b"PAR1 and nothing else"])
def test_a_file_that_is_no_customer_table_is_refused(client: TestClient, content: bytes) -> None:
    refused(upload(client, content), 422)


def test_a_file_with_a_header_alone_is_refused(client: TestClient) -> None:
    refused(upload(client, as_csv([GOOD]).splitlines()[0] + b"\n"), 422)


def test_a_key_belongs_to_one_file_and_answers_as_the_first_time(client: TestClient, service: Service) -> None:
    def send(rows: int) -> Any:
        files = {"file": ("customers.csv", as_csv([GOOD] * rows), "text/csv")}
        return client.post("/predict-csv", files=files, headers={"Idempotency-Key": "f"})

    first = send(5).text
    service.scorer = dataclasses.replace(service.scorer, version="99")
    assert send(5).text == first, "a repeated key was answered by another version"
    refused(send(3), 422)
    refused(client.post("/predict", json=GOOD, headers={"Idempotency-Key": "f"}), 422)
    assert service.ledger is not None
    assert count_predictions(service.ledger) == 5


def test_keys_of_batches_and_single_customers_do_not_collide(client: TestClient) -> None:
    body = {"customers": [GOOD, GOOD]}
    assert client.post("/predict-batch", json=body, headers={"Idempotency-Key": "k"}).status_code == 200
    for key in ("k#0", "k#1", "k1"):
        assert client.post("/predict", json=GOOD, headers={"Idempotency-Key": key}).status_code == 200
    refused(client.post("/predict", json=GOOD, headers={"Idempotency-Key": "k"}), 422)


def test_a_slash_too_many_is_no_redirect(client: TestClient) -> None:
    refused(client.post("/predict/", json=GOOD, follow_redirects=False), 404)


def test_a_file_of_too_many_rows_is_refused(client: TestClient) -> None:
    refused(upload(client, as_csv([GOOD] * 402)), 413)


def test_a_form_without_a_file_is_refused(client: TestClient) -> None:
    refused(client.post("/predict-csv", files={"other": ("x.csv", b"a", "text/csv")}), 422)
    refused(client.post("/predict-csv", content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=x"}), 422)
    refused(client.post("/predict-csv", content=b"--x", headers={"Content-Type": "multipart/form-data"}), 422)


def test_pages_say_what_serves(client: TestClient, service: Service, trained: TrainedHome) -> None:
    assert client.get("/").json()["model_version"] == trained.trained.version
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json()["status"] == "ready"
    info = client.get("/model-info").json()
    assert info["digest"] == service.scorer.digest
    assert info["metrics"]["roc_auc"] == trained.trained.assessment.metrics["roc_auc"]
    features = client.get("/features").json()
    assert [column["name"] for column in features["columns"]] == list(GOOD)
    assert features["id"] == "clientnum"


def test_not_ready_while_the_ledger_is_gone(client: TestClient, own_home: Home) -> None:
    moved = own_home.ledger.rename(own_home.ledger.with_suffix(".away"))
    refused(client.get("/ready"), 503)
    assert client.get("/health").status_code == 200
    moved.rename(own_home.ledger)
    assert client.get("/ready").status_code == 200


def test_metrics_count_requests_scores_and_version(client: TestClient) -> None:
    client.post("/predict", json=GOOD)
    client.post("/predict", json={})
    client.get("/made-up-1")
    page = client.get("/metrics").text
    assert 'tidegate_requests_total{route="/predict",status="200"} 1.0' in page
    assert 'tidegate_requests_total{route="/predict",status="422"} 1.0' in page
    assert 'route="other",status="404"' in page
    assert "made-up" not in page
    assert 'tidegate_score_count{version="1"} 1.0' in page
    assert 'tidegate_model_info{algorithm="' in page


def test_documentation_needs_no_internet(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    assert client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200


def test_the_documented_schema_is_the_contract(client: TestClient, service: Service) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    schema = paths["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["required"]) == set(GOOD)
    assert schema["additionalProperties"] is False
    assert set(paths["/predict"]["post"]["responses"]) == {"200", "401", "403", "408", "413", "415", "422", "429", "503"}
    for row in synthetic_rows(service.scorer.contract.spec, seed=11, count=20):
        assert client.post("/predict", json=row).status_code == 200
