"""How does the version under trial do beside the champion?"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from boards.panels import API, Limits, Panel, Query, bars, board, lines, number

_LATENCY = Query('tidegate_experiment_seconds{quantile=~"0.5|0.95"}', "{{variant}}, {{quantile}}")


def experiment() -> Dashboard:
    """Which experiment runs, how the arms do, and whether a canary was stopped."""
    scored = f"sum by (version) (rate(tidegate_score_count{{{API}}}[$__rate_interval]))"
    mean = f"sum by (version) (rate(tidegate_score_sum{{{API}}}[$__rate_interval])) / {scored}"
    flagged = f"sum by (version) (rate(tidegate_flagged_total{{{API}}}[$__rate_interval])) / {scored}"
    errors = "tidegate_experiment_errors / (tidegate_experiment_customers + tidegate_experiment_errors)"
    failures = f"60 * sum(rate(tidegate_treatment_failures_total{{{API}}}[$__rate_interval]))"
    panels: list[Panel] = [
        number("A/B runs", "short", 'tidegate_experiment_running{mode="ab"}', "1 where it does."),
        number("Canary runs", "short", 'tidegate_experiment_running{mode="canary"}', "1 where it does."),
        number("Share in the treatment", "percentunit", "tidegate_experiment_share", "Of customers with an id. Nothing here: none runs."),
        number(
            "Last canary stopped",
            "s",
            "time() - tidegate_canary_stopped_timestamp_seconds",
            "How long ago; nothing here: none ever was.",
        ),
        lines(
            "Customers a minute by arm",
            "short",
            [Query(f"60 * sum by (variant) (rate(tidegate_variant_customers_total{{{API}}}[$__rate_interval]))", "{{variant}}")],
            "Scored in the running experiment.",
        ),
        bars(
            "Customers by arm",
            "short",
            Query("tidegate_experiment_customers", "{{variant}}"),
            "Scored since it began, on all servers.",
            height=8,
        ),
        lines("Latency by arm", "s", [_LATENCY], "Of one customer's answer, since the experiment began."),
        lines("Errors by arm", "percentunit", [Query(errors, "{{variant}}")], "Share of answers that failed, since it began."),
        lines(
            "Mean prediction by version", "percentunit", [Query(mean, "version {{version}}")], "Churn probabilities that were given.", top=1
        ),
        lines("Flagged by version", "percentunit", [Query(flagged, "version {{version}}")], "Customers predicted to leave.", top=1),
        lines(
            "Answered by the champion instead",
            "short",
            [Query(failures, "a minute")],
            "Customers of the treatment whom the version under trial could not answer.",
            Limits(bad=1),
        ),
    ]
    return board("experiment", "experiment", "How does the version under trial do beside the champion?", panels)
