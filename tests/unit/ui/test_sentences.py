"""Sentences of monitoring and alerts are known to the pages as they are really written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tidegate.monitoring.alerts.conditions import Limits, Places, decided_renewal, look_at_run, refused_batch, stopped_canary
from tidegate.monitoring.drift.findings import ColumnDrift, Multivariate
from tidegate.monitoring.drift.limits import DriftLimits
from tidegate.monitoring.drift.multivariate import Separation
from tidegate.monitoring.drift.verdicts import batch_warnings, column_warnings
from tidegate.monitoring.performance.calibration import check_calibration
from tidegate.ui.known import KNOWN
from tidegate.ui.sentences import retold
from tidegate.ui.words import french

PLACES = Places()
LACKS = "b.csv lacks columns age, income and 3 more. Give a table that fits the spec 'bank', or another spec."


def column(**changed: Any) -> ColumnDrift:
    usual: dict[str, Any] = {
        "column": "age",
        "kind": "number",
        "test": "kolmogorov_smirnov",
        "statistic": 0.5,
        "p_value": 1e-20,
        "adjusted_p_value": 1e-19,
        "p_values": {"missing": 1e-9, "new_levels": 1e-9, "outside_expected": 1e-9},
        "effects": {"ks_distance": 0.5, "new_level_share": 0.3},
        "effect": "ks_distance",
        "drifted": True,
        "outside_reference": 0.0,
        "outside_expected": 0.25,
        "missing_reference": 0.0,
        "missing_batch": 0.25,
        "new_levels": {"gold": 0.3},
        "vanished_levels": {"iron": 0.2},
        "influence": None,
    }
    return ColumnDrift(**{**usual, **changed})


def written() -> list[str]:
    """Sentences as the rooms that compose them do."""
    apart = Separation(0.8, 0.75, 0.85, 100, 10)
    several = Multivariate(apart, apart, drifted=True, strong=True)
    said = [*column_warnings([column()], DriftLimits()), *batch_warnings(0.5, 0.9, 0.0, column(), several, DriftLimits())]
    generator = np.random.default_rng(1)
    broken = check_calibration((generator.random(2_000) < 0.6).astype(np.int8), generator.random(2_000) * 0.4)
    assert broken.broken
    document = {
        "batch": "b",
        "data_stability": "FAIL",
        "quarantined": 1_200,
        "rows": 3_000,
        "drifted_features": ["a", "b", "c", "d"],
        "realised": {"metrics": {"roc_auc": {"value": 0.7, "low": 0.6, "high": 0.8}}, "roc_auc_drop": 0.2, "enough": True},
        "estimated": {"roc_auc": {"value": 0.7, "low": 0.6, "high": 0.8}, "roc_auc_drop": 0.2, "trusted": True},
    }
    alerts = [*look_at_run(document, Limits(), "", PLACES).alerts, *refused_batch("b", LACKS, PLACES).alerts]
    alerts += [stopped_canary(7, "errors", "", PLACES), decided_renewal("1", "held", (), "", PLACES)]
    told = [alert.title for alert in alerts] + [alert.detail for alert in alerts if alert.kind in ("drift", "data_quality")]
    return [*said, broken.sentence, *told]


@pytest.mark.parametrize("sentence", written())
def test_what_is_really_written_is_known(sentence: str) -> None:
    said = retold(sentence, "fr")
    assert said != sentence
    assert retold(sentence, "en") == sentence
    assert "{" not in said


def test_every_known_sentence_has_its_french() -> None:
    assert sorted(set(KNOWN) - set(french())) == []


def test_figures_move_along_and_the_unknown_stays() -> None:
    assert retold("1,200 customers of the batch have no id, so their labels can never come.", "fr").startswith("1\u202f200 clients")
    assert "7,5\u00a0%" in retold("age: 7.5% of the values are missing, 0.0% in the reference.", "fr")
    assert retold("Something of a later version happened.", "fr") == "Something of a later version happened."
    assert retold("", "fr") == ""


@pytest.mark.parametrize(
    "said",
    [
        "The ledger did not answer in time. The moon is to blame.",
        "The moon does not answer.",
        "Batch b: customers of the new branch.",
        "region: expected an hour of the day, found text.",
        "Gate parity: it is of another mind (1, limit 2).",
        "columns " * 240,
        "Batch a: " * 200,
        "The ledger does not answer. " * 100,
    ],
)
def test_what_is_not_known_whole_stays_whole(said: str) -> None:
    assert retold(said, "fr") == said


def test_names_and_a_persons_words_stay_as_they_are() -> None:
    assert retold("Asked for: columns renamed. The ledger does not answer.", "fr").endswith("columns renamed. The ledger does not answer.")
    assert retold("Asked for: 1.5", "fr").endswith("1.5")
    assert "lot 2026.10 ont" in retold(
        "The data of batch 2026.10 failed its checks: repair the source, a renewal would learn the fault.", "fr"
    )
    assert "Lyon, 1.0" in retold("city: expected one of Lyon, 1.0, found text.", "fr")
