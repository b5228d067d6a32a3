"""Whether what monitoring found asks for a renewal: a pure decision, with its reasons. Nothing here reads a file or a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tidegate.monitoring.alerts.conditions import batch_of, fallen_auc

MOST_NAMED = 8


@dataclass(frozen=True)
class Triggers:
    """A renewal begins above so many drifted features, or where ROC-AUC fell by more than this share of what the holdout promised."""

    drifted_features: int = 3
    roc_auc_drop: float = 0.05


@dataclass(frozen=True)
class Decision:
    """`renew`, `not_needed`, or `repair`: what is wrong is the data, and a model that learned from it would learn the fault."""

    what: Literal["renew", "not_needed", "repair"]
    reasons: tuple[str, ...]


def decide(found: Mapping[str, Any], triggers: Triggers) -> Decision:
    """What the document of a monitoring run asks for.

    `found` has `batch`, `drifted_features` (names), and perhaps `data_stability` (PASS, WARNING or FAIL), `realised` and `estimated`, each
    None or an object with `roc_auc` (perhaps among `metrics`) and `roc_auc_drop` (a share). What noise explains is no reason for anything:
    a drop within the interval, too few labels, an estimate that says it is not `trusted`.

    >>> decide({"batch": "b7", "drifted_features": ["age", "income", "limit", "balance"]}, Triggers()).reasons
    ('4 features drifted in batch b7, more than 3: age, income, limit, balance.',)
    >>> decide({"batch": "b7", "drifted_features": []}, Triggers()).what
    'not_needed'
    """
    batch, drifted = str(found.get("batch", "")), [str(name) for name in found.get("drifted_features") or ()]
    if found.get("data_stability") == "FAIL":
        return Decision("repair", (f"The data of batch {batch} failed its checks: repair the source, a renewal would learn the fault.",))
    reasons = []
    if len(drifted) > triggers.drifted_features:
        named = ", ".join(drifted[:MOST_NAMED]) + (f" and {len(drifted) - MOST_NAMED} more" if len(drifted) > MOST_NAMED else "")
        reasons.append(f"{len(drifted)} features drifted in batch {batch}, more than {triggers.drifted_features}: {named}.")
    for kind in ("realised", "estimated"):
        reasons += _worse(kind, found.get(kind), batch, triggers)
    if reasons:
        return Decision("renew", tuple(reasons))
    seen = f"{len(drifted)} drifted features (a renewal begins above {triggers.drifted_features})"
    return Decision("not_needed", (f"Batch {batch}: {seen}, and performance is not known to be worse.",))


def _worse(kind: str, performance: object, batch: str, triggers: Triggers) -> list[str]:
    fallen = fallen_auc(performance)
    if fallen is None:
        return []
    value, high, drop = fallen
    if drop <= triggers.roc_auc_drop or high >= value / (1 - drop):
        return []
    limit = f"more than {triggers.roc_auc_drop:.1%}"
    return [f"The {kind} ROC-AUC of batch {batch_of(performance, batch)} is {drop:.1%} below the holdout's, {limit}."]
