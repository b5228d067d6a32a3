"""What asks for a renewal, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.renewal.policy import Triggers, decide

FOUR = ["a", "b", "c", "d"]
HOLDOUT = 0.9


def realised(drop: float, high: float = 0.86) -> dict[str, Any]:
    area = {"value": HOLDOUT * (1 - drop), "low": 0.8, "high": high}
    return {"metrics": {"roc_auc": area}, "roc_auc_drop": drop, "enough": True}


def estimated(drop: float, trusted: bool) -> dict[str, Any]:
    return {"roc_auc": {"value": HOLDOUT * (1 - drop), "low": 0.7, "high": 0.75}, "roc_auc_drop": drop, "trusted": trusted}


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ({"drifted_features": FOUR}, "renew"),
        ({"drifted_features": FOUR[:3]}, "not_needed"),
        ({"drifted_features": [], "realised": realised(0.06)}, "renew"),
        ({"drifted_features": [], "realised": realised(0.05)}, "not_needed"),
        ({"drifted_features": [], "realised": realised(0.06, high=0.91)}, "not_needed"),
        ({"drifted_features": [], "realised": {**realised(0.06), "enough": False}}, "not_needed"),
        ({"drifted_features": [], "realised": None, "estimated": estimated(0.2, True)}, "renew"),
        ({"drifted_features": [], "estimated": estimated(0.2, False)}, "not_needed"),
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


def test_a_reason_names_the_batch_that_the_labels_are_of() -> None:
    reasons = decide({"batch": "b9", "drifted_features": [], "realised": {**realised(0.06), "batch": "b7"}}, Triggers()).reasons
    assert "of batch b7 is 6.0% below" in reasons[0]
