"""What is an alert and what is not: at the limits, without figures, without traffic."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry

from tidegate.monitoring.alerts.conditions import Limits, Look, Places, decided_renewal, look_at_metrics, look_at_run, stopped_canary
from tidegate.monitoring.alerts.scrape import Scrape, grown, percentile, read_scrape, served
from tidegate.serving.metrics import Metrics

NONE = Scrape({}, {})


def run(**said: object) -> Look:
    return look_at_run({"batch": "b7", **said}, Limits(), "https://r.example/b7", Places(runbooks="https://d.example"))


def kinds(look: Look) -> list[str]:
    return [alert.kind for alert in look.alerts]


def area(value: float, drop: float, high: float | None = None, **more: object) -> dict[str, object]:
    return {"roc_auc": {"value": value, "low": 0.0, "high": value if high is None else high}, "roc_auc_drop": drop, **more}


def test_more_than_three_drifted_features_are_an_alert_and_three_are_near() -> None:
    over = run(drifted_features=["a", "b", "c", "d"])
    assert kinds(over) == ["drift"]
    assert (over.alerts[0].value, over.alerts[0].limit, over.alerts[0].link) == (4, 3, "https://r.example/b7")
    assert over.alerts[0].runbook == "https://d.example/drift.md"
    assert run(drifted_features=["a", "b", "c"]) == Look((), frozenset({"drift"}), frozenset({"drift"}))
    assert run(drifted_features=["a", "b"]) == Look((), frozenset(), frozenset({"drift"}))


def test_data_quality_fails_only_where_it_fails() -> None:
    assert kinds(run(data_stability="FAIL", rows=3000, quarantined=900)) == ["data_quality"]
    assert run(data_stability="WARNING") == Look((), frozenset(), frozenset({"data_quality"}))


def test_an_estimate_down_by_more_than_five_percent_is_an_alert_unless_it_is_not_trusted() -> None:
    assert kinds(run(estimated=area(0.80, 0.06))) == ["performance_estimated"]
    assert kinds(run(estimated=area(0.80, 0.05))) == []
    assert run(estimated=area(0.80, 0.05)).near == {"performance_estimated"}
    assert run(estimated=area(0.80, 0.3, trusted=False)) == Look()


def test_a_realised_drop_has_to_be_beyond_its_interval_and_on_enough_labels() -> None:
    found = run(realised={"metrics": area(0.80, 0), "roc_auc_drop": 0.1, "enough": True})
    assert kinds(found) == ["performance_realised"]
    assert "0.800 realised, 0.889 on the holdout" in found.alerts[0].detail
    assert kinds(run(realised={"metrics": area(0.80, 0, high=0.95), "roc_auc_drop": 0.1, "enough": True})) == []
    assert run(realised={"metrics": area(0.80, 0), "roc_auc_drop": 0.1, "enough": False}) == Look()


@pytest.mark.parametrize(
    "said", [{}, {"drifted_features": None}, {"realised": None}, {"estimated": {"roc_auc": None}}, {"data_stability": 3}]
)
def test_what_the_document_does_not_say_is_not_judged(said: dict[str, object]) -> None:
    assert run(**said) == Look()


def test_moments_are_known_by_their_subject() -> None:
    assert stopped_canary(3, "errors", "", Places()).key == "canary_stopped:3"
    held = decided_renewal("7", "held", ["Only new labels speak for it."], "", Places())
    assert (held.key, held.severity, held.runbook) == ("renewal:7:held", "critical", "docs/runbooks/renewal.md")


def page(*answers: tuple[str, int, float, int]) -> Scrape:
    """What a real server's metrics say after (route, status, seconds, how many)."""
    metrics = Metrics()
    assert isinstance(metrics.registry, CollectorRegistry)
    for route, status, seconds, count in answers:
        for _ in range(count):
            metrics.answered(route, status, seconds)
    return read_scrape(metrics.page().decode())


def metrics(before: Scrape, after: Scrape) -> Look:
    return look_at_metrics(before, after, Limits(), "", Places())


def test_errors_above_one_percent_are_an_alert_whatever_the_probes_say() -> None:
    probes = ("/health", 200, 0.001, 5_000)
    assert kinds(metrics(NONE, page(("/predict", 200, 0.01, 98), ("/predict", 503, 0.01, 2), probes))) == ["errors"]
    assert kinds(metrics(NONE, page(("/predict", 200, 0.01, 99), ("/predict", 503, 0.01, 1), probes))) == []
    assert kinds(metrics(NONE, page(("/predict", 422, 0.01, 100), ("/ready", 503, 0.01, 100)))) == []


def test_p95_above_half_a_second_is_an_alert_and_files_do_not_count() -> None:
    slow = metrics(NONE, page(("/predict", 200, 0.01, 94), ("/predict", 200, 0.7, 6)))
    assert kinds(slow) == ["latency"]
    assert slow.alerts[0].value is not None
    assert 0.5 < slow.alerts[0].value <= 1.0
    assert kinds(metrics(NONE, page(("/predict", 200, 0.01, 96), ("/predict", 200, 0.7, 4)))) == []
    assert kinds(metrics(NONE, page(("/predict", 200, 0.01, 96), ("/predict-csv", 200, 60.0, 500)))) == []


def test_no_traffic_and_hardly_any_are_not_judged() -> None:
    one = page(("/predict", 503, 9.0, 2), ("/predict", 200, 9.0, 10))
    assert metrics(one, one) == Look()
    assert metrics(NONE, one) == Look()
    assert kinds(metrics(NONE, page(("/predict", 503, 0.1, 3)))) == ["errors"], "a service that only fails is noticed with three requests"


def test_only_the_interval_counts_and_a_restart_begins_at_zero() -> None:
    bad, more = page(("/predict", 500, 0.9, 50)), page(("/predict", 500, 0.9, 50), ("/predict", 200, 0.01, 200))
    assert metrics(bad, more).alerts == ()
    anew = page(("/predict", 200, 0.01, 30))
    assert grown(more, anew) == anew
    assert served(grown(more, anew)) == (30, 0)


def test_a_percentile_is_prometheus_histogram_quantile() -> None:
    counts = {("/predict", 0.1): 50.0, ("/predict", 0.5): 90.0, ("/predict", 1.0): 100.0, ("/predict", math.inf): 100.0}
    assert percentile(Scrape({}, counts), 0.95) == (0.75, 100)
    assert percentile(Scrape({}, {**counts, ("/predict", math.inf): 1_000.0}), 0.95) == (1.0, 1_000)


def test_a_page_that_is_no_page_of_metrics_says_nothing() -> None:
    assert read_scrape('<html>tidegate_requests_total{route="/predict"} x tidegate_request_seconds_bucket{le="z",route="/"} 1') == NONE
