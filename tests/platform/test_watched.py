"""Prometheus beside the platform: what it reads, judges and may know. That an alarm arrives is in `test_newcomer.py`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from platform_bank import bank_bodies
from platform_stack import API, TOP, Stack, until

pytestmark = pytest.mark.platform

RULES = TOP / "deploy" / "prometheus" / "rules"


def asked(stack: Stack, path: str, **words: str) -> Any:
    """Prometheus's answer, from inside its container: it listens to nobody outside."""
    said = json.loads(stack.inside("prometheus", "wget", "-q", "-O", "-", f"http://127.0.0.1:9090/api/v1/{path}?{urlencode(words)}"))
    assert said["status"] == "success", said
    return said["data"]


def targets(stack: Stack) -> dict[str, list[str]]:
    """Job to the addresses that answer."""
    active = asked(stack, "targets", state="active")["activeTargets"]
    return {
        job: sorted(one["labels"]["instance"] for one in active if one["labels"]["job"] == job and one["health"] == "up")
        for job in ("tidegate-api", "tidegate-worker", "prometheus", "alertmanager")
    } | {"down": [one["scrapeUrl"] + " " + one["lastError"] for one in active if one["health"] != "up"]}


def test_everything_is_read_each_replica_by_itself(stack: Stack, tmp_path: Path) -> None:
    project = stack.environment["TIDEGATE_PROJECT"]
    replicas = sorted(one["NetworkSettings"]["Networks"][f"{project}_watching"]["IPAddress"] + ":8000" for one in stack.containers("api"))
    wanted = {
        "tidegate-api": replicas, "tidegate-worker": ["worker:8001"], "prometheus": ["localhost:9090"],
        "alertmanager": ["alertmanager:9093"], "down": [],
    }  # fmt: skip
    assert len(replicas) == 2
    until(lambda: targets(stack) == wanted, lambda: (targets(stack), wanted), 90)

    bodies = bank_bodies(stack, tmp_path, 40, 71)
    with stack.client(API, "score") as client:
        served = Counter(client.post("/predict", json=one).status_code for one in bodies)
    assert served == {200: 40}

    def counted() -> dict[str, float]:
        query = 'sum by (instance) (tidegate_requests_total{job="tidegate-api", route="/predict", status="200"})'
        return {one["metric"]["instance"]: float(one["value"][1]) for one in asked(stack, "query", query=query)["result"]}

    until(lambda: sorted(counted()) == replicas and sum(counted().values()) >= 40, counted, 60)


def test_every_rule_is_judged(stack: Stack) -> None:
    written = [
        rule["alert"] for path in RULES.glob("*.yml") for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
    ]

    def judged() -> dict[str, str]:
        found = [rule for group in asked(stack, "rules")["groups"] for rule in group["rules"]]
        return {rule["name"]: rule["health"] for rule in found}

    until(lambda: judged() == dict.fromkeys(written, "ok"), judged, 90)


def test_it_knows_one_key_which_only_reads(stack: Stack) -> None:
    assert stack.inside("prometheus", "ls", "/run/secrets").split() == ["metrics_api_key"]
    assert stack.inside("prometheus", "cat", "/run/secrets/metrics_api_key").strip() == stack.key("watch")
    with stack.client("operate", "watch") as desk:
        assert desk.get("/metrics").status_code == 200
        assert desk.post("/rollback", json={"reason": "may not"}).status_code == 403


def test_what_has_no_package_here_is_configured_all_the_same(stack: Stack) -> None:
    """Grafana stays behind a profile; its secret, its folders and its way to Prometheus are what the others have."""
    said = json.loads(stack.compose("--profile", "grafana", "config", "--format", "json"))
    grafana = said["services"]["grafana"]
    for volume in grafana["volumes"]:
        assert volume["type"] == "volume" or Path(volume["source"]).is_dir(), volume
    assert (stack.secrets / "grafana_password").stat().st_size > 16
    assert set(grafana["networks"]) & set(said["services"]["prometheus"]["networks"])
