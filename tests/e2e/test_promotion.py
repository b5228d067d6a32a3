"""Promotion, rollback, history and replay as an operator does them: two trainings, a running server, real processes."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import call, customers, running, tidegate
from ports import free_port
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home, exclusive
from tidegate.registry.store import aliases, open_registry

DOWN = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose champion is version 1 and whose challenger is version 2."""
    folder = tmp_path_factory.mktemp("promotion")
    write_simulated(folder / "bank.csv", 1_500, seed=3)
    for seed in (1, 2):
        answer = tidegate(
            "train", folder / "bank.csv", "--spec", "bank", "--budget", "quick", "--algorithms", "logistic_regression",
            "--model-seed", seed, "--home", folder / "home",
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
    return Home(folder / "home")


@pytest.fixture
def home(two_versions: Home, tmp_path: Path) -> Iterator[Home]:
    shutil.copytree(two_versions.root, tmp_path / "home")
    yield Home(tmp_path / "home")
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


def told(*words: object, environment: dict[str, str] | None = None) -> dict[str, Any]:
    answer = tidegate(*words, "--json", environment=environment)
    assert answer.returncode == 0, answer.stderr
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


def refused(*words: object) -> str:
    answer = tidegate(*words)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    return answer.stderr


def test_promote_and_rollback_with_their_registry_and_their_history(home: Home) -> None:
    at = ("--home", home.root)
    assert aliases(open_registry(home, "bank"))["champion"] == "1"
    done = told("promote", "2", "--reason", "better on new customers", *at)
    assert (done["model_version"], done["previous_version"], done["changed"], done["registry"]) == ("2", "1", True, "current")
    assert aliases(open_registry(home, "bank"))["champion"] == "2"
    assert told("promote", "2", "--reason", "again", *at)["changed"] is False
    back = told("rollback", "--reason", "alarms", *at)
    assert (back["model_version"], back["previous_version"], back["earlier_versions"]) == ("1", "2", [])
    assert back["cpu_seconds"] < 3
    assert "no champion before version 1" in refused("rollback", *at)
    assert "There are: 2, 1." in refused("promote", "9", "--reason", "x", *at)
    assert "--reason" in refused("promote", "2", "--reason", " ", *at)
    assert "--reason" in refused("promote", "2", *at)
    found = told("history", *at)
    assert found["champion"]["version"] == "1"
    assert [(event["what"], event["version"], event["from"]) for event in found["events"]] == [
        ("rolled back", "1", "2"),
        ("promoted", "2", "1"),
        ("trained", "2", None),
        ("promoted", "1", None),
        ("trained", "1", None),
    ]
    assert [event["champion"] for event in found["events"]] == [True, False, False, False, False]
    lines = tidegate("history", "--limit", 2, *at).stdout.splitlines()
    assert len(lines) == 3
    assert "1 ← champion  alarms" in lines[1]
    assert told("deliver", *at)["registry"] == "current"
    assert aliases(open_registry(home, "bank"))["champion"] == "1"
    assert told("verify", *at) == {"bundle": "ok", "ledger": "ok", "events": "ok"}


def test_a_registry_that_is_down_and_a_training_at_work_stop_neither(home: Home) -> None:
    at = ("--home", home.root)
    with exclusive(home, "training"):
        answer = tidegate("promote", "2", "--reason", "night shift", *at, "--json", environment=DOWN)
        assert answer.returncode == 0, answer.stderr
        done = json.loads(answer.stdout)
        assert (done["model_version"], done["registry"]) == ("2", "behind")
        assert done["warnings"][0] in answer.stderr
        assert "does not answer" in answer.stderr
        assert told("rollback", *at, environment=DOWN)["model_version"] == "1"
    assert json.loads((home.storage / "champion.json").read_bytes())["version"] == "1"
    late = told("deliver", *at, environment=DOWN)
    assert (late["delivered"], late["registry"]) == ([], "behind")


def test_a_tampered_bundle_is_refused_and_the_champion_stays(home: Home) -> None:
    manifest = home.storage / "bundles" / "2" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"threshold_rule": "', b'"threshold_rule": "no '))
    assert "not the one" in refused("promote", "2", "--reason", "trust me", "--home", home.root)
    assert told("history", "--home", home.root)["events"][0]["what"] == "refused"
    assert json.loads((home.storage / "champion.json").read_bytes())["version"] == "1"


def served(url: str) -> str:
    return str(json.loads(call(url + "/")[1])["model_version"])


def serves(url: str, version: str) -> None:
    deadline = time.monotonic() + 20
    while served(url) != version:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_running_server_follows_and_every_answer_replays_with_the_version_it_names(home: Home, tmp_path: Path) -> None:
    at = ("--home", home.root)
    write_simulated(tmp_path / "new.csv", 40, seed=9)
    many, answers = customers(tmp_path / "new.csv"), []
    with running("serve", *at, "--port", free_port()) as (process, ready):
        for words, version in (((), "1"), (("promote", "2", "--reason", "try"), "2"), (("rollback",), "1")):
            if words:
                told(*words, *at)
            serves(ready["url"], version)
            answers += [json.loads(call(ready["url"] + "/predict", one)[1]) for one in many]
            assert {one["model_version"] for one in answers[-len(many) :]} == {version}
        assert process.poll() is None
    found = told("verify", "--sample", 1_000, *at)
    assert (found["replay"], found["replayed"], found["differing"], found["missing"]) == ("ok", 120, 0, 0)
    one = answers[50]
    shown = told("verify", "--prediction", one["prediction_id"], *at)["prediction"]
    assert (shown["model_version"], shown["replayed_probability"]) == ("2", one["probabilities"]["churn"])
    with sqlite3.connect(home.ledger) as ledger:
        changed = math.nextafter(one["probabilities"]["churn"], 2.0)
        ledger.execute("UPDATE predictions SET probability = ? WHERE prediction_id = ?", (changed, one["prediction_id"]))
    answer = tidegate("verify", "--sample", 1_000, *at, "--json")
    assert answer.returncode == 3
    assert json.loads(answer.stdout)["differing_predictions"][0]["prediction_id"] == one["prediction_id"]
    shutil.rmtree(home.storage / "bundles" / "2")
    answer = tidegate("verify", "--sample", 1_000, *at)
    assert answer.returncode == 3
    assert "80 scored again, 0 differ, 40 without their bundle" in answer.stdout
    assert "no prediction with this id" in refused("verify", "--prediction", "none", *at)
