"""The operate API on experiments with evidence: the status and how it came about."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tidegate.home import open_home
from tidegate.ledger.connections import writing
from tidegate.ledger.experiments import Terms, raise_share, start_experiment, stop_experiment
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.ledger.times import time_text
from tidegate.operations.desk import experiments
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import Jobs
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings

DAY = timedelta(days=1)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
START = NOW - 50 * DAY


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    home = open_home(tmp_path / "home")
    ledger = open_ledger(sqlite_url(home.ledger))
    yield Desk(home, Settings(home=home.root), ledger, Jobs(), Metrics(), tmp_path)
    close_ledger(ledger)


@pytest.fixture
def client(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(experiments, "now", lambda: NOW)
    return TestClient(create_operate_app(desk), raise_server_exceptions=False)


def filled(desk: Desk, mode: Any = "ab") -> None:
    """400 customers over 30 days, and what became of them within 10."""
    start_experiment(desk.ledger, Terms(mode, ("2", "t" * 64), ("1", "b" * 64), 0.5, 10), "salt", "ana", START)
    draw, predictions, outcomes = random.Random(2), [], []
    for number in range(400):
        made, left = START + number * 30 * DAY / 400, int(draw.random() < 0.4)
        values = ("b" * 64, ("champion", "treatment")[number % 2], draw.random(), 0.5, 0, "{}", "predict", time_text(made), 1)
        predictions.append(Prediction(f"p-{number:05d}", None, None, f"{number:032x}", "1", *values))
        outcomes.append(Outcome(f"{number:032x}", time_text(made + 9 * DAY), left, "test", time_text(made + 11 * DAY)))
    with writing(desk.ledger.engine) as connection:
        insert_predictions(connection, predictions)
    record_outcomes(desk.ledger, outcomes, "ana", {}, START)


def test_the_timeline_ends_with_the_status(client: TestClient, desk: Desk) -> None:
    filled(desk)
    status, told = client.get("/experiments/status").json(), client.get("/experiments/timeline").json()
    last = told["points"][-1]
    assert (len(told["points"]), last["at"], told["at"], status["at"]) == (14, time_text(NOW), time_text(NOW), time_text(NOW))
    for name, one in status["measures"].items():
        assert last["measures"][name] == {field: one[field] for field in ("difference", "level", "word")}
    assert set(last["measures"]) == {"roc_auc", "pr_auc", "false_positive_rate", "false_negative_rate"}
    for arm in ("control", "treatment"):
        assert last[arm] == {name: status["arms"][arm][name] for name in ("matured", "left")}
    known = [one["control"]["matured"] for one in told["points"]]
    assert known == sorted(known)
    assert known[0] < known[5] < known[-1] == 200
    assert told["begins_at"] == time_text(START + 10 * DAY)


def test_so_many_points_of_the_experiment_that_is_named(client: TestClient, desk: Desk) -> None:
    filled(desk)
    stop_experiment(desk.ledger, 1, "enough", "ana", START + 35 * DAY)
    start_experiment(desk.ledger, Terms("ab", ("3", "t" * 64), ("1", "b" * 64), 0.5, 10), "salt", "ana", NOW - DAY)
    assert len(client.get("/experiments/timeline", params={"number": 1, "points": 5}).json()["points"]) == 5
    assert len(client.get("/experiments/timeline").json()["points"]) == 1
    for wrong in ({"points": 1}, {"points": 61}, {"number": 0}, {"number": 10**30}):
        assert client.get("/experiments/timeline", params=wrong).status_code == 422
    missing = client.get("/experiments/timeline", params={"number": 9})
    assert (missing.status_code, missing.json()["detail"].startswith("There is no experiment 9 in this home.")) == (422, True)


def test_without_any_it_says_how_to_start_one(client: TestClient) -> None:
    for path in ("/experiments/status", "/experiments/timeline"):
        refused = client.get(path)
        assert (refused.status_code, "No experiment was started" in refused.json()["detail"]) == (422, True)


def test_a_dear_look_is_shared_and_what_a_person_changed_is_seen_at_once(
    client: TestClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(desk)
    looks, read = [], experiments.read_trials
    monkeypatch.setattr(experiments, "read_trials", lambda *words: looks.append(1) or read(*words))
    monkeypatch.setattr("tidegate.operations.desk.kept.TIMES_AS_LONG", 10**6)
    first = client.get("/experiments/status").json()
    client.get("/experiments/timeline")
    assert client.get("/experiments/status").json() == first
    assert len(looks) == 1
    raise_share(desk.ledger, 1, 0.8, "ana", NOW)
    assert client.get("/experiments/status").json()["share"] == 80
    stop_experiment(desk.ledger, 1, "enough", "ana", NOW)
    assert client.get("/experiments/status").json()["stop_reason"] == "enough"


def test_the_answers_are_documented(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for method, path in (("get", ""), ("post", ""), ("get", "/status"), ("get", "/timeline"), ("post", "/stop")):
        assert "$ref" in paths[f"/experiments{path}"][method]["responses"]["200"]["content"]["application/json"]["schema"]


def test_who_looked_at_another_experiment_changes_nothing(client: TestClient, desk: Desk) -> None:
    filled(desk)
    for seen in (0, 2):
        for path, body in (("", {"treatment": "2", "share": 90}), ("/stop", {"reason": "enough"})):
            refused = client.post(f"/experiments{path}", json={**body, "seen_running": seen})
            assert refused.status_code == 409
            assert refused.json()["detail"] == "Experiment 1 runs by now. Look at it again; nothing was changed."
    assert client.post("/experiments", json={"treatment": "2", "share": 90, "seen_running": 1}).json()["raised"] is True
    assert client.post("/experiments/stop", json={"reason": "enough", "seen_running": 1}).status_code == 200
    refused = client.post("/experiments", json={"treatment": "2", "share": 95, "seen_running": 1})
    assert refused.json()["detail"] == "Experiment 1 has ended meanwhile. Look at it again; nothing was changed."
