"""What a person asks of training and is told about it. Loads nothing heavy: `run` only passes it on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

_STAGES = {
    "champion": "the champion",
    "challenger": "registered as challenger; the champion stays",
    "refused": "registered but refused as champion",
}


@dataclass(frozen=True)
class TrainingRequest:
    """What a person asked for: a table (None: a simulated bank), its label or its spec, how much to try, and with which algorithms."""

    data: Path | None
    label: str | None
    spec: str | None
    budget: str = "quick"
    algorithms: str | None = None


def summary_of(document: dict[str, Any]) -> str:
    """What `train --json` says, in a few lines for a person."""
    split = f"Held out {document['holdout_rows']:,} ({document['split']}), trained on {document['training_rows']:,}."
    head = f"{'candidate':<22}{'ROC-AUC':>9}{'PR-AUC':>9}{'F1':>8}{'precision':>11}{'recall':>8}{'Brier':>8}   on the holdout"
    lines = [
        f"Read {document['rows']:,} customers from {document['data']}:",
        f"{document['quarantined']:,} quarantined, {document['unlabelled']:,} without a label.",
        split,
        "",
        f"  {head}",
    ]
    for one in document["candidates"]:
        m, mark = one["metrics"], "  ← chosen out of fold" if one["name"] == document["algorithm"] else ""
        figures = f"{m['roc_auc']:9.4f}{m['pr_auc']:9.4f}{m['f1']:8.4f}{m['precision']:11.4f}{m['recall']:8.4f}{m['brier']:8.4f}"
        lines.append(f"  {one['name']:<22}{figures}{mark}")
    lines += ["", f"Version {document['model_version']} is {_STAGES[document['stage']]} (threshold {document['threshold']:.4f})."]
    failed = [gate for gate in document["gates"] if not gate["passed"]]
    lines += [f"  failed gate {gate['name']}: {gate['value']:.4f}, limit {gate['limit']:.4f}" for gate in failed]
    lines += [f"Quarantined rows: {document['quarantine']}"] if document["quarantine"] else []
    return "\n".join([*lines, f"Spec: {document['spec']}", *(f"Warning: {warning}" for warning in document["warnings"])])
