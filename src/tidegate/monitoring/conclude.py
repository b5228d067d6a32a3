"""What monitoring concludes about a batch: one document, from which pages, alerts, renewal and exit codes are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any, Literal

from tidegate.monitoring.batches import Batch
from tidegate.monitoring.drift.findings import Drift
from tidegate.monitoring.past import Past
from tidegate.monitoring.performance.estimate import Estimated
from tidegate.monitoring.performance.realised import relative_drop

Verdict = Literal["PASS", "WARNING", "FAIL"]
_ORDER: tuple[Verdict, ...] = ("PASS", "WARNING", "FAIL")


def worst(*verdicts: Verdict) -> Verdict:
    """The worst of some verdicts.

    >>> worst("PASS", "FAIL", "WARNING")
    'FAIL'
    """
    return max(verdicts, key=_ORDER.index, default="PASS")


def document_of(
    batch: Batch,
    drift: Drift | None,
    estimated: Estimated | None,
    past: Past,
    holdout: float,
    largest_drop: float,
    notes: Sequence[str],
    now: datetime,
) -> dict[str, Any]:
    """Everything that was found, without a row or an id. `drift` is None where too few valid rows were left to judge; `holdout` is the
    champion's ROC-AUC there, `largest_drop` the share of it that may be lost.
    """
    about = batch.kept.about
    found: Mapping[str, Any] = _too_few(batch) if drift is None else _renamed(drift.document())
    drop = relative_drop(estimated.roc_auc.value, holdout) if estimated is not None else float("nan")
    fell = estimated is not None and estimated.trusted and drop > largest_drop and estimated.roc_auc.high < holdout
    performance = _performance(past, fell)
    return {
        **found,
        "batch": batch.name,
        "at": now.isoformat(),
        "seen_at": batch.seen_at.isoformat(),
        "sha256": batch.sha256,
        "model_version": about["version"],
        "digest": about["digest"],
        **_admitted(batch),
        "health": worst(found["dataset_drift"], found["data_stability"], performance),
        "performance": performance,
        "holdout_roc_auc": holdout if isfinite(holdout) else None,
        "realised": None if past.realised is None else {"batch": past.of, **past.realised.document()},
        "estimated": None if estimated is None else {**estimated.document(), "roc_auc_drop": drop if isfinite(drop) else None},
        "calibration": None if past.calibration is None else past.calibration.document(),
        "warnings": [*notes, *found["warnings"], *past.notes],
    }


def _admitted(batch: Batch) -> dict[str, Any]:
    tally = batch.tally
    return {
        "rows": tally.read,
        "valid": len(batch.kept),
        "quarantined": tally.quarantined,
        "rules": tally.rules,
        "repaired": tally.repaired,
        "warned": tally.warned,
        "outside_expected": tally.outside_expected,
    }


def _renamed(found: dict[str, Any]) -> dict[str, Any]:
    """Of what was compared: `rows` is the number of rows that came."""
    return {"compared_rows" if name == "rows" else name: value for name, value in found.items()}


def _too_few(batch: Batch) -> dict[str, Any]:
    said = f"{len(batch.kept):,} of {batch.tally.read:,} rows keep the contract: too few to judge drift."
    empty: dict[str, Any] = dict.fromkeys(("data_stability", "column_drift", "dataset_drift"), "FAIL")
    return {**empty, "drifted_features": [], "columns": [], "prediction": None, "multivariate": None, "warnings": [said]}


def _performance(past: Past, fell: bool) -> Verdict:
    """FAIL where ROC-AUC is down by more than may be and than noise explains, as realised, or as estimated (`fell`)."""
    if (past.realised is not None and past.realised.worse) or fell:
        return "FAIL"
    return "WARNING" if past.calibration is not None and past.calibration.broken else "PASS"
