"""Experiments on running servers: the split, the shadow, a canary that goes wrong."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from commands import call, customers, running, tidegate
from e2e.test_promotion import refused, told
from ports import free_port
from second_versions import plant_version
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home

MANY = 400


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose champion is version 1; version 2 scores a little higher, version 3 far higher."""
    folder = tmp_path_factory.mktemp("experiment")
    write_simulated(folder / "bank.csv", 1_500, seed=3)
    answer = tidegate(
        "train",
        folder / "bank.csv",
        "--spec",
        "bank",
        "--budget",
        "quick",
        "--algorithms",
        "logistic_regression",
        "--home",
        folder / "home",
    )
    assert answer.returncode == 0, answer.stderr
    home = Home(folder / "home")
    plant_version(home, "2", 0.1)
    plant_version(home, "3", 6.0)
    return home


@pytest.fixture
def home(planted: Home, tmp_path: Path) -> Iterator[Home]:
    shutil.copytree(planted.root, tmp_path / "home")
    yield Home(tmp_path / "home")
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    table = tmp_path_factory.mktemp("people") / "new.csv"
    write_simulated(table, MANY, seed=9)
    return [{**one, "customer_id": f"C-{number}"} for number, one in enumerate(customers(table))]


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def batch(url: str, people: list[dict[str, object]]) -> list[dict[str, Any]]:
    status, body = call(url + "/predict-batch", {"customers": people})
    assert status == 200, body
    found: list[dict[str, Any]] = json.loads(body)["predictions"]
    return found


def arms(answers: list[dict[str, Any]]) -> list[str]:
    for one in answers:
        assert one["variant"] == ("champion" if one["model_version"] == "1" else "treatment")
    return [one["variant"] for one in answers]


def treats(url: str, people: list[dict[str, object]]) -> Callable[[], bool]:
    return lambda: "treatment" in arms(batch(url, people))


def test_the_split_is_one_on_all_servers_after_a_restart_and_grows(home: Home, people: list[dict[str, object]]) -> None:
    at = ("--home", home.root)
    with running("serve", *at, "--port", free_port()) as (_, first), running("serve", *at, "--port", free_port()) as (_, second):
        assert set(arms(batch(first["url"], people))) == {"champion"}
        told("experiment", "start", "--treatment", "2", "--share", 30, *at)
        for server in (first, second):
            until(treats(server["url"], people))
        here = arms(batch(first["url"], people))
        assert arms(batch(second["url"], people)) == here
        one_by_one = [json.loads(call(second["url"] + "/predict?reasons=2", one)[1]) for one in people[:40]]
        assert arms(one_by_one) == here[:40]
        assert all(len(one["reasons"]) == 2 for one in one_by_one)
        assert 0.2 < here.count("treatment") / MANY < 0.4
        nameless = [{name: value for name, value in one.items() if name != "customer_id"} for one in people]
        assert set(arms(batch(first["url"], nameless))) == {"champion"}
    with running("serve", *at, "--port", free_port()) as (process, third):
        assert arms(batch(third["url"], people)) == here
        told("experiment", "start", "--treatment", "2", "--share", 60, *at)
        until(lambda: arms(batch(third["url"], people)).count("treatment") > 0.5 * MANY)
        more = arms(batch(third["url"], people))
        assert [now for now, before in zip(more, here, strict=True) if before == "treatment" and now != before] == []
        os.killpg(process.pid, signal.SIGKILL)
    found = told("experiment", "status", *at)
    assert (found["verdict"], found["sample_ratio"]["as_meant"]) == ("not enough evidence", True)
    assert found["arms"]["control"]["customers"] + found["arms"]["treatment"]["customers"] == MANY
    assert told("verify", "--sample", 10_000, *at)["replay"] == "ok"


def test_promotion_ends_it_and_everyone_gets_the_new_champion(home: Home, people: list[dict[str, object]]) -> None:
    at = ("--home", home.root)
    told("experiment", "start", "--treatment", "2", "--share", 100, *at)
    with running("serve", *at, "--port", free_port()) as (_, server):
        assert set(arms(batch(server["url"], people))) == {"treatment"}
        assert "has ended" in " ".join(told("promote", "2", "--reason", "good", *at)["warnings"])
        until(lambda: {(one["model_version"], one["variant"]) for one in batch(server["url"], people)} == {("2", "champion")})
    found = told("experiment", "status", *at)
    assert (found["running"], found["stop_reason"]) == (False, "Version 2 is the champion now.")
    assert "No experiment is running" in refused("experiment", "stop", *at)


