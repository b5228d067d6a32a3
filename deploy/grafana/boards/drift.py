"""Are the customers still those that the champion learned from?"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from boards.panels import API, Limits, Panel, Query, bars, board, lines, number

_EFFECT = "How far each feature moved, in the smallest drift that matters: from 1 on it matters, if it is not chance."


def drift() -> Dashboard:
    """Feature by feature: how far it moved, whether that is drift, what it does to the scores."""
    panels: list[Panel] = [
        number("Drifted features", "short", "tidegate_monitoring_drifted_features", "More than 3 are an alert.", Limits(1, 4)),
        number("Drift of the predictions", "none", "tidegate_monitoring_prediction_effect", "From 1 on it matters.", Limits(1), width=6),
        number("Customers in the batch", "short", "tidegate_monitoring_rows", "Rows that came, with those that were quarantined."),
        number("Dataset drift", "short", 'tidegate_monitoring_verdict{part="dataset_drift"}', "0 PASS, 1 WARNING, 2 FAIL.", Limits(1, 2)),
        bars("Drift by feature", "none", Query("sort_desc(tidegate_monitoring_feature_effect)", "{{feature}}"), _EFFECT, Limits(1)),
        bars(
            "What it does to the scores",
            "none",
            Query("sort_desc(tidegate_monitoring_feature_influence)", "{{feature}}"),
            "Mean absolute change of the churn probability when this feature alone moves as it did.",
        ),
        lines("Drift by feature", "none", [Query("tidegate_monitoring_feature_effect", "{{feature}}")], _EFFECT, Limits(1), width=24),
        lines(
            "Which features have drifted",
            "short",
            [Query("tidegate_monitoring_feature_drifted == 1", "{{feature}}")],
            "In the newest monitored batch; nothing here means that none has.",
            top=1,
        ),
        lines(
            "Values outside what was seen in training",
            "short",
            [Query(f"60 * sum by (column) (rate(tidegate_outside_expected_total{{{API}}}[$__rate_interval]))", "{{column}}")],
            "A minute, in requests as they come, before any batch is monitored.",
        ),
    ]
    return board("drift", "drift by feature", "Are the customers still those that the champion learned from?", panels)
