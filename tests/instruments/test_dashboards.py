"""What Grafana would ask Prometheus for every panel, under traffic, while an experiment runs: no error, no unknown metric, no empty answer.

Grafana itself is not there; what it would draw of an answer is not tested.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from callers import wait_until
from commands import call, tidegate
from e2e.test_promotion import told
from instruments.conftest import Bank, settle
from instruments.instruments import DEPLOY, PATIENCE_SECONDS, Prometheus, alertmanager, binary, metrics_in, prometheus

pytestmark = pytest.mark.instruments
PANELS = [
    pytest.param(panel, id=f"{path.stem}: {panel['title']} ({panel['type']})")
    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
    for panel in json.loads(path.read_text())["panels"]
]
# Grafana's own words, as it would replace them: four times the scrape interval, at least
MACROS = {"$__rate_interval": "10s", "$__range": "60s", "$__interval": "5s"}


@pytest.fixture(scope="module")
def asked(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus, which has seen a drifted batch, a canary that was stopped, and an A/B test that runs."""
    binary("prometheus")
    folder, at = tmp_path_factory.mktemp("asked"), ("--home", bank.home.root)
    assert bank.monitor(21, days_ago=40, wrong=True) == 3
    assert tidegate("watch", "--once", "--no-renew", *at, environment={"TIDEGATE_PORT": str(bank.api_port)}).returncode in (0, 3)
    with ExitStack() as stack:
        bank.serving(stack)
        bank.operating(stack)
        address = stack.enter_context(alertmanager(folder / "alertmanager", {}))
        found = stack.enter_context(prometheus(folder / "prometheus", [bank.api], bank.worker, address, bank.key))
        stack.enter_context(bank.busy(0.02))
        told("experiment", "start", "--treatment", "3", "--mode", "canary", "--share", 50, *at)
        wait_until(lambda: "TidegateCanaryStopped" in found.firing(), found.firing, PATIENCE_SECONDS)
        told("experiment", "start", "--treatment", "2", "--share", 50, *at)
        arms = 'tidegate_experiment_seconds{variant="treatment", quantile="0.95"}'
        wait_until(lambda: bool(found.ask(arms)), found.names, PATIENCE_SECONDS)
        strange = {**bank.people[0], **{name: value for name, value in FAR.items() if name in bank.people[0]}}
        for _ in range(4):
            assert bank.asks("/predict", strange) == 200
            settle()
        yield found


# inside what the contract allows, outside what the simulator writes
FAR = {"credit_limit": 900_000.0, "total_trans_amt": 900_000}


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_has_an_answer(panel: dict[str, object], asked: Prometheus) -> None:
    targets = panel["targets"]
    assert isinstance(targets, list)
    for target in targets:
        query = target["expr"]
        for macro, value in MACROS.items():
            query = query.replace(macro, value)
        assert "$" not in query, "a variable that nobody fills"
        unknown = {name for name in metrics_in(query) if name != "ALERTS"} - asked.names()
        assert not unknown
        answer = asked.ask(query)
        values = [float(one["value"][1]) for one in answer]
        assert any(math.isfinite(value) for value in values), (query, answer)
        for name in labels_in(target["legendFormat"]):
            assert all(name in one["metric"] for one in answer), (name, answer)


def labels_in(legend: str) -> list[str]:
    """Names of labels in a legend.

    >>> labels_in("version {{version}} ({{ algorithm }})")
    ['version', 'algorithm']
    """
    return [part.split("}}")[0].strip() for part in legend.split("{{")[1:]]


@pytest.mark.parametrize("query", ["tidegate_no_such_thing", 'tidegate_requests_total{route="/nowhere"}'])
def test_a_wrong_query_is_seen(query: str, asked: Prometheus) -> None:
    assert asked.ask(query) == []


def test_a_query_that_is_none_is_seen(asked: Prometheus) -> None:
    with pytest.raises(AssertionError):
        asked.ask("sum(rate(tidegate_requests_total)")


def test_several_workers_count_as_one_server(bank: Bank, asked: Prometheus) -> None:
    """Memory and processor time of all workers; each would have 50 MB or more alone."""
    assert call(f"http://{bank.api}/metrics")[0] == 401, "the key was needed"
    (memory,) = asked.ask('tidegate_resident_bytes{job="tidegate-api"}')
    assert float(memory["value"][1]) > 2 * 50e6
    (cpu,) = asked.ask('increase(tidegate_cpu_seconds_total{job="tidegate-api"}[10s])')
    assert float(cpu["value"][1]) > 0
