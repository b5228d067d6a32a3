"""The operate API in process: what it answers, what it refuses, what it leaves on record."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tidegate.access.file import keys_file, write_keys
from tidegate.access.keyring import Keyring
from tidegate.access.keys import make_key
from tidegate.bundle.golden import write_golden
from tidegate.bundle.manifest import Manifest, seal
from tidegate.bundle.scorer import open_scorer
from tidegate.customers.spec import load_spec
from tidegate.home import Home
from tidegate.ledger.customer_key import customer_hash, load_or_create_key
from tidegate.ledger.events import append_event, list_events
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations.desk.api import create_operate_app, operate_needs
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import Job, Jobs
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings

NOW = datetime(2026, 11, 23, tzinfo=UTC)
AT = "2026-11-22T00:00:00.000000+00:00"


@pytest.fixture
def desk(own_home: Home, tmp_path: Path) -> Iterator[Desk]:
    ledger = open_ledger(sqlite_url(own_home.ledger))
    (tmp_path / "scratch").mkdir()
    yield Desk(own_home, Settings(home=own_home.root), ledger, Jobs(), Metrics(), tmp_path / "scratch")
    close_ledger(ledger)


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return TestClient(create_operate_app(desk), raise_server_exceptions=False)


def priced(desk: Desk) -> dict[str, str]:
    """Fields of a form whose campaign has prices: the champion's spec has none."""
    return {"name": "june", "budget": "2000"}


def scored(path: Path) -> bytes:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["CLIENTNUM", "churn_probability", "model_version"])
        writer.writerows([1000 + number, number / 100, "1"] for number in range(100))
    return path.read_bytes()


def test_models_and_their_cards(client: TestClient) -> None:
    told = client.get("/models").json()
    assert told["champion"]["version"] == "1"
    (model,) = told["models"]
    assert (model["version"], model["champion"], model["algorithm"]) == ("1", True, "lightgbm")
    assert model["metrics"]["pr_auc"] > 0.5
    one = client.get("/models/1").json()
    assert one["card"]["model"]
    page = client.get("/models/1/card")
    assert page.headers["content-type"].startswith("text/html")
    assert b"Honesty checks" in page.content
    assert client.get("/models/2").status_code == 404
    assert client.get("/models/..%2f1").status_code == 404


def test_a_damaged_version_is_listed_as_damaged_and_its_card_is_not_shown(client: TestClient, desk: Desk) -> None:
    card = desk.home.storage / "bundles/1/card.html"
    card.write_bytes(card.read_bytes() + b"<script>alert(1)</script>")
    (model,) = client.get("/models").json()["models"]
    assert "card.html" in model["damaged"]
    assert client.get("/models/1").json()["card"] is None
    assert client.get("/models/1/card").status_code == 503


def test_promotion_and_rollback_are_refused_like_on_the_command_line(client: TestClient) -> None:
    same = client.post("/promote", json={"version": "1", "reason": "again"})
    assert (same.status_code, same.json()["changed"]) == (200, False)
    unknown = client.post("/promote", json={"version": "7", "reason": "better"})
    assert (unknown.status_code, unknown.json()["detail"]) == (422, "There is no version 7 in this home. There are: 1.")
    nowhere = client.post("/rollback", json={"reason": "alarms"})
    assert nowhere.status_code == 422
    assert "no champion before version 1" in nowhere.json()["detail"]


def test_who_looked_at_another_champion_changes_nothing(client: TestClient) -> None:
    for path, body in (("/promote", {"version": "1", "reason": "better"}), ("/rollback", {"reason": "alarms"})):
        refused = client.post(path, json={**body, "instead_of": "2"})
        assert refused.status_code == 409
        assert refused.json()["detail"] == "Version 1 is champion by now, not version 2. Look at it again; nothing was changed."
    assert client.post("/promote", json={"version": "1", "reason": "again", "instead_of": "1"}).status_code == 200


@pytest.mark.parametrize("body", [{"version": "1"}, {"version": 1, "reason": "x"}, {"version": "1", "reason": ""}, [], "secret-value"])
def test_a_misshapen_body_is_one_envelope_without_what_was_sent(client: TestClient, body: Any) -> None:
    refused = client.post("/promote", json=body)
    assert refused.status_code == 422
    assert set(refused.json()) == {"error", "detail", "id"}
    assert "secret-value" not in refused.text


def test_history_is_that_of_the_verb(client: TestClient) -> None:
    told = client.get("/history", params={"limit": 1}).json()
    assert [event["what"] for event in told["events"]] == ["promoted"]
    assert client.get("/history", params={"limit": 0}).status_code == 422


def test_a_customer_is_found_by_id_and_never_by_hash(client: TestClient, desk: Desk) -> None:
    desk.home.secrets.mkdir(exist_ok=True)
    key = load_or_create_key(desk.home.secrets / "customer.key")
    planted = customer_hash(key, "4711")
    record_outcomes(desk.ledger, [Outcome(planted, AT, 1, "test", AT)], "test", {}, NOW)
    told = client.get("/customers/4711").json()
    assert told["outcomes"] == {"total": 1, "rows": [{"observed_at": AT, "outcome": 1, "source": "test", "recorded_at": AT}]}
    assert told["predictions"] == {"total": 0, "rows": []}
    assert planted not in json.dumps(told)
    assert client.get(f"/customers/{planted}").status_code == 404
    assert client.get("/customers/4712").status_code == 404


