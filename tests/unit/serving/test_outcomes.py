"""`/outcomes` and `/feedback`: recorded once, for known customers, in the words of the table, with one event a request."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient

from champions import write_linear_champion
from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.bundle.scorer import Scorer
from tidegate.errors import LedgerUnavailable
from tidegate.home import Home, open_home
from tidegate.ledger.batch_customers import BatchCustomers
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.events import list_events, verify_events
from tidegate.ledger.joins import heard_predictions, matured_predictions
from tidegate.ledger.store import Ledger
from tidegate.serving.api import create_app
from tidegate.serving.feedback import read_feedback
from tidegate.serving.metrics import Metrics
from tidegate.serving.service import Service
from tidegate.settings import Settings
from tidegate.storage.files import Folder

LEFT, STAYED = "Attrited Customer", "Existing Customer"
KEY = bytes(32)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    home = open_home(tmp_path_factory.mktemp("served") / "home")
    write_linear_champion(home)
    return open_champion(Folder(home.storage))


@pytest.fixture
def service(scorer: Scorer, home: Home, ledger: Ledger) -> Iterator[Service]:
    commit = GroupCommit(ledger)
    yield Service(scorer, ledger, commit, KEY, Settings(max_batch_rows=20, ledger_seconds=30), Metrics(), home.scratch)
    commit.close()


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def predicted(client: TestClient, service: Service) -> list[str]:
    """Ids of the predictions made of the customers C-0 to C-4 and of 7, a number."""
    row = synthetic_rows(service.scorer.contract.spec, seed=1, count=1)[0]
    ids = [*(f"C-{number}" for number in range(5)), 7]
    return [client.post("/predict", json={**row, "customer_id": one}).json()["prediction_id"] for one in ids]


def stored(home: Home, query: str) -> list[Any]:
    with sqlite3.connect(home.ledger) as connection:
        return connection.execute(query).fetchall()


def outcomes_of(home: Home) -> dict[str, int]:
    known = {customer_hash(KEY, name): name for name in (*(f"C-{number}" for number in range(5)), "7")}
    return {known[customer]: outcome for customer, outcome in stored(home, "SELECT customer, outcome FROM outcomes")}


def send(client: TestClient, *items: Any) -> Any:
    return client.post("/outcomes", json={"outcomes": list(items)})


def seen(number: int, outcome: Any, **more: Any) -> dict[str, Any]:
    return {"customer_id": f"C-{number}", "outcome": outcome, **more}


def refused(response: Any, status: int = 422) -> str:
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "detail", "id"}
    return str(response.json()["detail"])


def told(home: Home, what: str) -> list[dict[str, Any]]:
    return [json.loads(evidence) for (evidence,) in stored(home, f"SELECT evidence FROM events WHERE what = '{what}' ORDER BY sequence")]


# --- outcomes -------------------------------------------------------------------------------------------------------------------------


def test_outcomes_are_recorded_in_numbers_and_in_words(client: TestClient, home: Home, predicted: list[str]) -> None:
    items = [seen(0, 1), seen(1, 0), seen(2, LEFT), seen(3, STAYED), seen(4, True), {"customer_id": 7, "outcome": 1.0}]
    response = send(client, *items)
    assert response.status_code == 200
    assert response.json() == {"recorded": 6, "known_already": 0, "rejected": []}
    assert outcomes_of(home) == {"C-0": 1, "C-1": 0, "C-2": 1, "C-3": 0, "C-4": 1, "7": 1}


def test_the_same_outcomes_again_add_nothing(client: TestClient, ledger: Ledger, home: Home, predicted: list[str]) -> None:
    timed, untimed = seen(0, 1, observed_at="2026-03-01T10:00:00+02:00"), seen(1, 0)
    assert send(client, timed, untimed).json()["recorded"] == 2
    before = stored(home, "SELECT * FROM outcomes ORDER BY 1")
    assert send(client, timed, untimed).json() == {"recorded": 0, "known_already": 2, "rejected": []}
    assert send(client, seen(0, 1, observed_at="2026-03-01T08:00:00Z")).json()["known_already"] == 1
    assert stored(home, "SELECT * FROM outcomes ORDER BY 1") == before
    assert len(list_events(ledger, "recorded outcomes")) == 1


def test_customers_of_a_monitored_batch_are_known_before_anything_was_predicted_of_them(
    client: TestClient, service: Service, home: Home
) -> None:
    home.batches.mkdir()
    pyarrow.parquet.write_table(pa.table({"customer_id": ["C-0", "C-1"]}), home.batches / "prod_batch_1-01234567.parquet")
    (home.batches / "prod_batch_2-01234567.parquet").write_bytes(b"damaged")
    service.batches = BatchCustomers(home.batches, KEY)
    answer = send(client, seen(0, 1), seen(2, 0)).json()
    assert (answer["recorded"], [one["index"] for one in answer["rejected"]]) == (1, [1])
    assert "monitored batch" in answer["rejected"][0]["detail"]
    assert outcomes_of(home) == {"C-0": 1}


def test_a_contradiction_refuses_the_request_whole(client: TestClient, home: Home, predicted: list[str]) -> None:
    day = {"observed_at": "2026-03-01"}
    send(client, seen(0, 1, **day))
    assert "1 customer has another outcome in the ledger" in refused(send(client, seen(1, 0, **day), seen(0, 0, **day)))
    assert "two different outcomes" in refused(send(client, seen(1, 0), seen(2, 0), seen(2, 1)))
    assert outcomes_of(home) == {"C-0": 1}
    assert send(client, seen(0, 0, observed_at="2026-03-02")).json()["recorded"] == 1


@pytest.mark.parametrize(
    ("item", "field", "rule"),
    [
        (7, "", "object"),
        ({"outcome": 1}, "customer_id", "absent"),
        ({"customer_id": "C-0"}, "outcome", "absent"),
        ({"customer_id": "C-0", "outcome": 1, "note": "x"}, "note", "extra"),
        ({"customer_id": "C-0", "outcome": 1, "Jane\n": "x"}, "(unprintable)", "extra"),
        ({"customer_id": None, "outcome": 1}, "customer_id", "type"),
        ({"customer_id": "\ud800", "outcome": 1}, "customer_id", "type"),
        ({"customer_id": "C-77", "outcome": 1}, "customer_id", "unknown customer"),
        ({"customer_id": "C-0", "outcome": None}, "outcome", "label"),
        ({"customer_id": "C-0", "outcome": ""}, "outcome", "label"),
        ({"customer_id": "C-0", "outcome": 2}, "outcome", "label"),
        ({"customer_id": "C-0", "outcome": "secretly gone"}, "outcome", "label"),
        ({"customer_id": "C-0", "outcome": [1]}, "outcome", "label"),
        ({"customer_id": "C-0", "outcome": 1, "observed_at": "soon"}, "observed_at", "date"),
        ({"customer_id": "C-0", "outcome": 1, "observed_at": 5}, "observed_at", "date"),
        ({"customer_id": "C-0", "outcome": 1, "observed_at": ""}, "observed_at", "date"),
        ({"customer_id": "C-0", "outcome": 1, "observed_at": "0001-01-01T00:00:00+23:00"}, "observed_at", "date"),
        ({"customer_id": "C-0", "outcome": 1, "observed_at": (datetime.now(UTC) + timedelta(days=2)).isoformat()}, "observed_at", "date"),
    ],
)
def test_one_bad_item_is_rejected_by_name_and_the_others_are_recorded(
    client: TestClient, home: Home, predicted: list[str], item: Any, field: str, rule: str
) -> None:
    body = json.dumps({"outcomes": [seen(1, 0), item, seen(2, 1)]})
    answer = client.post("/outcomes", content=body, headers={"Content-Type": "application/json"}).json()
    assert answer["recorded"] == 2
    (rejected,) = answer["rejected"]
    assert (rejected["index"], rejected["field"], rejected["rule"]) == (1, field, rule)
    assert not any(word in rejected["detail"] for word in ("C-77", "secretly", "soon", "Jane"))
    assert outcomes_of(home) == {"C-1": 0, "C-2": 1}


@pytest.mark.parametrize("body", [[], {}, {"outcomes": []}, {"outcomes": 3}, {"outcomes": [seen(0, 1)], "more": 1}])
def test_a_body_of_another_shape_is_refused(client: TestClient, home: Home, predicted: list[str], body: Any) -> None:
    refused(client.post("/outcomes", json=body))
    assert outcomes_of(home) == {}


def test_more_outcomes_than_the_limit_are_413(client: TestClient, home: Home, predicted: list[str]) -> None:
    assert client.post("/outcomes", json={"outcomes": [seen(0, 1)] * 21}).status_code == 413
    assert outcomes_of(home) == {}


def test_nothing_readable_is_an_answer_and_no_event(client: TestClient, home: Home, predicted: list[str]) -> None:
    answer = send(client, {"customer_id": "C-99", "outcome": 1}, seen(0, "maybe")).json()
    assert (answer["recorded"], [one["index"] for one in answer["rejected"]]) == (0, [0, 1])
    assert told(home, "recorded outcomes") == []


# --- feedback -------------------------------------------------------------------------------------------------------------------------


def hear(client: TestClient, body: Any, key: str | None = None) -> Any:
    return client.post("/feedback", json=body, headers={} if key is None else {"Idempotency-Key": key})


def test_feedback_is_recorded_beside_its_prediction(client: TestClient, home: Home, predicted: list[str]) -> None:
    first = hear(client, {"customer_id": "C-1", "heard": "will_leave", "note": "Wants €5 off; says “too dear”."})
    assert first.status_code == 200
    assert first.json()["prediction_id"] == predicted[1]
    second = hear(client, {"prediction_id": predicted[2], "heard": "agreed_to_stay", "at": "2026-03-01T09:00:00Z"}).json()
    assert (second["prediction_id"], second["heard"], second["at"]) == (predicted[2], "agreed_to_stay", "2026-03-01T09:00:00.000000+00:00")
    assert hear(client, {"customer_id": 7, "heard": "other"}).json()["prediction_id"] == predicted[5]
    rows = stored(home, "SELECT customer, heard, note FROM feedback ORDER BY recorded_at")
    assert rows[0] == (customer_hash(KEY, "C-1"), "will_leave", "Wants €5 off; says “too dear”.")
    assert rows[1] == (customer_hash(KEY, "C-2"), "agreed_to_stay", None)


def test_a_repeated_key_gets_the_same_answer_and_no_second_row(client: TestClient, home: Home, predicted: list[str]) -> None:
    body = {"customer_id": "C-1", "heard": "not_reached", "note": "rang twice"}
    first = hear(client, body, "k").json()
    assert hear(client, dict(reversed(body.items())), "k").json() == first
    assert "key was already used" in refused(hear(client, {**body, "note": "rang thrice"}, "k"))
    assert hear(client, body, "m").json()["feedback_id"] != first["feedback_id"]
    assert hear(client, body).status_code == 200
    assert len(stored(home, "SELECT 1 FROM feedback")) == 3
    assert len(told(home, "recorded feedback")) == 3
    refused(hear(client, body, "k" * 256))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (7, "object"),
        ({"customer_id": "C-1"}, "heard"),
        ({"heard": "other"}, "exactly one"),
        ({"customer_id": "C-1", "prediction_id": "x", "heard": "other"}, "exactly one"),
        ({"customer_id": "C-77", "heard": "other"}, "unknown customer"),
        ({"prediction_id": "nope", "heard": "other"}, "unknown prediction"),
        ({"prediction_id": 5, "heard": "other"}, "prediction_id"),
        ({"prediction_id": "", "heard": "other"}, "prediction_id"),
        ({"prediction_id": "a\0b", "heard": "other"}, "prediction_id"),
        ({"customer_id": "", "heard": "other"}, "customer_id"),
        ({"customer_id": "C-1", "heard": "shouted"}, "agreed_to_stay or will_leave"),
        ({"customer_id": "C-1", "heard": ["other"]}, "heard"),
        ({"customer_id": "C-1", "heard": "other", "note": "n" * 501}, "note"),
        ({"customer_id": "C-1", "heard": "other", "note": 5}, "note"),
        ({"customer_id": "C-1", "heard": "other", "note": "a\0b"}, "note"),
        ({"customer_id": "C-1", "heard": "other", "note": "\ud800"}, "note"),
        ({"customer_id": "C-1", "heard": "other", "at": "3026-01-01"}, "at"),
        ({"customer_id": "C-1", "heard": "other", "at": 5}, "at"),
        ({"customer_id": "C-1", "heard": "other", "mood": "sunny"}, "mood"),
    ],
)
def test_wrong_feedback_is_a_422_that_names_the_field(client: TestClient, home: Home, predicted: list[str], body: Any, says: str) -> None:
    detail = refused(client.post("/feedback", content=json.dumps(body), headers={"Content-Type": "application/json"}))
    assert says in detail
    assert not any(word in detail for word in ("C-77", "nope", "shouted", "sunny", "3026"))
    assert stored(home, "SELECT 1 FROM feedback") == []


def test_a_note_may_be_as_long_as_allowed(client: TestClient, home: Home, predicted: list[str]) -> None:
    assert hear(client, {"customer_id": "C-1", "heard": "other", "note": "ü" * 500}).status_code == 200
    assert hear(client, {"customer_id": "C-2", "heard": "other", "note": "", "at": None}).status_code == 200
    assert [note for (note,) in stored(home, "SELECT note FROM feedback ORDER BY recorded_at")] == ["ü" * 500, None]


# --- both -----------------------------------------------------------------------------------------------------------------------------


def test_each_request_leaves_one_event_with_counts_and_no_customer(
    client: TestClient, ledger: Ledger, home: Home, predicted: list[str]
) -> None:
    response = send(client, seen(0, 1), seen(1, 0), seen(99, 1), seen(2, "?"))
    heard = hear(client, {"customer_id": "C-1", "heard": "will_leave", "note": "Jane"}, "key-1")
    (outcome_event,), (feedback_event,) = told(home, "recorded outcomes"), told(home, "recorded feedback")
    ids = response.headers["x-request-id"], heard.headers["x-request-id"]
    counts = {"added": 2, "rows": 4, "rejected": 1, "unknown_customers": 1}
    assert outcome_event == {**counts, "request": ids[0], "route": "/outcomes"}
    assert feedback_event == {"added": 1, "request": ids[1], "route": "/feedback"}
    assert {event.who for event in list_events(ledger) if event.what.startswith("recorded")} == {"scoring API"}
    assert verify_events(ledger) == "ok"


def test_no_id_can_be_found_by_trying_all_of_them(client: TestClient, home: Home, predicted: list[str]) -> None:
    """Digests of requests that hold an id are keyed: two installations get different ones of the same request."""
    send(client, seen(1, 1))
    hear(client, {"customer_id": "C-1", "heard": "other"}, "k")
    first = stored(home, "SELECT source FROM outcomes"), stored(home, "SELECT request_digest FROM feedback")
    assert first[0][0][0].startswith("outcomes:")
    now = datetime.now(UTC)
    document = {"customer_id": "C-1", "heard": "other"}
    assert read_feedback(document, KEY, "k", now).request_digest == first[1][0][0]
    assert read_feedback(document, bytes(31) + b"1", "k", now).request_digest != first[1][0][0]
    with sqlite3.connect(home.ledger) as connection:
        assert not any("C-1" in line for line in connection.iterdump() if "outcomes" in line or "feedback" in line)


def test_predictions_outcomes_and_feedback_come_together(client: TestClient, ledger: Ledger, predicted: list[str]) -> None:
    send(client, seen(0, 1), seen(1, 0))
    hear(client, {"customer_id": "C-1", "heard": "prediction_wrong"})
    later = datetime.now(UTC) + timedelta(days=40)
    found = {one.prediction_id: one.outcome for one in matured_predictions(ledger, later, 30)}
    assert found == dict(zip(predicted, [1, 0, None, None, None, None], strict=True))
    assert [(one.prediction_id, one.heard) for one in heard_predictions(ledger)] == [(predicted[1], "prediction_wrong")]


def test_a_ledger_that_is_gone_is_a_503_and_comes_back(client: TestClient, home: Home, predicted: list[str]) -> None:
    moved = home.ledger.rename(home.ledger.with_suffix(".away"))
    assert "absent" in refused(send(client, seen(0, 1)), 503)
    assert "absent" in refused(hear(client, {"customer_id": "C-1", "heard": "other"}), 503)
    moved.rename(home.ledger)
    assert send(client, seen(0, 1)).json()["recorded"] == 1
    assert hear(client, {"customer_id": "C-1", "heard": "other"}).status_code == 200


def test_without_a_ledger_nothing_can_be_recorded(client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "ledger", None)
    assert "without a ledger" in refused(send(client, seen(0, 1)), 503)
    assert "without a ledger" in refused(hear(client, {"customer_id": "C-1", "heard": "other"}), 503)


def test_a_failing_event_takes_the_request_with_it(
    client: TestClient, home: Home, predicted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LedgerUnavailable("The disk is full.", "Make room.")

    monkeypatch.setattr("tidegate.ledger.outcomes.add_event", fail)
    refused(send(client, seen(0, 1)), 503)
    assert outcomes_of(home) == {}


def test_the_documented_bodies_are_the_ones_that_are_read(client: TestClient, predicted: list[str]) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert (
        set(paths["/outcomes"]["post"]["responses"])
        == set(paths["/feedback"]["post"]["responses"])
        == {"200", "401", "403", "408", "413", "415", "422", "429", "503"}
    )
    item = paths["/outcomes"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(item["properties"]["outcomes"]["items"]["properties"]) == {"customer_id", "outcome", "observed_at"}
    assert LEFT in item["properties"]["outcomes"]["items"]["properties"]["outcome"]["description"]
    body = paths["/feedback"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"customer_id", "prediction_id", "heard", "note", "at"}
    assert "Idempotency-Key" in {one["name"] for one in paths["/feedback"]["post"]["parameters"]}
    refused(client.post("/outcomes", content="{}", headers={"Content-Type": "text/plain"}), 415)
    refused(client.get("/feedback"), 405)
