"""The evaluation of a version over HTTP: what training left, thinned, by name and never by path."""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from second_versions import plant_copy
from tidegate.home import Home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.operations.champion import promote
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import Jobs
from tidegate.operations.evaluated import LARGEST_BYTES, MOST_POINTS
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings

ROUTE = "/models/1/evaluation"


@pytest.fixture
def desk(own_home: Home, tmp_path: Path) -> Iterator[Desk]:
    ledger = open_ledger(sqlite_url(own_home.ledger))
    yield Desk(own_home, Settings(home=own_home.root), ledger, Jobs(), Metrics(), tmp_path)
    close_ledger(ledger)


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return TestClient(create_operate_app(desk), raise_server_exceptions=False)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_it_is_what_the_training_wrote(client: TestClient, own_home: Home) -> None:
    told, folder = client.get(ROUTE).json(), own_home.evaluations / "1"
    assert (told["version"], told["model"]) == ("1", "lightgbm")
    written = table(folder / "model_comparison_final.csv")
    assert [one["name"] for one in told["models"]] == [row["model"] for row in written]
    (chosen,) = [one for one in told["models"] if one["chosen"]]
    (row,) = [row for row in written if row["chosen"] == "true"]
    assert chosen["out_of_fold"]["composite"] == float(row["out_of_fold_composite"])
    assert chosen["holdout"]["pr_auc"] == {
        end: float(row[f"holdout_pr_auc{name}"]) for end, name in (("value", ""), ("low", "_low"), ("high", "_high"))
    }
    curve, points = told["curve"], table(folder / "lightgbm/curves.csv")
    assert {len(column) for column in curve.values()} == {len(curve["recall"])}
    assert 100 <= len(curve["recall"]) <= MOST_POINTS < len(points)
    for place in (0, -1):
        assert curve["threshold"][place] == float(points[place]["threshold"])
    assert told["gain"]["share_contacted"][-1] == 1.0
    assert len(told["calibration"]["share_left_low"]) == len(table(folder / "lightgbm/calibration.csv"))
    assert told["learning"]["rows"] == [float(row["rows"]) for row in table(folder / "learning_curve.csv")]
    assert told["profit"] is None
    assert told["thresholds"] == []


def test_where_the_model_stands_on_its_curves(client: TestClient, own_home: Home) -> None:
    told = client.get(ROUTE).json()["decisions"]
    stayed, left = table(own_home.evaluations / "1/lightgbm/confusion_matrix.csv")
    assert told["left_flagged"] == int(left["predicted to leave"])
    assert told["recall"] == told["left_flagged"] / (told["left_flagged"] + told["left_unflagged"])
    assert told["precision"] == told["left_flagged"] / (told["left_flagged"] + told["stayed_flagged"])
    assert told["false_positive_rate"] == int(stayed["predicted to leave"]) / sum(int(stayed[name]) for name in stayed if name)
    assert math.isclose(told["recall"], client.get("/models/1").json()["metrics"]["recall"])


def test_another_model_of_the_same_training(client: TestClient, own_home: Home) -> None:
    told = client.get(ROUTE, params={"model": "logistic_regression"}).json()
    assert told["model"] == "logistic_regression"
    assert told["gain"]["lift"][0] == float(table(own_home.evaluations / "1/logistic_regression/gain.csv")[0]["lift"])
    for name in ("xgboost", "..", "../1/lightgbm", "lightgbm/", "", "lightgbm\0"):
        refused = client.get(ROUTE, params={"model": name})
        assert (refused.status_code, "has no model of this name. It has: " in refused.json()["detail"]) == (404, True), name