def test_a_customer_is_forgotten(client: TestClient, desk: Desk) -> None:
    desk.home.secrets.mkdir(exist_ok=True)
    planted = customer_hash(load_or_create_key(desk.home.secrets / "customer.key"), "4711")
    record_outcomes(desk.ledger, [Outcome(planted, AT, 1, "test", AT)], "test", {}, NOW)
    assert client.delete("/customers/4711").json()["removed_in_all"] == 1
    assert client.get("/customers/4711").status_code == 404
    assert client.delete("/customers/4711").json()["removed_in_all"] == 0
    event = list_events(desk.ledger, "erased")[0]
    assert "4711" not in event.evidence + event.who
    assert planted not in event.evidence


def test_a_campaign_without_prices_is_refused_and_nothing_stays(client: TestClient, desk: Desk, tmp_path: Path) -> None:
    refused = client.post("/campaigns", data=priced(desk), files={"file": ("scored.csv", scored(tmp_path / "scored.csv"))})
    assert refused.status_code == 422
    assert "[money]" in refused.json()["detail"]
    assert client.get("/campaigns").json() == {"campaigns": []}
    assert list(desk.scratch.iterdir()) == []
    assert client.get("/campaigns/june").status_code == 404


def test_a_campaign_with_prices(client: TestClient, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prices = '\n[money]\ncurrency = "EUR"\ncustomer_value = 900\ncontact_cost = 4\nincentive_cost = 40\nacceptance_rate = 0.35\n'
    (tmp_path / "priced.toml").write_text(load_spec("bank").text + prices)
    monkeypatch.setattr("tidegate.operations.campaign.spec_of", lambda home, given: load_spec(str(tmp_path / "priced.toml")))
    answer = client.post("/campaigns", data=priced(desk), files={"file": ("scored.csv", scored(tmp_path / "scored.csv"))})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert len(told["contact"]) == told["contacts"] > 0
    assert len(told["keep_aside"]) == told["control"] > 0
    assert not {row["CLIENTNUM"] for row in told["contact"]} & {row["CLIENTNUM"] for row in told["keep_aside"]}
    assert str(tmp_path) not in answer.text
    assert [one["name"] for one in client.get("/campaigns").json()["campaigns"]] == ["june"]
    assert client.get("/campaigns/june").json()["verdict"] == "not enough evidence yet"
    assert list_events(desk.ledger, "planned a campaign")[0].who.endswith("(operate API)")


@pytest.mark.parametrize(
    ("fields", "file", "said"),
    [
        ({"name": "a", "budget": "x"}, "scored.csv", "budget is not a number"),
        ({"budget": "10"}, "scored.csv", "no name"),
        ({"name": "a", "budget": "10"}, None, "no file"),
        ({"name": "a", "colour": "red"}, "scored.csv", "does not know"),
        ({"name": "a", "budget": "10"}, "scored.exe", "neither .csv nor .parquet"),
        ({"name": "a", "budget": "10"}, "../../../scored", "neither .csv nor .parquet"),
    ],
)
def test_a_form_that_does_not_fit_is_refused(
    client: TestClient, desk: Desk, tmp_path: Path, fields: dict[str, str], file: str | None, said: str
) -> None:
    files = {"file": (file, scored(tmp_path / "scored.csv"))} if file else {"other": ("", b"")}
    refused = client.post("/campaigns", data=fields, files=files if file else None)
    assert refused.status_code == 422
    assert said in refused.json()["detail"] or "cannot be read" in refused.json()["detail"]
    assert list(desk.scratch.iterdir()) == []


@pytest.mark.parametrize("route", ["/train", "/campaigns"])
def test_a_body_that_is_no_form_is_refused_rather_than_read_as_an_empty_one(client: TestClient, desk: Desk, route: str) -> None:
    for sent in ({"json": {"budget": "quick"}}, {"content": b"budget=quick"}):
        refused = client.post(route, **sent)  # type: ignore[arg-type]
        assert (refused.status_code, "not a form" in refused.json()["detail"]) == (415, True), refused.text
    assert list(desk.scratch.iterdir()) == []
    assert client.get("/train").json() == {"trainings": []}


def add_version(home: Home, version: str, threshold: float) -> str:
    """Store the champion once more, with another threshold; its digest."""
    folder = home.storage / "bundles" / version
    shutil.copytree(home.storage / "bundles/1", folder)
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes()).model_copy(update={"threshold": threshold})
    seal(folder, manifest)
    write_golden(folder, open_scorer(folder, version))
    return seal(folder, manifest)


