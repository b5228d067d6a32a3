"""What asks for a renewal, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.renewal.policy import Triggers, decide

FOUR = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ({"drifted_features": FOUR}, "renew"),
        ({"drifted_features": FOUR[:3]}, "not_needed"),
        ({"drifted_features": [], "realised": {"roc_auc_drop": 0.06}}, "renew"),
        ({"drifted_features": [], "realised": {"roc_auc_drop": 0.05}}, "not_needed"),
        ({"drifted_features": [], "realised": {"roc_auc_drop": None, "worse": True}}, "renew"),
        ({"drifted_features": [], "realised": None, "estimated": {"roc_auc_drop": 0.2, "trusted": True}}, "renew"),
        ({"drifted_features": [], "estimated": {"roc_auc_drop": 0.2, "trusted": False}}, "not_needed"),
        ({"drifted_features": FOUR, "data_stability": "FAIL"}, "repair"),
        ({}, "not_needed"),
        ({"drifted_features": None, "realised": "odd"}, "not_needed"),
    ],
)
def test_what_monitoring_found_decides(found: dict[str, Any], what: str) -> None:
    decision = decide({"batch": "b", **found}, Triggers())
    assert decision.what == what
    assert decision.reasons
    assert all("batch b" in reason.lower() for reason in decision.reasons)


def test_long_lists_of_features_are_cut() -> None:
    reason = decide({"batch": "b", "drifted_features": [f"f{place}" for place in range(20)]}, Triggers()).reasons[0]
    assert reason.endswith("f7 and 12 more.")
