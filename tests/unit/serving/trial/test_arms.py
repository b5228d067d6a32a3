"""Experiments in process: who is scored by whom, what of it is recorded, and when the guard stops a canary."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from tidegate.bundle.champion import champion_pointer, open_champion
from tidegate.bundle.scorer import Scorer
from tidegate.errors import LedgerUnavailable
from tidegate.features import Matrix
from tidegate.home import Home
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.events import list_events
from tidegate.ledger.experiments import Experiment, Mode, Terms, running_experiment, start_experiment
from tidegate.ledger.exposures import count_shadows, read_counts
from tidegate.ledger.predictions import count_predictions, find_by_id
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.serving.api import create_app
from tidegate.serving.metrics import Metrics
from tidegate.serving.service import Service
from tidegate.serving.trial import canary as canary_module
from tidegate.serving.trial.arms import Running
from tidegate.serving.trial.canary import CanaryGuard
from tidegate.serving.trial.follow import step
from tidegate.settings import Settings
from tidegate.storage.files import Folder
from unit.serving.test_api import GOOD, as_csv, upload

Margin = Callable[[Matrix], Any]


@pytest.fixture
def ledger(own_home: Home) -> Iterator[Ledger]:
    opened = open_ledger(sqlite_url(own_home.ledger))
    yield opened
    close_ledger(opened)


@pytest.fixture
def service(own_home: Home, ledger: Ledger) -> Iterator[Service]:
    commit = GroupCommit(ledger)
    scorer = open_champion(Folder(own_home.storage))
    yield Service(scorer, ledger, commit, bytes(32), Settings(max_batch_rows=5_000, ledger_seconds=30), Metrics(), own_home.scratch)
    commit.close()


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        yield client


def other(scorer: Scorer, margin: Margin | None = None) -> Scorer:
    """Version 2: a log-odds more, or what is given."""
    return replace(scorer, version="2", digest="2" * 64, margin=margin or (lambda matrix: scorer.margin(matrix) + 1.0))


def tried(service: Service, mode: Mode, share: float, treatment: Scorer | None, now: datetime | None = None) -> Experiment:
    champion = service.scorer
    assert service.ledger is not None
    terms = Terms(mode, ("2", "2" * 64), (champion.version, champion.digest), share, 30)
    experiment = start_experiment(service.ledger, terms, "salt", "ana", now or datetime.now(UTC))
    service.arms.running = Running(experiment, treatment, time.monotonic())
    return experiment


def people(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{**GOOD, "customer_id": f"C-{number}"} for number in range(first, first + count)]


def batch(client: TestClient, customers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    response = client.post("/predict-batch", json={"customers": customers})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["predictions"]
    return found


def variants(answers: list[dict[str, Any]]) -> list[str]:
    return [one["variant"] for one in answers]


def test_every_route_puts_a_customer_into_the_same_arm(client: TestClient, service: Service) -> None:
    tried(service, "ab", 0.5, other(service.scorer))
    many = people(100)
    answers = batch(client, many)
    assert 30 < variants(answers).count("treatment") < 70
    for one in answers:
        assert one["model_version"] == ("2" if one["variant"] == "treatment" else service.scorer.version)
    for route in ("/predict", "/explain"):
        single = [client.post(route, json=one).json() for one in many[:12]]
        assert variants(single) == variants(answers)[:12]
        assert [one["probabilities"] for one in single] == [one["probabilities"] for one in answers[:12]]
    lines = upload(
        client, as_csv([{**{k: v for k, v in one.items() if k != "customer_id"}, "CLIENTNUM": one["customer_id"]} for one in many])
    ).text
    versions = [line.split(",")[-2].strip('"') for line in lines.splitlines()[1:]]
    assert versions == [one["model_version"] for one in answers]


def test_reasons_come_from_the_version_that_scored(client: TestClient, service: Service) -> None:
    tried(service, "ab", 0.5, other(service.scorer))
    answers = client.post("/predict-batch?reasons=2", json={"customers": people(10)}).json()["predictions"]
    assert {"champion", "treatment"} == set(variants(answers))
    assert all(len(one["reasons"]) == 2 for one in answers)


def test_who_has_no_id_is_in_no_arm(client: TestClient, service: Service, ledger: Ledger) -> None:
    tried(service, "ab", 1.0, other(service.scorer))
    answer = client.post("/predict", json=GOOD).json()
    recorded = find_by_id(ledger, answer["prediction_id"])
    assert recorded is not None
    assert (answer["variant"], recorded.experiment_phase) == ("champion", None)
    treated = client.post("/predict", json=people(1)[0]).json()
    recorded = find_by_id(ledger, treated["prediction_id"])
    assert recorded is not None
    assert (recorded.variant, recorded.experiment_phase, recorded.bundle_digest) == ("treatment", 1, "2" * 64)


def test_a_repeated_key_gets_the_first_answer_whatever_the_arm_is_now(client: TestClient, service: Service, ledger: Ledger) -> None:
    first = client.post("/predict", json=people(1)[0], headers={"Idempotency-Key": "k"}).json()
    tried(service, "ab", 1.0, other(service.scorer))
    assert client.post("/predict", json=people(1)[0], headers={"Idempotency-Key": "k"}).json() == first
    assert count_predictions(ledger) == 1
    again = client.post("/predict?reasons=1", json=people(1)[0], headers={"Idempotency-Key": "k"}).json()
    assert again["model_version"] == first["model_version"]
    assert len(again["reasons"]) == 1


def fails(_: Matrix) -> Any:
    raise RuntimeError("a treatment that breaks")


@pytest.mark.parametrize("margin", [fails, lambda matrix: np.full(len(matrix), np.nan), None])
def test_a_treatment_that_fails_fails_no_answer(client: TestClient, service: Service, ledger: Ledger, margin: Margin | None) -> None:
    experiment = tried(service, "ab", 1.0, None if margin is None else other(service.scorer, margin))
    answers = batch(client, people(9))
    assert set(variants(answers)) == {"champion"}
    (failed,) = service.arms.counts.of(experiment.number)
    assert (failed.variant, failed.errors, failed.customers) == ("treatment", 9, 0)
    recorded = find_by_id(ledger, answers[0]["prediction_id"])
    assert recorded is not None
    assert recorded.experiment_phase is None


def test_another_champion_than_the_control_answers_everyone(client: TestClient, service: Service) -> None:
    tried(service, "ab", 1.0, other(service.scorer))
    service.scorer = replace(service.scorer, version="3", digest="3" * 64)
    assert {(one["model_version"], one["variant"]) for one in batch(client, people(5))} == {("3", "champion")}


def test_a_shadow_is_scored_after_the_answer_and_only_where_there_was_one(
    client: TestClient, service: Service, ledger: Ledger, own_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = batch(client, people(20))
    scored: list[int] = []

    def margin(matrix: Matrix) -> Any:
        scored.append(len(matrix))
        return service.scorer.margin(matrix) + 9.0

    experiment = tried(service, "shadow", 1.0, other(service.scorer, margin))
    answers = batch(client, people(20))
    assert [one["probabilities"] for one in answers] == [one["probabilities"] for one in said]
    assert set(variants(answers)) == {"champion"}
    assert scored == []

    def broken(*_: object, **__: object) -> object:
        raise LedgerUnavailable("The disk is full.", "Make room.")

    monkeypatch.setattr(service.commit, "submit", broken)
    assert client.post("/predict", json=people(1)[0]).status_code == 503
    monkeypatch.undo()
    step(service, ledger, Folder(own_home.storage), CanaryGuard())
    assert sum(scored) == 21
    assert count_shadows(ledger, experiment.number) == 20
    assert {one.variant: (one.customers, one.errors) for one in service.arms.counts.of(experiment.number)} == {
        "champion": (21, 1),
        "treatment": (21, 0),
    }


def test_a_shadow_that_fails_or_falls_behind_fails_no_answer(
    client: TestClient, service: Service, ledger: Ledger, own_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tried(service, "shadow", 1.0, other(service.scorer, fails))
    assert len(batch(client, people(30))) == 30
    step(service, ledger, Folder(own_home.storage), CanaryGuard())
    monkeypatch.setattr("tidegate.serving.trial.shadow.MOST_WAITING", 40)
    assert len(batch(client, people(30))) == 30
    assert len(batch(client, people(30))) == 30
    errors = {one.variant: one.errors for one in service.arms.counts.of(experiment.number)}
    assert errors["treatment"] == 60
    assert count_shadows(ledger, experiment.number) == 0


def guarded(service: Service, ledger: Ledger, own_home: Home) -> str | None:
    """What the guard wrote when it stopped the canary, None where it goes on."""
    step(service, ledger, Folder(own_home.storage), CanaryGuard())
    events = list_events(ledger, "canary stopped")
    return events[0].evidence if events else None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the test lets pass: how fast this machine is decides nothing."""
    seconds = [0.0]
    monkeypatch.setattr("tidegate.serving.trial.arms.time", SimpleNamespace(perf_counter=lambda: seconds[0]))
    return seconds


