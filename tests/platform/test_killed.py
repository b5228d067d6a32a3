"""Each container dies in turn under load: nobody who tries again for ten seconds goes without a score, and nothing acknowledged is lost."""

from __future__ import annotations

import time
from typing import Any

import pytest

from platform_bank import bank_bodies
from platform_callers import Calls, calling
from platform_stack import API, Stack, until

pytestmark = pytest.mark.platform

RATE = 50
SERVES_ON = ("api", "worker", "mlflow", "store", "ui", "reports", "prometheus", "alertmanager")


@pytest.fixture(scope="module")
def bodies(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return bank_bodies(stack, tmp_path_factory.mktemp("bank"), 500, 31)


def recorded(stack: Stack, ids: list[str]) -> int:
    """How many of these predictions the ledger has, asked without any code of ours."""
    listed = ",".join(f"'{one}'" for one in ids)
    statement = f"SELECT count(DISTINCT prediction_id) FROM predictions WHERE prediction_id IN ({listed});"
    return int(stack.compose("exec", "-T", "postgres", "psql", "-U", "postgres", "-d", "ledger", "-At", given=statement.encode()))


def killed(stack: Stack, service: str, bodies: list[dict[str, Any]], before: float = 3, after: float = 8) -> Calls:
    count = len(stack.containers(service))
    victim = stack.containers(service)[0]
    with calling(stack.url(API), stack.key("score"), bodies, RATE) as calls:
        time.sleep(before)
        stack.kill(victim)
        time.sleep(after)
        until(lambda: again(stack, victim["Id"]), lambda: stack.compose("ps", "-a"), 120)
        time.sleep(1)
    stack.healthy(service, count)
    assert calls.acknowledged
    assert len(set(calls.acknowledged)) == len(calls.acknowledged)
    assert recorded(stack, calls.acknowledged) == len(calls.acknowledged), "an acknowledged prediction is lost"
    return calls


def again(stack: Stack, container: str) -> bool:
    return "running" in stack.docker("inspect", "-f", "{{.State.Status}}", container)


@pytest.mark.parametrize("service", SERVES_ON)
def test_scores_go_on_without(stack: Stack, bodies: list[dict[str, Any]], service: str) -> None:
    calls = killed(stack, service, bodies)
    assert calls.failed == [], (calls.failed[:5], calls.seen)
    assert calls.slowest < 10


def test_without_the_gateway_nobody_is_reached_and_then_everybody_again(stack: Stack, bodies: list[dict[str, Any]]) -> None:
    calls = killed(stack, "gateway", bodies)
    assert set(calls.seen) <= {0, 200, 502}
    assert calls.seen[0] > 0, "the death of the gateway was not noticed"


def test_without_the_ledger_a_score_is_503_and_no_row_is_lost(stack: Stack, bodies: list[dict[str, Any]]) -> None:
    calls = killed(stack, "postgres", bodies)
    assert set(calls.seen) <= {0, 200, 503}
    assert calls.seen[503] > 0, "the death of the ledger was not noticed"


def test_a_restart_of_everything_keeps_everything(stack: Stack, bodies: list[dict[str, Any]]) -> None:
    with stack.client(API, "score") as client:
        ids = [client.post("/predict", json=one).raise_for_status().json()["prediction_id"] for one in bodies[:20]]
        version = client.get("/model-info").json()["model_version"]
    stack.make("down")
    stack.make("up", "UP=--no-build")
    with stack.client(API, "score") as client:
        assert client.get("/model-info").raise_for_status().json()["model_version"] == version
    assert recorded(stack, ids) == len(ids)
