"""How the model treats groups of customers at the operating threshold, and how far apart groups are.

Group measures and differences come from fairlearn (Bird et al. 2020): demographic parity difference is the largest less the smallest
share flagged, equalised odds difference the larger of the same for recall and for the false-positive rate (Hardt, Price & Srebro 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import Rows
from tidegate.customers.spec import TableSpec
from tidegate.measures.classification import Floats, Labels, roc_auc
from tidegate.measures.intervals import Interval, wilson
from tidegate.training.evaluation.groups import Grouping, group_rows

FEWEST_ROWS = 30
FEWEST_OF_CLASS = 10


@dataclass(frozen=True)
class SegmentGroup:
    """One group. A rate over nobody is None, as is ROC-AUC of one class; `note` is not empty where there are too few to say anything."""

    column: str
    group: str
    customers: int
    left: int
    base_rate: float
    mean_probability: float
    selection_rate: float
    recall: Interval | None
    false_positive_rate: Interval | None
    precision: float | None
    roc_auc: float | None
    note: str


@dataclass(frozen=True)
class SegmentDifference:
    """The largest differences between the groups of one column that are large enough; None with a note where there are not two."""

    column: str
    groups_compared: int
    demographic_parity_difference: float | None
    equalised_odds_difference: float | None
    note: str


@dataclass(frozen=True)
class Skipped:
    """A segment that could not be judged on these rows."""

    column: str
    reason: str


@dataclass(frozen=True)
class SegmentTable:
    """Every segment of a spec on one set of rows. `everyone`: all rows as one group."""

    everyone: SegmentGroup
    groups: tuple[SegmentGroup, ...]
    differences: tuple[SegmentDifference, ...]
    skipped: tuple[Skipped, ...]


def segment_table(spec: TableSpec, rows: Rows, label: Labels, probability: Floats, threshold: float) -> SegmentTable:
    """Judge every segment of the spec. `rows`: n customers, `label`: int8 (n,), `probability`: float64 (n,). Empty groups are left out."""
    groups: list[SegmentGroup] = []
    differences, skipped = [], []
    for segment in spec.segments:
        grouping = group_rows(spec, segment, rows)
        if isinstance(grouping, str):
            skipped.append(Skipped(segment.column, grouping))
            continue
        found = judge_groups(grouping, label, probability, threshold)
        groups += found
        differences.append(_difference(grouping, found, label, probability >= threshold))
    alone = Grouping("", ("everyone",), np.zeros(len(label), np.int64))
    return SegmentTable(judge_groups(alone, label, probability, threshold)[0], tuple(groups), tuple(differences), tuple(skipped))


def judge_groups(grouping: Grouping, label: Labels, probability: Floats, threshold: float) -> list[SegmentGroup]:
    """Measure each group that has customers, in the grouping's order."""
    from fairlearn.metrics import MetricFrame, count, false_positive_rate, mean_prediction, selection_rate, true_positive_rate

    decided = {"selection_rate": selection_rate, "recall": true_positive_rate, "false_positive_rate": false_positive_rate}
    inputs = {"y_true": label, "sensitive_features": grouping.group}
    rates = MetricFrame(metrics={"customers": count, **decided}, y_pred=(probability >= threshold).astype(np.int8), **inputs)
    scores = {"mean_probability": mean_prediction, "base_rate": _base_rate, "roc_auc": roc_auc}
    scored = MetricFrame(metrics=scores, y_pred=probability, **inputs)
    table = rates.by_group.join(scored.by_group)
    return [_group(grouping, code, row) for code, row in zip(table.index, table.to_dict("records"), strict=True)]


def _base_rate(label: Any, _: Any) -> float:
    return float(np.mean(label))


def _group(grouping: Grouping, code: int, row: dict[str, float]) -> SegmentGroup:
    customers = round(row["customers"])
    left = round(row["base_rate"] * customers)
    found, alarmed = round(row["recall"] * left), round(row["false_positive_rate"] * (customers - left))
    return SegmentGroup(
        column=grouping.column,
        group=grouping.names[code],
        customers=customers,
        left=left,
        base_rate=float(row["base_rate"]),
        mean_probability=float(row["mean_probability"]),
        selection_rate=float(row["selection_rate"]),
        recall=wilson(found, left) if left else None,
        false_positive_rate=wilson(alarmed, customers - left) if customers > left else None,
        precision=found / (found + alarmed) if found + alarmed else None,
        roc_auc=None if np.isnan(row["roc_auc"]) else float(row["roc_auc"]),
        note=_too_few(customers, left),
    )


def _too_few(customers: int, left: int) -> str:
    if customers < FEWEST_ROWS:
        return f"fewer than {FEWEST_ROWS} customers: too few to judge"
    if left < FEWEST_OF_CLASS:
        return f"fewer than {FEWEST_OF_CLASS} who left: too few to judge"
    return f"fewer than {FEWEST_OF_CLASS} who stayed: too few to judge" if customers - left < FEWEST_OF_CLASS else ""


def _difference(grouping: Grouping, groups: list[SegmentGroup], label: Labels, flagged: NDArray[np.bool_]) -> SegmentDifference:
    """Between groups that are large enough only: with three customers in a group, any difference is chance."""
    from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

    large = [grouping.names.index(group.group) for group in groups if not group.note]
    if len(large) < 2:
        return SegmentDifference(grouping.column, len(large), None, None, "fewer than two groups are large enough to compare")
    kept = np.isin(grouping.group, large)
    truth, said, group = label[kept], flagged[kept].astype(np.int8), grouping.group[kept]
    parity = demographic_parity_difference(truth, said, sensitive_features=group)
    odds = equalized_odds_difference(truth, said, sensitive_features=group)
    left_out = len(groups) - len(large)
    note = f"without {left_out} group{'s' if left_out > 1 else ''} too small to judge" if left_out else ""
    return SegmentDifference(grouping.column, len(large), float(parity), float(odds), note)
