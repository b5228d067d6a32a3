"""Is the table too good to be true? Findings for the model card: what may flatter the metrics, said as something to check.

Pure functions of the training table. Single columns are judged on training rows only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.history import History
from tidegate.customers.inspection.leaks import MOST_CODES, SUSPICIOUS_AUC, level_auc, number_auc, rank_auc
from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL
from tidegate.customers.spec import OTHER
from tidegate.customers.split import Split, repeated_across
from tidegate.features import FeaturePlan, Matrix

Severity = Literal["ok", "note", "warning"]
SEED = 0
SUSPICIOUS_MODEL_AUC = 0.99
EXPECTED_CONTRARY = 25  # by chance a group misses an outcome that it should show 25 times once in e^25
MOST_NAMED = 5
PERMUTATION_BOUND = 3.3  # standard deviations of the AUC of a shuffled order: one order in a thousand goes beyond
SMALLEST_ORDER_EFFECT, LARGE_ORDER_EFFECT = 0.02, 0.1
NUMBERED = re.compile(r"(\d{1,15})$")
DAYS = (3_650, 47_482)  # 1980 to 2100 in days; periods that count years or months lie outside
REPEATED_WARNING = 0.01
RARE_NOTE, RARE_WARNING = 0.05, 0.01
FEW_NOTE, FEW_WARNING = 100, 25


@dataclass(frozen=True)
class Finding:
    """One check's answer: a sentence for people, and the numbers behind it (never a customer's row)."""

    name: str
    severity: Severity
    sentence: str
    evidence: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class _Column:
    """A column or ratio over all rows: numbers with NaN, or codes with MISSING_LEVEL. `levels` names codes."""

    name: str
    values: NDArray[np.float64] | NDArray[np.int32]
    levels: tuple[str, ...] | None


def check_honesty(
    history: History, split: Split, plan: FeaturePlan, matrix: Matrix, out_of_fold_roc_auc: float, holdout_roc_auc: float
) -> tuple[Finding, ...]:
    """Every check that applies to the table, in a fixed order, also those that found nothing. `matrix`: float32 (n, f), all rows."""
    left = history.label[split.train] == 1
    columns = list(_columns(history, plan, matrix))
    aucs = _lone_aucs(columns, split.train, left)
    found = [_duplicates(split, matrix), _target_like(aucs), _determined(columns, split.train, left)]
    if history.times is None:
        found.append(_order(history))
    else:
        found += [_time_travel(history.times, split), *_late_dates(history, plan, history.times)]
    found += [
        _suspicious_auc(aucs, out_of_fold_roc_auc),
        _holdout_gap(history.label[split.holdout], out_of_fold_roc_auc, holdout_roc_auc),
        _imbalance(left),
        _holdout_size(history.label[split.holdout]),
    ]
    return tuple(found)


def _columns(history: History, plan: FeaturePlan, matrix: Matrix) -> Iterator[_Column]:
    """Raw number columns, ratios and raw categories: what a person can look up in the table."""
    for column, numbers in zip(plan.layout.number_columns, history.rows.numbers, strict=True):
        yield _Column(column.name, numbers, None)
    first = len(plan.layout.number_columns)
    for place in range(first, first + len(plan.numerators)):
        yield _Column(plan.names[place], matrix[:, place].astype(np.float64), None)
    for column, codes in zip(plan.layout.category_columns, history.rows.codes, strict=True):
        yield _Column(column.name, codes, column.levels)


def _lone_aucs(columns: list[_Column], train: NDArray[np.int64], left: NDArray[np.bool_]) -> list[tuple[str, float]]:
    """Each column's ROC-AUC alone on training rows, 0.5 to 1, the strongest first."""
    first = np.random.default_rng(SEED).random(len(left)) < 0.5
    aucs = []
    for column in columns:
        values = column.values[train]
        if column.levels is None:
            aucs.append((column.name, number_auc(values.astype(np.float64), left, first)))
        else:
            aucs.append((column.name, level_auc(values.astype(np.int32), left, first)))
    return sorted(aucs, key=lambda pair: -pair[1])


def _duplicates(split: Split, matrix: Matrix) -> Finding:
    repeated = repeated_across(split, matrix)
    share = repeated / max(len(split.holdout), 1)
    evidence: dict[str, object] = {"rows": repeated, "share": share}
    if not repeated:
        return Finding("duplicates", "ok", "No holdout row occurs in training by its values.", evidence)
    occur = "row occurs" if repeated == 1 else "rows occur"
    sentence = f"{repeated:,} holdout {occur} in training by value ({share:.1%}): the holdout's metrics are kinder than new customers."
    return Finding("duplicates", "warning" if share >= REPEATED_WARNING else "note", sentence, evidence)


def _target_like(aucs: list[tuple[str, float]]) -> Finding:
    found = {name: round(auc, 4) for name, auc in aucs if auc >= SUSPICIOUS_AUC}
    if not found:
        return Finding("target_like", "ok", "No single column tells who left.", {"strongest": dict(aucs[:1])})
    sentence = f"{_listed(found)} alone nearly tells who left: check that it is known before a customer leaves, else set `feature = false`."
    return Finding("target_like", "warning", sentence, {"roc_auc": found})


