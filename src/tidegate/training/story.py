"""The card's facts: what training knows, in plain values."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import numpy as np

from tidegate import __version__
from tidegate.customers.history import History
from tidegate.customers.split import Split
from tidegate.measures.intervals import Interval
from tidegate.training.assess import Assessment, Value
from tidegate.training.card.facts import Bounds, CalibrationBin, CardFacts, MoneyFacts, MoneyRow, Tried
from tidegate.training.card.sections import SEGMENT_COLUMNS
from tidegate.training.contest import Contest
from tidegate.training.order import BUDGETS, Order

IDENTICAL = (
    "With the same table, spec, seeds, number of trials and library versions, on the same kind of processor, training gives the same model"
    " files bit for bit.",
    "A served probability depends neither on the rows beside it nor on how many there are.",
)
NOT_IDENTICAL = (
    "The manifest and the card hold the time of training and CPU seconds.",
    "A search limited by time rather than by trials stops where the machine's speed lets it.",
    "Another processor or library version may round sums differently: expect the same quality, not the same bits.",
)


def facts_of(order: Order, history: History, split: Split, contest: Contest, assessment: Assessment) -> CardFacts:
    """Everything the card tells, apart from the drivers."""
    winner, tally = contest.winner, history.tally
    members = {member.name: member.weight for member in winner.model.members}
    return CardFacts(
        table=order.spec.name,
        meaning=order.spec.meaning,
        algorithm=winner.name,
        kind=winner.kind,
        created_at=order.now.isoformat(timespec="seconds"),
        code_version=__version__,
        data_file=order.data.name,
        data_sha256=history.sha256,
        window=_window(history),
        rows_read=tally.read,
        rows_quarantined=tally.quarantined,
        quarantined=dict(tally.rules),
        unlabelled=history.unlabelled,
        data_notes=history.warnings,
        training_rows=len(split.train),
        holdout_rows=len(split.holdout),
        split=split.kind,
        base_rate=float(history.label[split.train].mean()),
        threshold=assessment.threshold,
        threshold_rule=assessment.threshold_rule,
        why=contest.reason,
        members=members if winner.kind == "ensemble" else None,
        candidates=tuple(Tried(one.name, one.kind, one.judged.metrics, one.holdout, one is winner) for one in contest.contestants),
        metrics=_bounds(assessment.intervals[winner.name]),
        segments=tuple({name: getattr(group, name) for name in SEGMENT_COLUMNS} for group in assessment.segments.groups),
        segment_notes=_segment_notes(assessment),
        calibration=tuple(CalibrationBin(one.said, *_ends(one.happened), one.count) for one in assessment.calibration),
        findings=assessment.findings,
        money=None if assessment.value is None else money_facts(assessment.value),
        limits=_limits(order, history, contest),
        identical=IDENTICAL,
        not_identical=NOT_IDENTICAL,
        reproduce=reproduce(order),
    )


def reproduce(order: Order) -> str:
    """The command that trains this model again, the table by its name: a card travels, and where the table lay is nobody's business."""
    effort, usual = order.effort, BUDGETS[order.effort.budget]
    words = ["tidegate", "train", order.data.name, "--spec", "SPEC.toml", "--budget", effort.budget, "--seed", str(order.seed)]
    words += ["--model-seed", str(order.model_seed)] if order.model_seed != order.seed else []
    words += ["--search", effort.search] if effort.search not in (usual.search, "none") else []
    words += ["--trials", str(effort.trials)] if effort.trials is not None and effort.trials != usual.trials else []
    words += ["--smote"] if effort.smote else []
    return shlex.join(words) + "   # SPEC.toml: the bundle's spec.toml"


def money_facts(value: Value) -> MoneyFacts:
    """The two thresholds side by side, and what choosing F1's costs."""
    found = value.comparison
    rows = (
        MoneyRow("highest F1", found.f1_threshold, found.contacted_at_f1, _ends(found.at_f1)),
        MoneyRow("highest profit", found.profit_threshold, found.contacted_at_profit, _ends(found.at_profit)),
    )
    lost = found.lost_by_f1
    said = (
        f"Choosing the F1 threshold over the profit threshold costs {lost.value:,.0f} {found.currency} per 1,000 customers"
        f" (95 % interval {lost.low:,.0f} to {lost.high:,.0f}).",
        f"Expected maximum profit: {value.expected_maximum_profit:,.2f} {found.currency} a customer (Verbraken et al. 2013).",
    )
    return MoneyFacts(found.currency, rows, said)


def _bounds(intervals: Mapping[str, Interval]) -> dict[str, Bounds]:
    return {name: _ends(interval) for name, interval in intervals.items()}


def _ends(interval: Interval) -> Bounds:
    return interval.value, interval.low, interval.high


def _window(history: History) -> tuple[str, str] | None:
    if history.times is None:
        return None
    first, last = float(np.min(history.times)), float(np.max(history.times))
    return f"{first:g}", f"{last:g}"


def _segment_notes(assessment: Assessment) -> tuple[str, ...]:
    differences = (
        f"{one.column}: shares flagged differ by up to {one.demographic_parity_difference:.3f} between groups, error rates by up to "
        f"{one.equalised_odds_difference:.3f}."
        for one in assessment.segments.differences
        if one.demographic_parity_difference is not None and one.equalised_odds_difference is not None
    )
    return (*differences, *(f"{one.column}: {one.reason}" for one in assessment.segments.skipped))


def _limits(order: Order, history: History, contest: Contest) -> tuple[str, ...]:
    random = order.spec.time is None and order.spec.group is None
    said = [
        "The holdout only reports: no choice was made on it. Out-of-fold figures chose, so they are a little kinder than the holdout.",
        "It knows customers as they were in the table: it says nothing about what contacting them would change.",
    ]
    if random and history.times is None:
        said.append("The split is random, so nothing here shows how the model ages; monitor it.")
    if contest.arena.field.smote:
        said.append("Every model was trained on rows oversampled by SMOTE; calibration was done on rows as they are.")
    return tuple(said)