def test_a_canary_like_its_champion_goes_on(client: TestClient, service: Service, ledger: Ledger, own_home: Home) -> None:
    tried(service, "canary", 0.5, other(service.scorer, service.scorer.margin))
    batch(client, people(500))
    assert guarded(service, ledger, own_home) is None
    counted = read_counts(ledger, 1)
    assert counted["champion"].customers + counted["treatment"].customers == 500


@pytest.mark.parametrize(
    ("what", "margin"),
    [("errors", fails), ("scores", lambda matrix: np.full(len(matrix), 9.0)), ("latency", None)],
)
def test_a_canary_gone_wrong_is_stopped(
    client: TestClient, service: Service, ledger: Ledger, own_home: Home, clock: list[float], what: str, margin: Margin | None
) -> None:
    def slow(matrix: Matrix) -> Any:
        clock[0] += 0.1
        return service.scorer.margin(matrix)

    tried(service, "canary", 0.5, other(service.scorer, margin or slow))
    for one in people(60 if what == "latency" else 0):
        assert client.post("/predict", json=one).status_code == 200
    batch(client, people(500 if what != "latency" else 1))
    assert f'"what":"{what}"' in (guarded(service, ledger, own_home) or "")
    assert service.arms.running is None
    assert running_experiment(ledger) is None
    assert set(variants(batch(client, people(50)))) == {"champion"}


