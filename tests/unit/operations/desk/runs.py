"""Monitoring runs as they lie in a home, for tests of what is told of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tidegate.home import Home
from tidegate.monitoring.site import write_site

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FOUND = {
    "batch": "b1",
    "at": (NOW - timedelta(hours=1)).isoformat(),
    "health": "WARNING",
    "data_stability": "PASS",
    "column_drift": "WARNING",
    "dataset_drift": "PASS",
    "performance": "PASS",
    "drifted_features": ["age", "visits"],
    "rows": 3_000,
    "quarantined": 213,
    "holdout_roc_auc": 0.95,
    "estimated": {"roc_auc": {"value": 0.93, "low": 0.91, "high": 0.94}, "trusted": False, "why": "broken"},
    "realised": {"batch": "b0", "metrics": {"roc_auc": {"value": 0.92, "low": 0.9, "high": 0.94}}, "enough": True},
    "warnings": ["look"],
    "model_version": "1",
    "report_dir": "reports/b1",
}


def write_run(home: Home, folder: str, **changed: Any) -> dict[str, Any]:
    """A run as monitoring leaves it, and its row of the site."""
    found = {**FOUND, "batch": folder, **changed}
    (home.reports / folder).mkdir(parents=True)
    (home.reports / folder / "drift_tests.json").write_text(json.dumps(found))
    (home.reports / folder / "monitoring_report.html").write_text("<html>")
    write_site(home.reports)
    return found
