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
    """What a person asked for: a table (None: a simulated bank), its label or its spec, and how much to try of what."""

    data: Path | None
    label: str | None
    spec: str | None
    budget: str = "standard"
    algorithms: str | None = None
    search: str | None = None
    trials: int | None = None
    minutes: float | None = None
    smote: bool = False
    model_seed: int | None = None


def summary_of(document: dict[str, Any]) -> str:
    """What `train --json` says, in a few lines for a person."""
    split = f"Held out {document['holdout_rows']:,} ({document['split']}), trained on {document['training_rows']:,}."
    head = f"{'model':<26}{'ROC-AUC':>9}{'PR-AUC':>9}{'F1':>8}{'precision':>11}{'recall':>8}{'Brier':>8}{'log-loss':>10}   on the holdout"
    lines = [
        f"Read {document['rows']:,} customers from {document['data']}:",
        f"{document['quarantined']:,} quarantined, {document['unlabelled']:,} without a label.",
        split,
        "",
        f"  {head}",
    ]
    for one in document["candidates"]:
        m, mark = one["metrics"], "  ← chosen" if one["name"] == document["algorithm"] else ""
        figures = f"{m['roc_auc']:9.4f}{m['pr_auc']:9.4f}{m['f1']:8.4f}{m['precision']:11.4f}{m['recall']:8.4f}{m['brier']:8.4f}"
        lines.append(f"  {one['name']:<26}{figures}{m['log_loss']:10.4f}{mark}")
    low, high = document["metric_intervals"]["pr_auc"]
    chosen = f"{document['reason']} Its PR-AUC on the holdout lies between {low:.4f} and {high:.4f} (95 %)."
    threshold = f"threshold {document['threshold']:.4f}: {document['threshold_rule']}"
    lines += ["", chosen[0].upper() + chosen[1:], *_money(document)]
    lines += ["", f"Version {document['model_version']} is {_STAGES[document['stage']]} ({threshold})."]
    failed = [gate for gate in document["gates"] if not gate["passed"]]
    lines += [f"  failed gate {gate['name']}: {gate['value']:.4f}, limit {gate['limit']:.4f}" for gate in failed]
    lines += [f"Quarantined rows: {document['quarantine']}"] if document["quarantine"] else []
    lines += [f"Model card: {document['card']}", f"Evaluation: {document['evaluation']}", f"Spec: {document['spec']}"]
    return "\n".join([*lines, *(f"Warning: {warning}" for warning in document["warnings"])])


def _money(document: dict[str, Any]) -> list[str]:
    money = document["money"]
    if money is None:
        return []
    lost, profit = money["lost_by_f1"], money["at_profit"]
    return [
        f"Contacting at this threshold brings {profit['value']:,.0f} {money['currency']} per 1,000 customers; "
        f"the F1 threshold {money['f1_threshold']:.4f} would cost {lost['value']:,.0f} of it ({lost['low']:,.0f} to {lost['high']:,.0f})."
    ]
