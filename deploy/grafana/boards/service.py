"""Is the scoring service quick and right?"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from boards.panels import ABOUT_CUSTOMERS, API, ONE_CUSTOMER, Limits, Panel, Query, board, lines, number

_ASKED = f"tidegate_requests_total{{{API}, {ABOUT_CUSTOMERS}"
_ERRORS = f'(sum(rate({_ASKED}, status=~"5.."}}[$__rate_interval])) or vector(0)) / sum(rate({_ASKED}}}[$__rate_interval]))'
_SCORED = f"60 * sum(rate(tidegate_score_count{{{API}}}[$__rate_interval]))"


def _within(share: float) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate(tidegate_request_seconds_bucket{{{API}, {ONE_CUSTOMER}}}[$__rate_interval])))"


def service() -> Dashboard:
    """Traffic, latency, errors, the ledger, replicas."""
    quick, few = Limits(0.25, 0.5), Limits(0.005, 0.01)
    panels: list[Panel] = [
        number("Predictions a minute", "short", _SCORED, "Customers scored, over all replicas and ways to ask."),
        number("P95 latency", "s", _within(0.95), "Of /predict and /explain. Above 500 ms is an alert.", quick),
        number("Errors", "percentunit", _ERRORS, "Share of requests about customers that end in a 5xx. Above 1 % is an alert.", few),
        number("Replicas", "short", f"count(up{{{API}}} == 1)", "Of the scoring API that answer.", Limits(bad=1, below=True)),
        lines(
            "Predictions a minute", "short", [Query(_SCORED, "customers scored")], "Customers scored, over all replicas and ways to ask."
        ),
        lines(
            "Requests a minute",
            "short",
            [Query(f"60 * sum by (route) (rate({_ASKED}}}[$__rate_interval]))", "{{route}}")],
            "Requests about customers by route; one may ask about many.",
        ),
        lines(
            "Latency",
            "s",
            [Query(_within(0.5), "P50"), Query(_within(0.95), "P95"), Query(_within(0.99), "P99")],
            "Time to answer /predict and /explain. A P95 above 500 ms is an alert.",
            Limits(bad=0.5),
        ),
        lines(
            "Errors", "percentunit", [Query(_ERRORS, "5xx")], "Share of requests about customers. Above 1 % is an alert.", Limits(bad=0.01)
        ),
        lines(
            "Answers a minute by status",
            "short",
            [Query(f"60 * sum by (status) (rate({_ASKED}}}[$__rate_interval]))", "{{status}}")],
            "2xx answered, 4xx refused with a reason, 5xx failed.",
        ),
        lines(
            "Ledger",
            "s",
            [Query(f"max by (instance) (tidegate_ledger_lag_seconds{{{API}}})", "{{instance}}")],
            "For how long the oldest prediction waits to be durable. A mean above 0.5 s is an alert.",
            Limits(bad=0.5),
        ),
        lines(
            "Version that serves",
            "short",
            [Query(f"sum by (version, algorithm) (tidegate_model_info{{{API}}})", "version {{version}} ({{algorithm}})")],
            "How many replicas serve which version.",
        ),
        lines(
            "Alerts that fire",
            "short",
            [Query('count(ALERTS{alertstate="firing"}) or vector(0)', "alerts")],
            "Prometheus' page Alerts names them.",
        ),
    ]
    return board("service", "service", "Is the scoring service quick and right?", panels)