def _determined(columns: list[_Column], train: NDArray[np.int64], left: NDArray[np.bool_]) -> Finding:
    """Values, levels, absence or presence behind which one outcome never occurs although it should have, many times over."""
    found = [group for column in columns for group in _pure_groups(column, train, left)]
    found.sort(key=lambda group: -int(str(group["rows"])))
    if not found:
        return Finding("determined", "ok", "No value, and no missing value, decides the outcome.")
    said = "; ".join(f"all {group['rows']:,} with {group['column']} {group['value']} {group['outcome']}" for group in found[:MOST_NAMED])
    more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    most = max(float(str(group["share_of_outcome"])) for group in found)
    sentence = f"Among training rows {said}{more}. Check that these are known before the outcome, and not written because of it."
    return Finding("determined", "warning" if most >= 0.5 else "note", sentence, {"groups": found[: 4 * MOST_NAMED]})


def _pure_groups(column: _Column, train: NDArray[np.int64], left: NDArray[np.bool_]) -> Iterator[dict[str, object]]:
    values = column.values[train]
    absent = ~np.isfinite(values) if column.levels is None else values == MISSING_LEVEL
    if absent.any():
        groups, names = absent.astype(np.int64), ["given", "missing"]
        yield from _pure(column.name, groups, names, left)
    present = values[~absent]
    distinct, groups = np.unique(present, return_inverse=True)
    if len(distinct) > 1 and (column.levels is not None or len(distinct) <= MOST_CODES):
        yield from _pure(column.name, groups, [_named(value, column.levels) for value in distinct.tolist()], left[~absent])


def _named(value: float, levels: tuple[str, ...] | None) -> str:
    if levels is None:
        return f"= {value:g}"
    return f"= {OTHER if value == OTHER_LEVEL else levels[int(value)]}"


def _pure(name: str, groups: NDArray[np.int64], names: list[str], left: NDArray[np.bool_]) -> Iterator[dict[str, object]]:
    rows, gone = np.bincount(groups, minlength=len(names)), np.bincount(groups, left, minlength=len(names))
    rate = float(left.mean())
    for group, value in enumerate(names):
        count, leavers = int(rows[group]), int(gone[group])
        if leavers == count and count * (1 - rate) >= EXPECTED_CONTRARY:
            yield {"column": name, "value": value, "rows": count, "outcome": "left", "share_of_outcome": round(count / int(left.sum()), 4)}
        elif not leavers and count * rate >= EXPECTED_CONTRARY:
            yield {
                "column": name,
                "value": value,
                "rows": count,
                "outcome": "stayed",
                "share_of_outcome": round(count / int((~left).sum()), 4),
            }


def _order(history: History) -> Finding:
    """Where no time is declared: a ranking by place in the file, or by the id's number, that tells who left hides a time or a selection."""
    left = history.label == 1
    orders = {"the row's place in the file": history.row_numbers.astype(np.float64), "the number of the id": _id_numbers(history.ids)}
    aucs = {name: rank_auc(values, left) for name, values in orders.items() if values is not None}
    leavers = int(left.sum())
    bound = PERMUTATION_BOUND * math.sqrt((len(left) + 1) / (12 * leavers * (len(left) - leavers)))
    strange = {name: auc for name, auc in aucs.items() if abs(auc - 0.5) > max(bound, SMALLEST_ORDER_EFFECT)}
    evidence: dict[str, object] = {"roc_auc": {name: round(auc, 4) for name, auc in aucs.items()}, "bound": round(bound, 4)}
    if not strange:
        return Finding("order", "ok", f"{_sentence_case(' and '.join(aucs))} {_says(aucs)} nothing about who left.", evidence)
    said = " and ".join(f"{name} (ROC-AUC {auc:.3f}, by chance 0.5 ± {bound:.3f})" for name, auc in strange.items())
    sentence = (
        f"{_sentence_case(said)} {_says(strange)} something about who left. Rows may be ordered by time or joined "
        "from lists made differently; if they have a time, declare it in the spec, so that the latest are held out."
    )
    severe = max(abs(auc - 0.5) for auc in strange.values()) >= LARGE_ORDER_EFFECT
    return Finding("order", "warning" if severe else "note", sentence, evidence)


def _id_numbers(ids: NDArray[np.object_] | None) -> NDArray[np.float64] | None:
    """The number at the end of each id, None where they bear none."""
    if ids is None:
        return None
    matches = [None if one is None else NUMBERED.search(str(one)) for one in ids]
    if any(match is None for match in matches):
        return None
    return np.array([float(match.group(1)) for match in matches if match is not None])


def _time_travel(times: NDArray[np.float64], split: Split) -> Finding:
    first = float(times[split.holdout].min())
    late = int((times[split.train] >= first).sum())
    evidence: dict[str, object] = {"training_rows_not_before_the_holdout": late}
    if not late:
        return Finding("time_travel", "ok", "Every training row lies before the first period that was held out.", evidence)
    sentence = f"{late:,} training rows do not lie before the first period that was held out: the model has seen what it is tested on."
    return Finding("time_travel", "warning", sentence, evidence)


