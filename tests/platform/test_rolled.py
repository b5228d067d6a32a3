"""Another image takes over without a failed request, also where nobody tries again; one that does not become healthy changes nothing."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from platform_bank import bank_bodies
from platform_callers import calling
from platform_stack import API, Stack

pytestmark = pytest.mark.platform

RATE, NO_PATIENCE = 30, 0.0
SERVICES = ("api", "worker", "ui", "reports", "mlflow")


@pytest.fixture(scope="module")
def bodies(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return bank_bodies(stack, tmp_path_factory.mktemp("bank"), 300, 41)


def images_of(stack: Stack, service: str) -> set[str]:
    return {one["Config"]["Image"] for one in stack.containers(service)}


def test_a_deploy_drops_no_request(stack: Stack, bodies: list[dict[str, Any]]) -> None:
    for target in SERVICES:
        stack.docker("tag", f"tidegate/{target}:dev", f"tidegate/{target}:next")
    before = {one["Id"] for one in stack.containers("api")}
    with calling(stack.url(API), stack.key("score"), bodies, RATE, NO_PATIENCE) as calls:
        stack.make("deploy", "TAG=next")
    assert calls.failed == [], (calls.failed[:5], calls.seen)
    assert set(calls.seen) == {200}
    assert len(calls.acknowledged) > 300
    assert images_of(stack, "api") == {"tidegate/api:next"}
    assert images_of(stack, "worker") == {"tidegate/worker:next"}
    after = {one["Id"] for one in stack.containers("api")}
    assert len(after) == 2
    assert not before & after
    # What was deployed is what the next `make up` brings.
    stack.make("up", "UP=--no-build")
    assert {one["Id"] for one in stack.containers("api")} == after


def test_a_deploy_whose_mlflow_ends_takes_everything_back(stack: Stack, bodies: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM tidegate/mlflow:dev\nCMD ["python", "-c", "raise SystemExit(1)"]\n')
    stack.docker("build", "-q", "-t", "tidegate/mlflow:sick", str(tmp_path))
    for target in ("api", "worker", "ui", "reports"):
        stack.docker("tag", f"tidegate/{target}:dev", f"tidegate/{target}:sick")
    ran = {service: images_of(stack, service) for service in SERVICES}
    first = {one["Id"] for one in stack.containers("api")}
    record = Path(stack.environment["COMPOSE_ENV_FILES"]).read_text()
    with calling(stack.url(API), stack.key("score"), bodies, RATE, NO_PATIENCE) as calls:
        done = stack.make("deploy", "TAG=sick", check=False)
    said = done.stderr.decode()
    assert done.returncode == 2, "make's code for a recipe that failed"
    assert "sick scores, but" in said
    assert "Everything goes back" in said
    assert not first & {one["Id"] for one in stack.containers("api")}, "replicas of sick had taken over"
    assert {service: images_of(stack, service) for service in SERVICES} == ran
    assert len(stack.containers("api")) == 2
    for service in SERVICES:
        assert {one["State"]["Health"]["Status"] for one in stack.containers(service)} == {"healthy"}, service
    assert calls.failed == [], (calls.failed[:5], calls.seen)
    assert Path(stack.environment["COMPOSE_ENV_FILES"]).read_text() == record


def test_an_image_that_does_not_become_healthy_is_taken_away_again(stack: Stack, bodies: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM tidegate/api:dev\nCMD ["python", "-c", "raise SystemExit(1)"]\n')
    stack.docker("build", "-q", "-t", "tidegate/api:broken", str(tmp_path))
    for target in ("worker", "ui", "reports", "mlflow"):
        stack.docker("tag", f"tidegate/{target}:dev", f"tidegate/{target}:broken")
    before = {one["Id"] for one in stack.containers("api")}
    with calling(stack.url(API), stack.key("score"), bodies, RATE, NO_PATIENCE) as calls:
        done = stack.make("deploy", "TAG=broken", check=False)
    assert done.returncode == 2, "make's code for a recipe that failed"
    assert "did not become healthy" in done.stderr.decode()
    assert calls.failed == [], (calls.failed[:5], calls.seen)
    assert {one["Id"] for one in stack.containers("api")} == before
    assert "TIDEGATE_TAG=broken" not in Path(stack.environment["COMPOSE_ENV_FILES"]).read_text()
    assert stack.make("deploy", "TAG=nowhere", check=False).returncode == 2
    assert {one["Id"] for one in stack.containers("api")} == before


def test_a_replica_that_is_told_to_stop_answers_what_it_has(stack: Stack, bodies: list[dict[str, Any]]) -> None:
    victim = stack.containers("api")[0]
    answers: list[int] = []

    def batches() -> None:
        with stack.client(API, "score") as client:
            answers.extend(client.post("/predict-batch", json={"customers": bodies}).status_code for _ in range(6))

    callers = [threading.Thread(target=batches) for _ in range(4)]
    for one in callers:
        one.start()
    stack.docker("stop", "-t", "45", victim["Id"])
    for one in callers:
        one.join()
    ended = stack.docker("inspect", "-f", "{{.State.ExitCode}} {{.State.OOMKilled}}", victim["Id"]).strip()
    stack.docker("start", victim["Id"])
    stack.healthy("api", 2)
    assert ended == "0 false"
    assert set(answers) <= {200, 429}