def test_an_experiment_over_http_is_that_of_the_verb(client: TestClient, desk: Desk, tmp_path: Path) -> None:
    assert client.get("/experiments").json() == {"experiments": []}
    itself = client.post("/experiments", json={"treatment": "1"})
    assert (itself.status_code, "compared with itself" in itself.json()["detail"]) == (422, True)
    assert client.post("/experiments", json={"treatment": "1", "share": 500}).status_code == 422
    assert client.post("/experiments/stop", json={}).status_code == 422
    digest = add_version(desk.home, "2", 0.3)
    append_event(desk.ledger, "test", "trained", {"version": "2", "digest": digest}, NOW)
    began = client.post("/experiments", json={"treatment": "2", "share": 20, "mode": "canary"})
    assert began.status_code == 200, began.text
    (running,) = client.get("/experiments").json()["experiments"]
    assert (running["treatment_version"], running["share"], running["mode"], running["running"]) == ("2", 20, "canary", True)
    assert running["started_by"].endswith("(operate API)")
    assert client.get("/experiments/status").json()["experiment"] == 1
    assert client.post("/experiments/stop", json={"reason": "enough"}).json()["stop_reason"] == "enough"
    assert client.get("/experiments").json()["experiments"][0]["running"] is False


def test_every_route_asks_for_the_role(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for jobs in (desk.jobs, desk.monitorings, desk.renewals):
        monkeypatch.setattr(jobs, "start", lambda *words: Job("1", "running", "ada", (), AT))
    operator, operator_text = make_key("ada", ["operate"], None, NOW)
    scorer, scorer_text = make_key("shop", ["score"], None, NOW)
    eraser, eraser_text = make_key("dpo", ["erase"], None, NOW)
    path = keys_file(desk.home, None)
    path.parent.mkdir(exist_ok=True)
    write_keys(path, [operator, scorer, eraser])
    client = TestClient(create_operate_app(desk, Keyring(path)), raise_server_exceptions=False)
    document = client.get("/openapi.json").json()
    for route, operations in document["paths"].items():
        for method in operations:
            if operate_needs(method.upper(), route) is None:
                continue
            where = (
                route.replace("{version}", "1")
                .replace("{job}", "1")
                .replace("{name}", "1")
                .replace("{customer_id}", "1")
                .replace("{number}", "1")
            )
            assert client.request(method, where).status_code == 401, route
            if route != "/metrics":
                assert client.request(method, where, headers={"X-API-Key": scorer_text}).status_code == 403, route
            may, may_not = (
                (eraser_text, operator_text) if (method, route) == ("delete", "/customers/{customer_id}") else (operator_text, eraser_text)
            )
            assert client.request(method, where, headers={"X-API-Key": may}).status_code not in (401, 403), route
            if route != "/metrics":
                assert client.request(method, where, headers={"X-API-Key": may_not}).status_code == 403, route


def test_the_name_of_the_key_is_on_record(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, text = make_key("ada", ["operate"], None, NOW)
    path = keys_file(desk.home, None)
    path.parent.mkdir(exist_ok=True)
    write_keys(path, [operator])
    seen: list[str] = []
    monkeypatch.setattr("tidegate.operations.desk.versions.rollback", lambda *words: seen.append(words[3]))  # the answer is a 500
    client = TestClient(create_operate_app(desk, Keyring(path)), raise_server_exceptions=False)
    client.post("/rollback", json={}, headers={"Authorization": f"Bearer {text}"})
    assert seen == ["ada (operate API)"]


@pytest.mark.parametrize("spec", ["../../etc/passwd", "/etc/passwd", "bank.toml"])
def test_a_training_reads_no_file_of_this_machine(client: TestClient, desk: Desk, spec: str) -> None:
    refused = client.post("/train", files={"spec": (None, spec)})
    assert refused.status_code == 422
    assert "spec_toml" in refused.json()["detail"]
    assert desk.jobs.newest_first() == []


def test_a_training_that_nobody_started(client: TestClient) -> None:
    assert client.get("/train").json() == {"trainings": []}
    assert client.get("/train/abc").status_code == 404
    assert client.delete("/train/abc").status_code == 404


def test_pages(client: TestClient, desk: Desk) -> None:
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"status": "ready", "model_version": "1"}
    assert client.get("/verify").json() == {"bundle": "ok", "ledger": "ok", "events": "ok"}
    assert client.get("/verify", params={"sample": 0}).status_code == 422
    assert "tidegate_requests_total" in client.get("/metrics").text
    assert client.get("/docs").status_code == 200
    assert client.get("/nowhere").json()["error"] == "not_found"


def test_without_its_ledger_it_is_not_ready(own_home: Home, tmp_path: Path) -> None:
    ledger = open_ledger(sqlite_url(own_home.ledger))
    lost = Ledger(ledger.engine, ledger.url)
    desk = Desk(own_home, Settings(home=own_home.root), lost, Jobs(), Metrics(), tmp_path)
    client = TestClient(create_operate_app(desk), raise_server_exceptions=False)
    close_ledger(ledger)
    own_home.ledger.rename(tmp_path / "away.db")
    assert client.get("/ready").status_code == 503
    assert client.get("/health").status_code == 200
