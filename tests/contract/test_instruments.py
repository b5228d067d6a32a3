"""Alerts, runbooks and dashboards agree with the code, and with each other. What needs a server is in tests/instruments/."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from boards import panels, write
from tidegate.monitoring.alerts.conditions import KINDS, METRIC_ALARMS
from tidegate.monitoring.alerts.scrape import CUSTOMER_ROUTES, ONE_CUSTOMER_ROUTES
from tidegate.settings import Settings

TOP = Path(__file__).parents[2]
RULES = {
    rule["alert"]: rule
    for path in sorted((TOP / "deploy" / "prometheus" / "rules").glob("*.yml"))
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
}


@pytest.mark.parametrize("alert", sorted(RULES))
def test_an_alert_says_what_how_bad_and_what_to_do(alert: str) -> None:
    rule = RULES[alert]
    kind = rule["labels"]["kind"]
    assert rule["labels"].keys() == {"kind", "severity"}
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/runbooks/{kind}.md"
    assert (TOP / rule["annotations"]["runbook"]).is_file()
    # what happened once does not have to last
    assert ("for" in rule) == (kind != "canary_stopped")


def test_every_runbook_belongs_to_an_alert() -> None:
    kinds = {rule["labels"]["kind"] for rule in RULES.values()} | set(KINDS)
    assert {path.stem for path in (TOP / "docs" / "runbooks").glob("*.md")} == kinds


def test_alertmanager_tells_of_all_that_the_channels_then_leave_to_it() -> None:
    assert {rule["labels"]["kind"] for rule in RULES.values()} >= METRIC_ALARMS


def test_the_limits_are_the_defaults_of_the_settings() -> None:
    limits = Settings()
    for alert, said in {
        "TidegateLatency": f"> {limits.alert_p95_seconds}\n",
        "TidegateErrors": f"> {limits.alert_error_rate}\n",
        "TidegateDrift": f"> {limits.most_drifted_features}",
        "TidegateRocAucRealised": f"< on (instance) {1 - limits.alert_auc_drop} *",
        "TidegateRocAucEstimated": f"< on (instance) {1 - limits.alert_auc_drop} *",
    }.items():
        assert said in RULES[alert]["expr"]


def test_routes_are_those_that_tidegate_judges_itself() -> None:
    queries = [rule["expr"] for rule in RULES.values()] + [f"{panels.ABOUT_CUSTOMERS} {panels.ONE_CUSTOMER}"]
    named = {frozenset(routes.split("|")) for query in queries for routes in re.findall(r'route=~"([^"]*)"', query)}
    assert named == {CUSTOMER_ROUTES, ONE_CUSTOMER_ROUTES}


def board(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((write.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", write.BOARDS)
def test_dashboards_are_fresh(name: str) -> None:
    assert (write.FOLDER / f"{name}.json").read_text(encoding="utf-8") == write.text_of(name), "run `make dashboards`"


def test_no_dashboard_is_left_over() -> None:
    assert {path.stem for path in write.FOLDER.glob("*.json")} == set(write.BOARDS)


@pytest.mark.parametrize("name", write.BOARDS)
def test_a_panel_says_what_it_shows_and_asks_the_source_that_is_provisioned(name: str) -> None:
    provisioned = yaml.safe_load((TOP / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    source = {"type": provisioned["type"], "uid": provisioned["uid"]}
    found = board(name)
    assert found["uid"] == f"tidegate-{name}"
    for panel in found["panels"]:
        assert panel["title"]
        assert panel["description"].endswith((".", "`."))
        assert panel["datasource"] == source
        assert [target["refId"] for target in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])
        assert all(target["expr"] and target["datasource"] == source for target in panel["targets"])
    places = [(panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in found["panels"]]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in found["panels"])
