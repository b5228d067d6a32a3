"""The newest batches in one answer: their order, their figures, and what is said where a file is damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tidegate.home import Home, open_home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import Jobs
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings
from unit.operations.desk.runs import NOW, write_run

COLUMN = {"column": "age", "effect": "psi", "effects": {"psi": 0.25, "ks_distance": 0.05}, "adjusted_p_value": 0.001, "drifted": True}
LIMITS = {"floors": {"psi": 0.1, "ks_distance": 0.05}}
TIMELINE = {
    "holdout": 0.9,
    "batches": [
        {
            "batch": f"b{number}",
            "seen_at": NOW.isoformat(),
            "state": "realised",
            "estimated": {"value": 0.8, "low": 0.7, "high": 0.85, "trusted": False},
            "realised": {"value": 0.75, "low": None, "high": 0.8},
        }
        for number in (1, 2)
    ],
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


@pytest.fixture
def client(home: Home, tmp_path: Path) -> Iterator[TestClient]:
    ledger = open_ledger(sqlite_url(home.ledger))
    desk = Desk(home, Settings(home=home.root), ledger, Jobs(), Metrics(), tmp_path)
    yield TestClient(create_operate_app(desk), raise_server_exceptions=False)
    close_ledger(ledger)


def test_trends_are_the_newest_runs_oldest_first(client: TestClient, home: Home) -> None:
    assert client.get("/trends").json() == {"batches": [], "performance": None}
    write_run(home, "b1", columns=[COLUMN], limits=LIMITS)
    write_run(home, "b2", at=NOW.isoformat(), columns=[{**COLUMN, "drifted": False}], limits=LIMITS)
    told = client.get("/trends").json()
    assert told["performance"] is None
    assert [(one["folder"], one["health"], one["damaged"]) for one in told["batches"]] == [
        ("b1", "WARNING", False),
        ("b2", "WARNING", False),
    ]
    (feature,) = told["batches"][0]["features"]
    assert feature.pop("times_limit") == pytest.approx(2.5)
    assert feature == {"column": "age", "effect": "psi", "value": 0.25, "limit": 0.1, "adjusted_p_value": 0.001, "drifted": True}
    assert not told["batches"][1]["features"][0]["drifted"]
    assert [one["folder"] for one in client.get("/trends", params={"limit": 1}).json()["batches"]] == ["b2"]
    for limit in (0, 101, "x"):
        assert client.get("/trends", params={"limit": limit}).status_code == 422


def test_trends_of_roc_auc_are_those_of_the_newest_run(client: TestClient, home: Home) -> None:
    write_run(home, "b1")
    write_run(home, "b2", at=NOW.isoformat())
    (home.reports / "b1" / "performance_timeline.json").write_text("{}")
    (home.reports / "b2" / "performance_timeline.json").write_text(json.dumps(TIMELINE))
    told = client.get("/trends").json()["performance"]
    assert (told["folder"], told["model_version"], told["holdout"]) == ("b2", "1", 0.9)
    assert told["alarm_below"] == pytest.approx(0.9 * 0.95)
    assert [one["batch"] for one in told["batches"]] == ["b1", "b2"]
    assert told["batches"][0]["trusted"] is False
    assert told["batches"][0]["realised"] == {"value": 0.75, "low": None, "high": 0.8}
    assert [one["batch"] for one in client.get("/trends?limit=1").json()["performance"]["batches"]] == ["b2"]


@pytest.mark.parametrize("damage", ['{"batches": ', "[]", "5", "[" * 100_000, '{"batches": {"a": 1}}', "\x00"])
def test_a_damaged_timeline_is_no_timeline(client: TestClient, home: Home, damage: str) -> None:
    write_run(home, "b1")
    (home.reports / "b1" / "performance_timeline.json").write_text(damage)
    assert client.get("/trends").json()["performance"] is None


def test_strange_figures_are_none_and_a_damaged_run_is_said(client: TestClient, home: Home) -> None:
    strange: list[Any] = [5, {"column": 3}, {"column": "age", "effect": "psi", "effects": [], "adjusted_p_value": "x", "drifted": 1}]
    write_run(home, "b1", columns=[*strange, {"column": "visits", "effect": 5, "effects": {"psi": 1}}], limits="none")
    write_run(home, "b2", columns="none", limits={"floors": {"psi": 0}})
    (home.reports / "b3").mkdir()
    (home.reports / "b3" / "drift_tests.json").write_text('{"batch": ')
    (home.reports / "b1" / "performance_timeline.json").write_text(
        json.dumps({"batches": [7, {"batch": "b", "estimated": 3, "realised": {}, "state": "x"}]})
    )
    told = client.get("/trends").json()
    assert [(one["folder"], one["damaged"], len(one["features"])) for one in told["batches"]] == [
        ("b3", True, 0), ("b2", False, 0), ("b1", False, 2),
    ]  # fmt: skip
    nothing = dict.fromkeys(("value", "limit", "times_limit", "adjusted_p_value"))
    age, visits = told["batches"][2]["features"]
    assert age == {"column": "age", "effect": "psi", "drifted": False, **nothing}
    assert visits == {"column": "visits", "effect": None, "drifted": False, **nothing}
    assert told["performance"]["alarm_below"] is None
    (point,) = told["performance"]["batches"]
    assert {value for name, value in point.items() if name != "batch"} == {None}
