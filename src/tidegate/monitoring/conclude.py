"""What monitoring concludes about a batch: one document, from which pages, alerts, renewal and exit codes are read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from tidegate.monitoring.batches import Batch
from tidegate.monitoring.drift.decide import Drift
from tidegate.monitoring.performance.calibration import CalibrationCheck
from tidegate.monitoring.performance.estimate import Estimated
from tidegate.monitoring.performance.realised import Realised

Verdict = Literal["PASS", "WARNING", "FAIL"]
LARGEST_DROP = 0.05
"""Of ROC-AUC, relative to the holdout's, before it is an alarm."""
_ORDER: tuple[Verdict, ...] = ("PASS", "WARNING", "FAIL")


def worst(*verdicts: Verdict) -> Verdict:
    """The worst of some verdicts.

    >>> worst("PASS", "FAIL", "WARNING")
    'FAIL'
    """
    return max(verdicts, key=_ORDER.index, default="PASS")


def drop_of(roc_auc: float, holdout: float) -> float:
    """By how much an area has fallen, as a share of the holdout's; 0 where it has not, or either is not known.

    >>> round(drop_of(0.90, 0.95), 4), drop_of(0.96, 0.95)
    (0.0526, 0.0)
    """
    return max(0.0, 1 - roc_auc / holdout) if holdout > 0 and not math.isnan(roc_auc) else 0.0


def document_of(
    batch: Batch,
    drift: Drift | None,
    estimated: Estimated | None,
    realised: Realised | None,
    calibration: CalibrationCheck | None,
    holdout_roc_auc: float,
    warnings: tuple[str, ...],
    now: datetime,
) -> dict[str, Any]:
    """Everything that was found, without a row or an id. `drift` is None where too few valid rows were left to judge."""
    tally, about = batch.tally, batch.kept.about
    found: Mapping[str, Any] = _too_few() if drift is None else drift.document()
    drop = drop_of(estimated.roc_auc.value, holdout_roc_auc) if estimated is not None else 0.0
    performance = _performance(estimated, realised, calibration, drop)
    return {
        "batch": batch.name,
        "at": now.isoformat(),
        "seen_at": batch.seen_at.isoformat(),
        "sha256": batch.sha256,
        "model_version": about["version"],
        "digest": about["digest"],
        "rows": tally.read,
        "valid": len(batch.kept),
        "quarantined": tally.quarantined,
        "rules": tally.rules,
        "repaired": tally.repaired,
        "warned": tally.warned,
        "outside_expected": tally.outside_expected,
        "health": worst(found["dataset_drift"], found["data_stability"], performance),
        "performance": performance,
        **found,
        "realised": None if realised is None else realised.document(),
        "estimated": None if estimated is None else {**estimated.document(), "roc_auc_drop": drop},
        "calibration": None if calibration is None else asdict(calibration),
        "warnings": [*warnings, *found.get("warnings", ())],
    }


def _too_few() -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(("data_stability", "column_drift", "dataset_drift"), "FAIL")
    return {**empty, "drifted_features": [], "columns": [], "prediction": None, "multivariate": None, "warnings": []}


def _performance(estimated: Estimated | None, realised: Realised | None, calibration: CalibrationCheck | None, drop: float) -> Verdict:
    """FAIL where ROC-AUC is down by more than 5 % as realised, or as estimated where the estimate is to be trusted."""
    if (realised is not None and realised.worse) or (estimated is not None and estimated.trusted and drop > LARGEST_DROP):
        return "FAIL"
    return "WARNING" if calibration is not None and calibration.broken else "PASS"
