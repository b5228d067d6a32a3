"""The first day of somebody who ran `make up`: everything through published ports, with the keys of the secrets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from platform_bank import ID, as_bodies, bank_rows
from platform_stack import API, OPERATE, REPORTS, UI, Stack, until
from tidegate.customers.simulation.scenario import ConceptDrift, Drift, Scenario

pytestmark = pytest.mark.platform

MOVED = ("Customer_Age", "Total_Trans_Amt", "Total_Trans_Ct", "Months_Inactive_12_mon", "Contacts_Count_12_mon")
CHANGED = Scenario(drift=tuple(Drift(column, 1.0) for column in MOVED), concept_drift=ConceptDrift(1.0))
LABEL, LEFT = "Attrition_Flag", "Attrited Customer"


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Whom the bank has now: they moved, and leave for other reasons."""
    return bank_rows(tmp_path_factory.mktemp("bank"), 3_000, 77, CHANGED)


@pytest.fixture
def scoring(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client(API, "score") as client:
        yield client


@pytest.fixture
def desk(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client(OPERATE, "operate") as client:
        yield client


@pytest.fixture(scope="module")
def bodies(stack: Stack, customers: list[dict[str, str]]) -> list[dict[str, Any]]:
    return as_bodies(stack, customers)


def csv_of(rows: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def version_of_all(stack: Stack) -> set[str]:
    """What each replica serves, asked behind the gateway's back."""
    code = "import json, sys, urllib.request as u; print(json.load(u.urlopen('http://127.0.0.1:8000/ready'))['model_version'])"
    return {stack.docker("exec", one["Id"], "python", "-c", code).strip() for one in stack.containers("api")}


def test_a_model_was_trained_on_the_simulator_and_comes_from_the_store_by_its_digest(stack: Stack, desk: httpx.Client) -> None:
    champion = next(one for one in desk.get("/history").json()["events"] if one["version"])
    with stack.client(API, "score") as client:
        info = client.get("/model-info").raise_for_status().json()
    assert champion["version"] == info["model_version"]
    for one in stack.containers("api"):
        assert stack.docker("exec", one["Id"], "ls", f"/srv/tidegate/home/cache/bundles/{info['digest']}").split() == [
            info["model_version"]
        ]
    kept = stack.inside("worker", "python", "-m", "tidegate", "verify", "--json")
    assert '"events": "ok"' in kept


def test_one_customer(scoring: httpx.Client, bodies: list[dict[str, Any]]) -> None:
    first = scoring.post("/predict?reasons=3", json=bodies[0], headers={"Idempotency-Key": "newcomer-1"}).raise_for_status().json()
    assert len(first["reasons"]) == 3
    again = scoring.post("/predict?reasons=3", json=bodies[0], headers={"Idempotency-Key": "newcomer-1"}).raise_for_status().json()
    assert again["prediction_id"] == first["prediction_id"]
    refused = scoring.post("/predict", json={**bodies[0], "customer_age": "old"})
    assert (refused.status_code, refused.json()["error"]) == (422, "row_refused")


def test_a_file(scoring: httpx.Client, customers: list[dict[str, str]]) -> None:
    answer = scoring.post("/predict-csv", files={"file": ("bank.csv", csv_of(customers[:500]))})
    assert answer.status_code == 200, answer.text
    assert len(answer.text.splitlines()) == 501


def test_the_pages_and_the_operate_api_answer(stack: Stack) -> None:
    with stack.client(UI, None) as client:
        assert client.get("/_stcore/health").text == "ok"
        assert "<title>" in client.get("/").text
    assert stack.inside("ui", "healthy", "http://scoring:8000/ready", "http://desk:8001/ready") == ""


def test_from_drift_to_alert_report_experiment_renewal_and_rollback(
    stack: Stack, scoring: httpx.Client, desk: httpx.Client, customers: list[dict[str, str]], bodies: list[dict[str, Any]]
) -> None:
    """One story, because each step needs what the one before it left."""
    first = desk.get("/ready").json()["model_version"]
    assert version_of_all(stack) == {first}

    # Customers whom the bank saw forty days ago are monitored: they moved, and somebody is told.
    seen, known = (datetime.now(UTC) - timedelta(days=days) for days in (40, 35))
    batch = f"prod_batch_{seen:%Y-%m-%d}.csv"
    file = csv_of([{name: value for name, value in row.items() if name != LABEL} for row in customers])
    job = desk.post("/monitoring", files={"file": (batch, file)}).raise_for_status().json()["job"]
    monitored = stack.job(f"/monitoring/jobs/{job}")
    assert monitored["state"] == "done", monitored
    assert monitored["result"]["health"] == "FAIL"
    assert len(monitored["result"]["drifted_features"]) > 3
    assert "drift" in {alert["kind"] for alert in desk.get("/alerts").json()["open"]}
    listed = desk.get("/monitoring").json()["batches"][0]
    with stack.client(REPORTS, "operate") as pages:
        assert listed["folder"] in pages.get("/index.html").raise_for_status().text
        report = pages.get(f"/{listed['folder']}/monitoring_report.html").raise_for_status()
        assert "sandbox" in report.headers["content-security-policy"]
    with stack.client(REPORTS, None) as stranger:
        assert stranger.get("/index.html").status_code == 401

    # A second version is trained, tried on half of the customers, promoted, and rolled back; every replica follows.
    job = desk.post("/train", data={"budget": "quick", "algorithms": "logistic_regression", "seed": "5"}).raise_for_status().json()["job"]
    trained = stack.job(f"/train/{job}")
    assert trained["state"] == "done", trained
    second = trained["result"]["model_version"]
    desk.post("/experiments", json={"treatment": second, "share": 50, "mode": "ab"}).raise_for_status()

    def both() -> bool:
        answers = [scoring.post("/predict", json=one).raise_for_status().json() for one in bodies[:40]]
        return {one["model_version"] for one in answers} == {first, second}

    until(both, lambda: desk.get("/experiments/status").text, 60)
    desk.post("/experiments/stop", json={"reason": "seen enough"}).raise_for_status()
    desk.post("/promote", json={"version": second, "reason": "tried"}).raise_for_status()
    until(lambda: version_of_all(stack) == {second}, lambda: version_of_all(stack), 30)
    desk.post("/rollback", json={"reason": "not better"}).raise_for_status()
    until(lambda: version_of_all(stack) == {first}, lambda: version_of_all(stack), 30)

    # By now it is known who left. Drift asks for a renewal, which decides on evidence and says why.
    left = [{"customer_id": row[ID], "outcome": int(row[LABEL] == LEFT), "observed_at": f"{known:%Y-%m-%d}"} for row in customers]
    words = "cat >/tmp/outcomes.csv && python -m tidegate outcomes /tmp/outcomes.csv --json"
    assert f'"recorded": {len(left)}' in stack.compose("exec", "-T", "worker", "sh", "-c", words, given=csv_of(left))
    job = desk.post("/renewals", json={"reason": ""}).raise_for_status().json()["job"]
    renewed = stack.job(f"/renewals/jobs/{job}", 900)
    assert renewed["state"] == "done", renewed
    assert renewed["result"]["decision"] in ("promoted", "held", "refused", "canary"), renewed["result"]
    assert renewed["result"]["reasons"]
    assert desk.get("/renewals").json()["renewals"]
    assert desk.get("/verify").json()["events"] == "ok"

    # Meanwhile Prometheus has seen the drift at the worker, and Alertmanager has told Slack.
    def told() -> list[str]:
        return [
            title for _, message in stack.slack.got for one in message["attachments"] if "features have drifted" in (title := one["title"])
        ]

    until(lambda: bool(told()), lambda: (stack.slack.got, stack.compose("logs", "--tail", "20", "prometheus", "alertmanager")), 180)
    assert told()[0].startswith("[Tidegate] "), told()


def test_runs_are_in_mlflow(stack: Stack) -> None:
    word = (stack.secrets / "mlflow_password").read_text()
    with stack.client("mlflow", None) as client:
        client.auth = httpx.BasicAuth("tidegate", word)
        found = client.get("/api/2.0/mlflow/registered-models/get", params={"name": "bank"}).raise_for_status().json()
    assert "champion" in {alias["alias"] for alias in found["registered_model"]["aliases"]}


def test_load_makes_traffic(stack: Stack) -> None:
    before = int(stack.sql("ledger", "SELECT count(*) FROM predictions")[0])
    said = stack.make("load", "RATE=20", "SECONDS=6").stdout.decode()
    assert "failed 0" in said.splitlines()[-1]
    assert int(stack.sql("ledger", "SELECT count(*) FROM predictions")[0]) > before + 20


def test_a_key_is_added_and_revoked_while_everything_runs(stack: Stack, tmp_path: Path) -> None:
    made = stack.inside("worker", "python", "-m", "tidegate", "key", "add", "crm", "--role", "score", "--json")
    text = next(word for word in made.split('"') if word.startswith("tg_"))
    with stack.client(API, None) as client:
        client.headers["X-API-Key"] = text
        until(lambda: client.get("/model-info").status_code == 200, lambda: client.get("/model-info").text, 20)
        stack.inside("worker", "python", "-m", "tidegate", "key", "revoke", "crm")
        until(lambda: client.get("/model-info").status_code == 401, lambda: client.get("/model-info").text, 20)
    who = stack.sql("ledger", "SELECT what FROM events WHERE what LIKE 'key %' ORDER BY sequence DESC LIMIT 2")
    assert who == ["key revoked", "key added"]
