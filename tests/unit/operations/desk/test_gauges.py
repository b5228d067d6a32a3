"""What Prometheus reads of a home's health: right, bounded, and there whatever is broken."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from tidegate.errors import LedgerUnavailable
from tidegate.experiments.guard import LATENCY_BOUNDS, SCORE_BOUNDS
from tidegate.home import Home
from tidegate.ledger.experiments import CANARY_STOPPED, Terms, start_experiment, stop_experiment
from tidegate.ledger.exposures import Counts, write_counts
from tidegate.ledger.store import Ledger
from tidegate.monitoring.alerts.conditions import KINDS, MOMENTS, Look
from tidegate.monitoring.alerts.state import Policy, raise_alerts
from tidegate.monitoring.figures import MOST_FEATURES
from tidegate.operations.desk import gauges, trail_gauges
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.gauges import Gauges
from tidegate.operations.desk.jobs import Jobs
from tidegate.operations.desk.machine_gauges import MachineGauges
from tidegate.operations.rounds import last_round, record_round
from tidegate.renewal.trail import Decided, record_conclusion, record_decision, record_start
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings
from unit.operations.desk.test_monitoring_routes import DRIFTED, NOW, write_run


@pytest.fixture
def registry(home: Home, ledger: Ledger) -> CollectorRegistry:
    made = CollectorRegistry()
    made.register(Gauges(home, ledger, lambda: NOW))
    return made


def read(registry: CollectorRegistry) -> dict[str, float]:
    found = [sample for family in registry.collect() for sample in family.samples]
    return {"".join([sample.name, *sample.labels.values()]).removeprefix("tidegate_"): sample.value for sample in found}


def test_a_new_home_has_no_figures(registry: CollectorRegistry) -> None:
    quiet = {f"alerts_open{kind}": 0 for kind in KINDS if kind not in MOMENTS}
    quiet |= dict.fromkeys(("renewalspromoted", "renewalscanary", "renewalsheld", "renewalsrefused"), 0)
    quiet |= dict.fromkeys(("renewals_waitingheld", "renewals_waitingcanary"), 0)
    quiet |= {f"experiment_running{mode}": 0 for mode in ("ab", "canary", "shadow")}
    assert read(registry) == {**quiet, "monitoring_readablereports": 1, "monitoring_readableledger": 1}


def test_the_newest_batch(registry: CollectorRegistry, home: Home) -> None:
    write_run(home, "b1")
    said = {name: value for name, value in read(registry).items() if name.startswith("monitoring")}
    assert said == {
        "monitoring_health": 1,
        "monitoring_verdictdata_stability": 0,
        "monitoring_verdictcolumn_drift": 1,
        "monitoring_verdictdataset_drift": 0,
        "monitoring_verdictperformance": 0,
        "monitoring_drifted_features": 2,
        "monitoring_rows": 3_000,
        "monitoring_quarantined_share": 0.071,
        "monitoring_roc_aucholdout": 0.95,
        "monitoring_roc_aucestimated": 0.93,
        "monitoring_roc_aucrealised": 0.92,
        "monitoring_roc_auc_highestimated": 0.94,
        "monitoring_roc_auc_highrealised": 0.94,
        "monitoring_roc_auc_trustedestimated": 0,
        "monitoring_roc_auc_trustedrealised": 1,
        "monitoring_age_seconds": 3_600,
        "monitoring_readablereports": 1,
        "monitoring_readableledger": 1,
    }
    write_run(home, "b2", at=NOW.isoformat(), health="FAIL", realised=None, rows=0)
    later = read(registry)
    assert (later["monitoring_health"], later["monitoring_age_seconds"], later["monitoring_rows"]) == (2, 0, 0)
    # what is not known has no number: neither that of the batch before nor zero
    assert not {"monitoring_roc_aucrealised", "monitoring_roc_auc_trustedrealised", "monitoring_quarantined_share"} & set(later)


def test_open_alerts_by_kind_and_only_where_the_trail_grew(
    registry: CollectorRegistry, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Ledger] = []
    real = trail_gauges.open_alerts
    monkeypatch.setattr(trail_gauges, "open_alerts", lambda ledger: looked.append(ledger) or real(ledger))
    assert read(registry)["alerts_opendrift"] == 0
    raise_alerts(ledger, Look((DRIFTED,), judged=frozenset({"drift"})), NOW, Policy())
    assert [read(registry)["alerts_opendrift"] for _ in range(3)] == [1, 1, 1]
    assert len(looked) == 2
    raise_alerts(ledger, Look((), judged=frozenset({"drift"})), NOW, Policy())
    assert read(registry)["alerts_opendrift"] == 0


def test_files_are_parsed_once(registry: CollectorRegistry, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(home, "b1")
    read(registry)
    monkeypatch.setattr(gauges.json, "loads", lambda _: pytest.fail("read again"))
    assert read(registry)["monitoring_health"] == 1


@pytest.mark.parametrize(
    "index",
    ["", "{", "[]", "{}", '{"runs": {}}', '{"runs": [1]}', '{"runs": [{"folder": ".."}]}', "[" * 200_000, '{"runs": [{"folder": 1}]}'],
)
def test_a_damaged_site_is_said_and_breaks_nothing(registry: CollectorRegistry, home: Home, index: str) -> None:
    write_run(home, "b1")
    (home.root / "drift_tests.json").write_text('{"health": "PASS"}')
    (home.reports / "index.json").write_text(index)
    said = read(registry)
    assert "monitoring_health" not in said
    if index == '{"runs": {}}':
        return
    assert (said["monitoring_readablereports"], said["monitoring_readableledger"]) == (0, 1)


@pytest.mark.parametrize(
    "document", ["", "[]", '"x"', '{"rows": NaN, "health": ["PASS"], "at": 7, "estimated": 3, "drifted_features": "ab"}']
)
def test_a_damaged_run_has_no_figures(registry: CollectorRegistry, home: Home, document: str) -> None:
    write_run(home, "b1")
    (home.reports / "b1" / "drift_tests.json").write_text(document)
    said = read(registry)
    assert {name for name in said if name.startswith("monitoring")} == {"monitoring_readablereports", "monitoring_readableledger"}


def test_without_a_ledger_the_other_figures_are_there(registry: CollectorRegistry, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Ledger) -> int:
        raise LedgerUnavailable("The ledger is away.")

    write_run(home, "b1")
    monkeypatch.setattr(trail_gauges, "newest_sequence", away)
    said = read(registry)
    assert (said["monitoring_health"], said["monitoring_readableledger"]) == (1, 0)
    assert not [name for name in said if name.startswith("alerts_open")]


def test_when_watch_last_ended_a_round(registry: CollectorRegistry, home: Home) -> None:
    record_round(home, NOW - timedelta(minutes=15))
    assert read(registry)["watch_last_round_timestamp_seconds"] == (NOW - timedelta(minutes=15)).timestamp()
    for damaged in ("", "{}", '{"at": "2026-11-23"}', '{"at": 7}', "[]"):
        home.last_round.write_text(damaged)
        assert last_round(home) is None
    home.last_round.unlink()
    home.root.chmod(0o500)
    try:
        record_round(home, NOW)
    finally:
        home.root.chmod(0o700)


def column(name: str, **changed: object) -> dict[str, object]:
    """As `drift_tests.json` has it."""
    effects = {"wasserstein": 0.25, "ks_distance": 0.06}
    return {"column": name, "effects": effects, "effect": "wasserstein", "drifted": True, "influence": 0.02, **changed}


LIMITS = {"floors": {"wasserstein": 0.1, "ks_distance": 0.05}}


def test_each_feature_in_the_smallest_drift_that_matters(registry: CollectorRegistry, home: Home) -> None:
    still = column("visits", effect="ks_distance", drifted=False, influence=None)
    write_run(home, "b1", columns=[column("age"), still], limits=LIMITS, prediction=column("", effects={"wasserstein": 0.05}))
    said = {name: value for name, value in read(registry).items() if "feature_" in name or "prediction" in name}
    assert said == {
        "monitoring_feature_effectage": pytest.approx(2.5),
        "monitoring_feature_effectvisits": pytest.approx(1.2),
        "monitoring_feature_driftedage": 1,
        "monitoring_feature_driftedvisits": 0,
        "monitoring_feature_influenceage": 0.02,
        "monitoring_prediction_effect": pytest.approx(0.5),
    }


def test_strange_columns_have_no_figures(registry: CollectorRegistry, home: Home) -> None:
    strange = [7, {"column": 7}, column("a", effects=[], influence="x"), column("b", effect="unknown"), column("c", effect=[])]
    write_run(home, "b1", columns=strange, limits=LIMITS, prediction=[])
    names = {name for name in read(registry) if "feature_effect" in name or "prediction" in name}
    assert names == set()
    write_run(home, "b2", at=NOW.isoformat(), columns="ab", limits=[], prediction=column(""))
    assert not [name for name in read(registry) if "feature_" in name]


def test_renewals_by_decision_and_those_that_wait(registry: CollectorRegistry, ledger: Ledger) -> None:
    for number, decision in enumerate(("refused", "held", "canary")):
        started = record_start(ledger, "ada", {}, NOW)
        made = Decided(started, decision, "2", "d2", "1", "d1", ("Because.",), (), "b1", NOW.isoformat(), "")
        record_decision(ledger, "ada", made, NOW + timedelta(minutes=number))
    said = read(registry)
    assert {name: said[f"renewals{name}"] for name in ("promoted", "canary", "held", "refused")} == {
        "promoted": 0, "canary": 1, "held": 1, "refused": 1,
    }  # fmt: skip
    assert (said["renewals_waitingheld"], said["renewals_waitingcanary"]) == (1, 1)
    assert said["renewal_last_timestamp_seconds"] == (NOW + timedelta(minutes=2)).timestamp()
    record_conclusion(ledger, "ada", 2, "refused", "No.", NOW)  # not the number of a renewal
    record_conclusion(ledger, "ada", 3, "refused", "No.", NOW)
    assert read(registry)["renewals_waitingheld"] == 0


def test_an_experiment_and_a_canary_that_was_stopped(registry: CollectorRegistry, ledger: Ledger) -> None:
    terms = Terms("canary", ("2", "t" * 64), ("1", "b" * 64), 0.05, 30)
    running = start_experiment(ledger, terms, "salt", "ada", NOW)
    assert "experiment_customerschampion" not in read(registry)
    latency = [0] * (len(LATENCY_BOUNDS) + 1)
    latency[1] = 100
    scores = (0,) * (len(SCORE_BOUNDS) + 1)
    # without a new event: what servers counted is asked every time
    write_counts(ledger, running.number, "r1", [Counts("treatment", 100, 3, 120, tuple(latency), scores)], NOW)
    write_counts(ledger, running.number, "r2", [Counts("treatment", 0, 0, 40, (0,) * len(latency), scores)], NOW)
    said = read(registry)
    assert (said["experiment_runningcanary"], said["experiment_runningab"], said["experiment_share"]) == (1, 0, 0.05)
    assert (said["experiment_customerstreatment"], said["experiment_errorstreatment"]) == (160, 3)
    assert 0.0005 <= said["experiment_secondstreatment0.95"] <= 0.0006
    assert "canary_stopped_timestamp_seconds" not in said
    stop_experiment(ledger, running.number, "It failed.", "api", NOW + timedelta(hours=1), CANARY_STOPPED)
    said = read(registry)
    assert (said["experiment_runningcanary"], said["canary_stopped_timestamp_seconds"]) == (0, (NOW + timedelta(hours=1)).timestamp())
    assert not {"experiment_share", "experiment_customerstreatment"} & set(said)


def test_the_machine(home: Home, tmp_path: Path) -> None:
    registry = CollectorRegistry()
    registry.register(MachineGauges(home.root))
    said = read(registry)
    assert 0 < said["home_free_bytes"] <= said["home_size_bytes"]
    assert 0 < said["machine_memory_available_bytes"] < said["machine_memory_bytes"]
    assert said["machine_cpu_seconds_totalbusy"] > 0
    assert said["machine_cpu_seconds_totalidle"] > 0
    for damaged in ("", "cpu", "MemTotal: x kB", "intr 1 2", "MemTotal\n"):
        (tmp_path / "file").write_text(damaged)
        without = CollectorRegistry()
        without.register(MachineGauges(tmp_path / "absent", tmp_path / "file", tmp_path / "file"))
        assert not {name for name in read(without) if "memory" in name or "home" in name}


def test_the_page_and_the_number_of_its_series(home: Home, ledger: Ledger, tmp_path: Path) -> None:
    client = TestClient(create_operate_app(Desk(home, Settings(home=home.root), ledger, Jobs(), Metrics(), tmp_path)))
    many = [f"column_{number}" for number in range(500)]
    write_run(home, "b1", drifted_features=many)
    record_round(home, datetime.now(UTC))
    page = client.get("/metrics").text
    series = [line for line in page.splitlines() if line.startswith(("tidegate_monitoring", "tidegate_alerts", "tidegate_watch"))]
    assert "tidegate_monitoring_drifted_features 500.0" in series
    # no label of a batch or a version: the number never grows
    assert len(series) == 25
    assert json.dumps(many[7]) not in page
    assert float(next(line for line in page.splitlines() if line.startswith("tidegate_resident_bytes")).split()[1]) > 0
    # those of features grow with the table, and no further than the most
    write_run(home, "b2", columns=[column(name) for name in many], limits=LIMITS, at=datetime.now(UTC).isoformat())
    page = client.get("/metrics").text
    assert page.count("tidegate_monitoring_feature_effect{") == MOST_FEATURES