def ledger_rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(home.ledger) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("size", ["in the service", "in a process of its own"])
def test_a_file_is_scored_by_the_arms_of_its_customers(home: Home, people: list[dict[str, object]], tmp_path: Path, size: str) -> None:
    at = ("--home", home.root)
    with (tmp_path / "new.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["CLIENTNUM", *(name for name in people[0] if name != "customer_id")])
        writer.writeheader()
        for repeat in range(1 if size == "in the service" else 30):
            for one in people:
                row = {name: value for name, value in one.items() if name != "customer_id"}
                writer.writerow({"CLIENTNUM": f"{one['customer_id']}" + (f"-{repeat}" if repeat else ""), **row})
    content = (tmp_path / "new.csv").read_bytes()
    assert (len(content) > 1 << 20) == (size != "in the service")
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + content + b"\r\n--x--\r\n"
    with running("serve", *at, "--port", free_port()) as (_, ready):
        told("experiment", "start", "--treatment", "2", "--share", 40, "--mode", "canary", *at)
        until(treats(ready["url"], people))
        single = [one["model_version"] for one in batch(ready["url"], people)]
        status, answer = call(ready["url"] + "/predict-csv", form, "multipart/form-data; boundary=x")
        assert status == 200
        rows = list(csv.DictReader(answer.decode().splitlines()))
        # Longer than the guard takes to look for answers that nobody counted.
        time.sleep(15)
        found = told("experiment", "status", *at)
    assert [row["model_version"] for row in rows[:MANY]] == single
    assert {row["model_version"] for row in rows} == {"1", "2"}
    assert found["running"], found["stop_reason"]
    assert found["arms"]["treatment"]["customers"] == len({row["CLIENTNUM"] for row in rows if row["model_version"] == "2"})
    verified = told("verify", "--sample", 200, *at)
    assert (verified["replay"], verified["events"]) == ("ok", "ok")


def test_a_shadow_is_logged_and_never_returned(home: Home, people: list[dict[str, object]]) -> None:
    at = ("--home", home.root)
    with running("serve", *at, "--port", free_port()) as (_, server):
        before = batch(server["url"], people)
        told("experiment", "start", "--treatment", "3", "--mode", "shadow", "--share", 50, *at)
        until(lambda: bool(batch(server["url"], people[:50])) and ledger_rows(home, "SELECT count(*) FROM shadows") != [(0,)])
        answers = batch(server["url"], people)
        assert [one["probabilities"] for one in answers] == [one["probabilities"] for one in before]
        assert set(arms(answers)) == {"champion"}
        missing = (
            "SELECT count(*) FROM predictions LEFT JOIN shadows USING (prediction_id) "
            "WHERE experiment_phase IS NOT NULL AND shadows.prediction_id IS NULL"
        )
        until(lambda: ledger_rows(home, missing) == [(0,)])
    pairs = ledger_rows(home, "SELECT p.probability, s.probability FROM predictions p JOIN shadows s USING (prediction_id)")
    assert len(pairs) >= 0.4 * MANY
    assert all(shadow > said for said, shadow in pairs)
    found = told("experiment", "status", *at)
    assert found["shadow"]["scored"] == found["shadow"]["predictions"] == len(pairs)
    assert "shadow" not in json.dumps(answers)
    assert told("verify", "--sample", 10_000, *at)["replay"] == "ok"


def answered_until(url: str, people: list[dict[str, object]], holds: Callable[[], bool]) -> float:
    """Seconds of steady requests until it holds; every one of them is answered."""
    began, number = time.monotonic(), 0
    while not holds():
        assert time.monotonic() - began < 60
        for _ in range(20):
            assert call(url + "/predict", people[number % len(people)])[0] == 200
            number += 1
    return time.monotonic() - began


def stopped(home: Home) -> Callable[[], bool]:
    return lambda: ledger_rows(home, "SELECT count(*) FROM experiments WHERE stopped_at IS NOT NULL") == [(1,)]


def evidence_of(home: Home) -> Mapping[str, Any]:
    ((who, evidence),) = ledger_rows(home, "SELECT who, evidence FROM events WHERE what = 'canary stopped'")
    assert who == "scoring API"
    found: dict[str, Any] = json.loads(evidence)
    return found


def test_a_canary_whose_scores_go_wrong_is_stopped_by_the_service(home: Home, people: list[dict[str, object]]) -> None:
    at = ("--home", home.root)
    with running("serve", *at, "--port", free_port()) as (_, one), running("serve", *at, "--port", free_port()) as (_, other):
        told("experiment", "start", "--treatment", "3", "--mode", "canary", "--share", 50, *at)
        answered_until(one["url"], people, stopped(home))
        for server in (one, other):
            until(lambda url=server["url"]: set(arms(batch(url, people))) == {"champion"})  # type: ignore[misc]
    assert evidence_of(home)["what"] == "scores"
    found = told("experiment", "status", *at)
    assert (found["running"], found["stopped_by"]) == (False, "scoring API")
    assert told("verify", *at)["events"] == "ok"


def test_a_canary_whose_bundle_is_damaged_never_answers_and_is_stopped(home: Home, people: list[dict[str, object]]) -> None:
    at = ("--home", home.root)
    told("experiment", "start", "--treatment", "2", "--mode", "canary", "--share", 50, *at)
    model = home.storage / "bundles" / "2" / "model.json"
    model.write_bytes(model.read_bytes()[:-40])
    with running("serve", *at, "--port", free_port()) as (_, server):
        answered_until(server["url"], people, stopped(home))
        assert set(arms(batch(server["url"], people))) == {"champion"}
    assert evidence_of(home)["what"] == "errors"


def test_a_canary_that_is_well_goes_on(home: Home, people: list[dict[str, object]]) -> None:
    at = ("--home", home.root)
    told("experiment", "start", "--treatment", "2", "--mode", "canary", "--share", 50, *at)
    with running("serve", *at, "--port", free_port()) as (_, server):
        end = time.monotonic() + 15
        answered_until(server["url"], people, lambda: time.monotonic() > end)
    assert told("experiment", "status", *at)["running"] is True