def later(service: Service, ledger: Ledger) -> None:
    """Let the guard look half a minute from now."""
    CanaryGuard().look(service, ledger, datetime.now(UTC) + timedelta(seconds=30))


def test_counts_that_are_missing_while_customers_are_treated_stop_it(client: TestClient, service: Service, ledger: Ledger) -> None:
    tried(service, "canary", 0.5, other(service.scorer), datetime.now(UTC) - timedelta(seconds=30))
    batch(client, people(200))
    later(service, ledger)  # nobody wrote what was counted
    assert '"what":"metrics missing"' in list_events(ledger, "canary stopped")[0].evidence


def test_a_server_that_treats_nobody_stops_it(client: TestClient, service: Service, ledger: Ledger) -> None:
    experiment = tried(service, "canary", 0.5, other(service.scorer), datetime.now(UTC) - timedelta(seconds=30))
    service.arms.running = None  # a server that does not follow
    batch(client, people(200))
    service.arms.running = Running(experiment, other(service.scorer))
    later(service, ledger)
    assert '"what":"treatment missing"' in list_events(ledger, "canary stopped")[0].evidence


def test_nothing_counts_as_wrong_while_nobody_asks(service: Service, ledger: Ledger) -> None:
    tried(service, "canary", 0.5, other(service.scorer), datetime.now(UTC) - timedelta(seconds=30))
    later(service, ledger)
    assert running_experiment(ledger) is not None


def test_an_experiment_whose_champion_is_gone_is_ended(service: Service, ledger: Ledger) -> None:
    tried(service, "ab", 0.5, other(service.scorer))
    service.scorer = replace(service.scorer, version="3", digest="3" * 64)
    guard, now = CanaryGuard(), datetime.now(UTC)
    guard.look(service, ledger, now)
    assert running_experiment(ledger) is not None
    guard.look(service, ledger, now + timedelta(seconds=canary_module.CHANGED_SECONDS + 1))
    assert running_experiment(ledger) is None


def test_the_running_experiment_is_learned_and_left(client: TestClient, service: Service, ledger: Ledger, own_home: Home) -> None:
    pointer = champion_pointer(Folder(own_home.storage))
    terms = Terms("ab", (pointer.version, pointer.digest), (service.scorer.version, service.scorer.digest), 1.0, 30)
    start_experiment(ledger, terms, "salt", "ana", datetime.now(UTC))
    step(service, ledger, Folder(own_home.storage), CanaryGuard())
    assert set(variants(batch(client, people(5)))) == {"treatment"}
    ledger.engine.dispose()
    place = own_home.ledger.rename(own_home.ledger.with_suffix(".away"))
    step(service, ledger, Folder(own_home.storage), CanaryGuard())
    assert service.arms.running is not None  # the last word counts while the ledger is away
    place.rename(own_home.ledger)
