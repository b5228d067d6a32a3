"""What does the model say, and how good is it?"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from boards.panels import API, Limits, Panel, Query, board, distribution, lines, number

_SCORES = f"sum by (le) (rate(tidegate_score_bucket{{{API}}}[$__rate_interval]))"
_VERDICTS = "0 PASS, 1 WARNING, 2 FAIL."


def model() -> Dashboard:
    """The distribution of predictions, ROC-AUC, what monitoring concluded, renewals."""
    flagged = f"sum(rate(tidegate_flagged_total{{{API}}}[$__rate_interval])) / sum(rate(tidegate_score_count{{{API}}}[$__rate_interval]))"
    mean = f"sum(rate(tidegate_score_sum{{{API}}}[$__rate_interval])) / sum(rate(tidegate_score_count{{{API}}}[$__rate_interval]))"
    panels: list[Panel] = [
        number("Health", "short", "tidegate_monitoring_health", f"Of the newest monitored batch: {_VERDICTS}", Limits(1, 2)),
        number("Batch monitored", "s", "tidegate_monitoring_age_seconds", "How long ago the newest one was."),
        number("Renewals that wait", "short", 'tidegate_renewals_waiting{decision="held"}', "Held for a person's word.", Limits(1)),
        number("Open alerts", "short", "sum(tidegate_alerts_open)", "As Tidegate itself knows them: `tidegate alerts`.", Limits(1)),
        distribution(
            "Distribution of predictions", "percentunit", _SCORES, "Churn probabilities that were given, by their buckets of 0.05."
        ),
        lines(
            "Predictions",
            "percentunit",
            [
                *(Query(f"histogram_quantile({share}, {_SCORES})", f"P{share * 100:.0f}") for share in (0.1, 0.5, 0.9)),
                Query(mean, "mean"),
            ],
            "Churn probabilities that were given.",
            top=1,
        ),
        lines("Flagged", "percentunit", [Query(flagged, "share")], "Customers above the threshold: predicted to leave.", top=1),
        lines(
            "ROC-AUC",
            "none",
            [
                Query("tidegate_monitoring_roc_auc", "{{source}}"),
                Query('0.95 * tidegate_monitoring_roc_auc{source="holdout"}', "limit: 5 % below the holdout"),
            ],
            "Of the champion: on its holdout, as realised on matured labels, as estimated before. Below the limit is an alert.",
            top=1,
        ),
        lines(
            "May the figures be trusted?",
            "short",
            [Query("tidegate_monitoring_roc_auc_trusted", "{{source}}")],
            "1 where the calibration holds (estimated), and where enough labels have matured (realised).",
            top=1,
        ),
        lines("Verdicts", "short", [Query("tidegate_monitoring_verdict", "{{part}}")], f"On the newest batch: {_VERDICTS}", top=2),
        lines(
            "Quarantined",
            "percentunit",
            [Query("tidegate_monitoring_quarantined_share", "share")],
            "Rows of the newest batch that break the contract.",
        ),
        lines("Renewals", "short", [Query("tidegate_renewals", "{{decision}}")], "By what was decided, since the beginning."),
        lines(
            "Watch",
            "s",
            [Query("time() - tidegate_watch_last_round_timestamp_seconds", "since the last round")],
            "`tidegate watch`. More than an hour is an alert.",
            Limits(bad=3600),
        ),
    ]
    return board("model", "model", "What does the model say, and how good is it?", panels)