def test_money_where_the_spec_has_prices(client: TestClient, own_home: Home) -> None:
    folder = own_home.evaluations / "1"
    lines = [f"{1 - point / 1000},{point / 1000},{point}.5" for point in range(1001)]
    (folder / "profit.csv").write_text("\n".join(["threshold,share_contacted,profit_per_1000_customers", *lines]))
    (folder / "profit_thresholds.csv").write_text(
        "rule,threshold,share_contacted,profit_per_1000_customers,low,high,currency\n"
        "F1,0.5,0.1,900,800,1000,EUR\nprofit less F1,,,90,10,120,EUR\n"
    )
    told = client.get(ROUTE).json()
    assert len(told["profit"]["share_contacted"]) <= MOST_POINTS
    assert told["profit"]["profit_per_1000_customers"][-1] == 1000.5
    (one,) = told["thresholds"]
    assert one == {
        "rule": "F1",
        "threshold": 0.5,
        "share_contacted": 0.1,
        "profit_per_1000": 900.0,
        "low": 800.0,
        "high": 1000.0,
        "currency": "EUR",
    }


def test_a_version_that_was_trained_elsewhere(client: TestClient, own_home: Home) -> None:
    shutil.rmtree(own_home.evaluations / "1")
    refused = client.get(ROUTE)
    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        "This home has no evaluation of version 1. The home that trained it has; the model card says what was measured.",
    )
    for version in ("7", "..", "..%2f1", ".1.part"):
        assert client.get(f"/models/{version}/evaluation").status_code == 404, version


def test_what_lies_behind_a_link_does_not_exist(client: TestClient, own_home: Home, tmp_path: Path) -> None:
    folder = own_home.evaluations / "1"
    (tmp_path / "profit.csv").write_text("threshold,share_contacted,profit_per_1000_customers\n0.1,0.2,3\n")
    (folder / "profit.csv").symlink_to(tmp_path / "profit.csv")
    assert client.get(ROUTE).json()["profit"] is None
    folder.rename(tmp_path / "away")
    folder.symlink_to(tmp_path / "away")
    assert client.get(ROUTE).status_code == 404


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lightgbm/curves.csv", "threshold,recall\n0.5,1\n"),
        ("lightgbm/curves.csv", "threshold,false_positive_rate,recall,precision,share_contacted\n0.5,1\n"),
        ("lightgbm/curves.csv", "threshold,false_positive_rate,recall,precision,share_contacted\n0.5,1,1,1,1,1\n"),
        ("lightgbm/gain.csv", "share_contacted,share_of_leavers_found,lift\n0.5,many,1\n"),
        ("lightgbm/confusion_matrix.csv", ",predicted to stay,predicted to leave\nstayed,1,\n"),
        ("lightgbm/confusion_matrix.csv", ",predicted to stay,predicted to leave\n"),
        ("model_comparison_final.csv", "kind,chosen\nbaseline,true\n"),
        ("learning_curve.csv", "rows\udcff\n"),
        ("learning_curve.csv", "x" * (LARGEST_BYTES + 1)),
    ],
)
def test_a_damaged_file_is_one_sentence(client: TestClient, own_home: Home, name: str, text: str) -> None:
    (own_home.evaluations / "1" / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    refused = client.get(ROUTE)
    assert (refused.status_code, refused.json()["detail"].split(". ")[0]) == (503, "The evaluation of version 1 is damaged")
    assert str(own_home.root) not in refused.text


def test_numbers_that_are_none(client: TestClient, own_home: Home) -> None:
    path = own_home.evaluations / "1/lightgbm/gain.csv"
    path.write_text("share_contacted,share_of_leavers_found,lift\n0.5,,inf\n1.0,1.0,1.0\n")
    assert client.get(ROUTE).json()["gain"] == {"share_contacted": [0.5, 1.0], "share_of_leavers_found": [None, 1.0], "lift": [None, 1.0]}
    path.write_text("share_contacted,share_of_leavers_found,lift\n")
    assert client.get(ROUTE).json()["gain"]["lift"] == []
    path.unlink()
    assert client.get(ROUTE).json()["gain"] is None


def test_the_list_has_intervals_and_where_a_rollback_leads(client: TestClient, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.operations.champion.told_registry", lambda *given: "")
    told = client.get("/models").json()
    (model,) = told["models"]
    assert model["intervals"] == client.get("/models/1").json()["card"]["metrics"]
    assert told["earlier_versions"] == []
    plant_copy(desk.home, desk.ledger, "2")
    promote(desk.home, desk.ledger, "2", "better", "test", datetime.now(UTC))
    assert client.get("/models").json()["earlier_versions"] == ["1"]
