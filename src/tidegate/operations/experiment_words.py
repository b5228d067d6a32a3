"""What a person or a program is told about the state of an experiment."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from tidegate.experiments.judge import FEWEST, Measured
from tidegate.ledger.experiments import percent
from tidegate.ledger.times import time_text
from tidegate.measures.intervals import Interval
from tidegate.operations.experiment import experiment_document
from tidegate.operations.experiment_status import ArmStatus, Status

_NAMES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "false_positive_rate": "false positives of those who stayed",
    "false_negative_rate": "false negatives of those who left",
}


def status_document(found: Status) -> dict[str, Any]:
    """For `--json`; null where nothing can be said."""
    return {
        **experiment_document(found.experiment),
        "at": time_text(found.at),
        "verdict": found.verdict,
        "fewest": FEWEST,
        "arms": {"control": _arm_document(found.control), "treatment": _arm_document(found.treatment)},
        "measures": {name: asdict(one) for name, one in found.judgement.measures.items()},
        "error_rate_difference": None if found.error_difference is None else asdict(found.error_difference),
        "feedback_wrong_difference": None if found.wrong_difference is None else asdict(found.wrong_difference),
        "sample_ratio": None if found.sample_ratio_p is None else {"p": found.sample_ratio_p, "as_meant": found.split_as_meant},
        "shadow": None if found.shadowed is None else asdict(found.shadowed),
    }


def status_text(found: Status) -> str:
    """For a person."""
    one = found.experiment
    state = "running" if one.stopped_at is None else f"stopped {one.stopped_at[:19]} by {one.stopped_by}"
    lines = [
        f"Experiment {one.number} ({one.mode}): version {one.treatment_version} against version {one.control_version}, share "
        f"{percent(one.phase.share)}, since {one.started_at[:19]}, {state}."
    ]
    if one.stop_reason:
        lines.append(f"Why it was stopped: {one.stop_reason}")
    lines.append(f"Verdict: {found.verdict}.")
    lines += [_arm_line("control", found.control), _arm_line("treatment", found.treatment)]
    lines += [f"  {_NAMES[name]}: {_measure_line(measured)}" for name, measured in found.judgement.measures.items()]
    if not found.judgement.measures:
        lines.append(
            f"  Measures need {FEWEST} who left and {FEWEST} who stayed in each arm, {one.horizon_days} days after their prediction."
        )
    for name, interval in (("errors", found.error_difference), ("feedback 'prediction_wrong'", found.wrong_difference)):
        if interval is not None:
            lines.append(f"  {name}: treatment - control {_points(interval)}")
    if found.sample_ratio_p is not None:
        said = "as meant" if found.split_as_meant else "NOT AS MEANT: find out why before believing anything else here"
        lines.append(f"  split of customers: p = {found.sample_ratio_p:.3g}, {said}")
    elif found.shadowed is None:
        lines.append("  split of customers: there are none yet")
    if found.shadowed is not None:
        lines.append(f"  shadow scores: {found.shadowed.scored:,} of {found.shadowed.predictions:,} predictions")
    return "\n".join(lines)


def _arm_document(arm: ArmStatus) -> dict[str, Any]:
    asked = arm.answers + arm.errors
    latency = {name: None if math.isnan(value) else value for name, value in arm.latency_ms.items()}
    return {**asdict(arm), "latency_ms": latency, "error_rate": arm.errors / asked if asked else None}


def _arm_line(name: str, arm: ArmStatus) -> str:
    parts = [f"{arm.customers:,} customers", f"{arm.matured:,} with an outcome", f"{arm.left:,} left"]
    parts += [f"{arm.false_positives:,} false positives", f"{arm.false_negatives:,} false negatives"]
    parts += [f"{arm.errors:,} errors of {arm.answers + arm.errors:,} answers"]
    if not math.isnan(arm.latency_ms["p50"]):
        parts.append("latency " + ", ".join(f"{key.upper()} {value:.1f} ms" for key, value in arm.latency_ms.items()))
    parts += [f"{word}: {count:,}" for word, count in arm.feedback.items()]
    return f"  {name} (version {arm.version}): {', '.join(parts)}"


def _measure_line(measured: Measured) -> str:
    control, treatment, difference = measured.control, measured.treatment, measured.difference
    return (
        f"control {_interval(control)}, treatment {_interval(treatment)}, difference {_interval(difference, '+.3f')} "
        f"at {100 * measured.level:g} %: {measured.word}"
    )


def _interval(one: Interval, shape: str = ".3f") -> str:
    return f"{one.value:{shape}} ({one.low:{shape}} to {one.high:{shape}})"


def _points(one: Interval) -> str:
    return f"{100 * one.value:+.2f} ({100 * one.low:+.2f} to {100 * one.high:+.2f}) percentage points"
