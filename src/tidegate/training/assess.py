"""What the contest's result is worth: everything that is reported about the winner on the holdout, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.history import History
from tidegate.customers.split import Split
from tidegate.features import FeaturePlan, Matrix
from tidegate.measures.classification import measure, pr_auc
from tidegate.measures.curves import CalibrationBin, calibration_table
from tidegate.measures.intervals import Interval, measured
from tidegate.measures.profit import (
    ThresholdComparison,
    best_profit_threshold,
    customer_values,
    expected_maximum_profit,
    threshold_comparison,
)
from tidegate.training.arena import Contestant
from tidegate.training.candidates import Candidate
from tidegate.training.contest import Contest
from tidegate.training.evaluation.learning import LearningPoint
from tidegate.training.evaluation.segments import SegmentTable, segment_table
from tidegate.training.folds import fit
from tidegate.training.honesty import Finding, check_honesty
from tidegate.training.order import Order

Floats = NDArray[np.float64]
LEARNING_SHARES = (0.2, 0.4, 0.7, 1.0)
LEARNING_FOLDS = 2


@dataclass(frozen=True)
class Value:
    """Money on the holdout: two thresholds compared, the expected maximum profit a customer, and each customer's value, float64 (m,)."""

    comparison: ThresholdComparison
    expected_maximum_profit: float
    values: Floats


@dataclass(frozen=True)
class Assessment:
    """The winner at its operating threshold, and what is to be said of it; `metrics` on the holdout, `intervals` by model and metric."""

    threshold: float
    threshold_rule: str
    metrics: dict[str, float]
    intervals: Mapping[str, dict[str, Interval]]
    segments: SegmentTable
    calibration: tuple[CalibrationBin, ...]
    value: Value | None
    learning: tuple[LearningPoint, ...]
    findings: tuple[Finding, ...]


def values_of(order: Order, history: History, plan: FeaturePlan) -> Floats | None:
    """What keeping each customer is worth, float64 (n,); None where the spec names no prices. Raises SpecRefused."""
    return None if order.spec.money is None else customer_values(order.spec.money, plan.layout, history.rows)


def assess(
    order: Order, history: History, split: Split, plan: FeaturePlan, matrix: Matrix, values: Floats | None, contest: Contest
) -> Assessment:
    """Assess the winner. `matrix`: float32 (n, f) of all labelled rows; `values`: of `values_of`."""
    winner, label = contest.winner, history.label[split.holdout]
    threshold, rule = _threshold(order, contest, None if values is None else values[split.train])
    metrics = measure(label, winner.probability, threshold)
    intervals = {one.name: measured(label, one.probability, _at(one, winner, threshold), order.model_seed) for one in contest.contestants}
    return Assessment(
        threshold=threshold,
        threshold_rule=rule,
        metrics=metrics,
        intervals=intervals,
        segments=segment_table(order.spec, history.rows.take(split.holdout), label, winner.probability, threshold),
        calibration=calibration_table(label, winner.probability),
        value=None if values is None else _value(order, label, winner, values[split.holdout], threshold),
        learning=_learning(order, contest),
        findings=check_honesty(history, split, plan, matrix, winner.judged.metrics["roc_auc"], metrics["roc_auc"]),
    )


def _at(contestant: Contestant, winner: Contestant, threshold: float) -> float:
    return threshold if contestant is winner else contestant.judged.threshold


def _threshold(order: Order, contest: Contest, values: Floats | None) -> tuple[float, str]:
    """The operating threshold, out of fold: of the highest profit where the spec prices customers, else of the highest F1."""
    judged = contest.winner.judged
    if order.spec.money is None or values is None:
        return judged.threshold, "highest F1, out of fold"
    found = best_profit_threshold(order.spec.money, contest.arena.field.label, judged.probability, values)
    return found, "highest profit, out of fold"


def _value(order: Order, label: NDArray[np.int8], winner: Contestant, values: Floats, threshold: float) -> Value:
    money = order.spec.money
    assert money is not None
    compared = threshold_comparison(money, label, winner.probability, values, winner.judged.threshold, threshold, order.model_seed)
    return Value(compared, expected_maximum_profit(money, label, winner.probability, values), values)


def _learning(order: Order, contest: Contest) -> tuple[LearningPoint, ...]:
    """PR-AUC by the number of rows learned from, of the winner's first model, over the same judged folds."""
    field, first = contest.arena.field, contest.winner.model.members[0].name
    model = next(one for one in contest.contestants if one.name == first)
    candidate = _candidate(order, model)
    points = []
    for share in LEARNING_SHARES:
        rows, judged_values, training_values = [], [], []
        for number, (train, judged) in enumerate(field.folds[:LEARNING_FOLDS]):
            drawn = np.random.default_rng((field.seed, number)).permutation(train)
            some = np.sort(drawn[: max(2, round(share * len(train)))])
            if len(np.unique(field.label[some])) < 2 or len(np.unique(field.label[judged])) < 2:
                continue
            fitted = fit(candidate, field, some)
            rows.append(len(some))
            judged_values.append(pr_auc(field.label[judged], fitted.margin(field.matrix[judged])))
            training_values.append(pr_auc(field.label[some], fitted.margin(field.matrix[some])))
        if rows:
            points.append(LearningPoint(round(float(np.mean(rows))), float(np.mean(judged_values)), float(np.mean(training_values))))
    return tuple(points)


def _candidate(order: Order, contestant: Contestant) -> Candidate:
    parameters = {name: value for name, value in contestant.parameters.items() if name != "ratios"}
    known = next(candidate for candidate in order.candidates if candidate.name == contestant.algorithm)
    return replace(known, parameters=parameters, ratios=bool(contestant.parameters["ratios"]))