def _late_dates(history: History, plan: FeaturePlan, times: NDArray[np.float64]) -> Iterator[Finding]:
    """Dates among the features that lie after the row's own time. Only where the time is a date, too."""
    dates = [(column.name, place) for place, column in enumerate(plan.layout.number_columns) if column.kind == "date"]
    if not dates or not DAYS[0] <= times.min() <= times.max() <= DAYS[1]:
        return
    left, late, telling = history.label == 1, {}, []
    for name, place in dates:
        after = history.rows.numbers[place] > times
        if after.any():
            late[name] = int(after.sum())
            if abs(rank_auc(after.astype(np.float64), left) - 0.5) >= SMALLEST_ORDER_EFFECT:
                telling.append(name)
    evidence: dict[str, object] = {"rows": late}
    if not late:
        yield Finding("late_dates", "ok", "No date among the features lies after its row's time.", evidence)
        return
    said = ", ".join(f"{name} in {count:,} rows" for name, count in late.items())
    why = f" Whether {' or '.join(telling)} does also tells who left." if telling else ""
    sentence = f"Dates lie after their row's time: {said}.{why} A date set in advance may; one written later may not be a feature."
    yield Finding("late_dates", "warning" if telling else "note", sentence, evidence)


def _suspicious_auc(aucs: list[tuple[str, float]], out_of_fold: float) -> Finding:
    strongest = {name: round(auc, 4) for name, auc in aucs[:3]}
    evidence: dict[str, object] = {"out_of_fold_roc_auc": out_of_fold, "strongest_alone": strongest}
    if out_of_fold < SUSPICIOUS_MODEL_AUC:
        return Finding("suspicious_auc", "ok", f"An out-of-fold ROC-AUC of {out_of_fold:.4f} is within what churn tables give.", evidence)
    sentence = (
        f"An out-of-fold ROC-AUC of {out_of_fold:.4f} is higher than churn tables usually allow. It may be right; before relying on it, "
        f"check that the strongest columns, {_listed(strongest)}, were all recorded before the customer decided, and over as long a period "
        "for those who left as for those who stayed."
    )
    return Finding("suspicious_auc", "note", sentence, evidence)


def _holdout_gap(label: NDArray[np.int8], out_of_fold: float, holdout: float) -> Finding:
    """Standard error of the holdout's AUC after Hanley & McNeil 1982."""
    leavers, stayers = int((label == 1).sum()), int((label != 1).sum())
    q1, q2, square = holdout / (2 - holdout), 2 * holdout**2 / (1 + holdout), holdout**2
    variance = holdout * (1 - holdout) + (leavers - 1) * (q1 - square) + (stayers - 1) * (q2 - square)
    error = math.sqrt(max(variance, 0.0) / (leavers * stayers))
    gap, bound = holdout - out_of_fold, 3 * error + 0.005
    evidence: dict[str, object] = {"out_of_fold_roc_auc": out_of_fold, "holdout_roc_auc": holdout, "bound": round(bound, 4)}
    both = f"ROC-AUC is {holdout:.4f} on the holdout and {out_of_fold:.4f} out of fold"
    if gap > bound:
        return Finding(
            "holdout_gap", "warning", f"{both}: better than chance explains. Look for rows or customers on both sides.", evidence
        )
    if gap < -bound:
        return Finding("holdout_gap", "note", f"{both}: worse than chance explains. Customers may have changed since.", evidence)
    return Finding("holdout_gap", "ok", f"{both}: as close as chance lets them be.", evidence)


def _imbalance(left: NDArray[np.bool_]) -> Finding:
    rate = float(left.mean())
    rarer = min(rate, 1 - rate)
    evidence: dict[str, object] = {"base_rate": round(rate, 6), "rows": len(left)}
    said = f"{rate:.2%} of the training rows left"
    if rarer >= RARE_NOTE:
        return Finding("imbalance", "ok", f"{said}: neither outcome is rare.", evidence)
    severity: Severity = "warning" if rarer < RARE_WARNING else "note"
    return Finding("imbalance", severity, f"{said}: read PR-AUC and recall; accuracy and ROC-AUC look good for any model here.", evidence)


def _holdout_size(label: NDArray[np.int8]) -> Finding:
    leavers = int((label == 1).sum())
    rarer = min(leavers, len(label) - leavers)
    evidence: dict[str, object] = {"rows": len(label), "left": leavers}
    said = f"The holdout has {len(label):,} rows, {leavers:,} of whom left"
    if rarer >= FEW_NOTE:
        return Finding("holdout_size", "ok", f"{said}: enough for intervals of a useful width.", evidence)
    severity: Severity = "warning" if rarer < FEW_WARNING else "note"
    return Finding("holdout_size", severity, f"{said}: too few to trust a second digit; read the intervals.", evidence)


def _listed(aucs: dict[str, float]) -> str:
    return ", ".join(f"{name} ({auc:.3f} alone)" for name, auc in aucs.items())


def _says(names: dict[str, float]) -> str:
    return "says" if len(names) == 1 else "say"


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
