"""Every model side by side, and what tuning and ensembles gained: `model_comparison_final.csv`, `model_improvements.csv`, one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from tidegate.measures.intervals import Interval
from tidegate.training.evaluation.comparison_picture import draw_comparison
from tidegate.training.evaluation.tables import Cell, write_table

Kind = Literal["baseline", "tuned", "ensemble"]
KINDS: tuple[Kind, ...] = ("baseline", "tuned", "ensemble")
MEASURES = {
    "composite": "the composite score",
    "pr_auc": "PR-AUC",
    "roc_auc": "ROC-AUC",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "accuracy": "accuracy",
    "brier": "the Brier score",
    "log_loss": "log-loss",
    "expected_calibration_error": "the expected calibration error",
}
LOWER_IS_BETTER = frozenset({"brier", "log_loss", "expected_calibration_error"})
SMALLEST_SAID = 0.0005  # differences that round away in three digits are called unchanged


@dataclass(frozen=True)
class Entry:
    """One model of a contest. The dicts are keyed as those of `measures.classification.measure`; intervals may lack keys."""

    name: str
    kind: Kind
    algorithm: str
    chosen: bool
    fit_cpu_seconds: float
    out_of_fold: dict[str, float]
    holdout: dict[str, float]
    holdout_intervals: dict[str, Interval]


def write_comparison(folder: Path, entries: Sequence[Entry]) -> None:
    """Write both tables and `model_comparison.png`, best out-of-fold composite score first. At least one entry."""
    ordered = best_first(entries)
    columns = [part for key in MEASURES for part in (f"out_of_fold_{key}", *(f"holdout_{key}{end}" for end in ("", "_low", "_high")))]
    header = ("model", "kind", "algorithm", "chosen", "fit_cpu_seconds", *columns)
    write_table(folder / "model_comparison_final.csv", header, [_comparison_row(entry) for entry in ordered])
    write_table(folder / "model_improvements.csv", IMPROVEMENT_HEADER, [_improvement_row(one) for one in improvements(entries)])
    draw_comparison(folder / "model_comparison.png", ordered)


def best_first(entries: Sequence[Entry]) -> list[Entry]:
    """By the out-of-fold composite score: the holdout only reports."""
    return sorted(entries, key=lambda entry: -entry.out_of_fold["composite"])


def _comparison_row(entry: Entry) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    for key in MEASURES:
        interval = entry.holdout_intervals.get(key)
        ends = (interval.low, interval.high) if interval else (None, None)
        cells += [entry.out_of_fold.get(key), entry.holdout.get(key), *ends]
    return (entry.name, entry.kind, entry.algorithm, entry.chosen, entry.fit_cpu_seconds, *cells)


@dataclass(frozen=True)
class Improvement:
    """What one step changed in one measure. `step` says which step, for people."""

    step: str
    before: Entry
    after: Entry
    measure: str

    @property
    def out_of_fold(self) -> float:
        """After less before, out of fold."""
        return self.after.out_of_fold[self.measure] - self.before.out_of_fold[self.measure]

    @property
    def holdout(self) -> float:
        """After less before, on the holdout."""
        return self.after.holdout[self.measure] - self.before.holdout[self.measure]

    @property
    def verdict(self) -> Literal["better", "worse", "unchanged"]:
        """What the out-of-fold difference means, whichever way the measure points."""
        if abs(self.out_of_fold) < SMALLEST_SAID:
            return "unchanged"
        return "better" if (self.out_of_fold < 0) == (self.measure in LOWER_IS_BETTER) else "worse"

    @property
    def in_words(self) -> str:
        """One sentence that needs no other column."""
        first, last = self.before, self.after
        key, name = self.measure, MEASURES[self.measure]
        change = {"better": f"improves {name}", "worse": f"worsens {name}", "unchanged": f"leaves {name} as it was"}[self.verdict]
        sentence = (
            f"{self.step} {change} out of fold: {first.out_of_fold[key]:.3f} to {last.out_of_fold[key]:.3f}; "
            f"on the holdout {first.holdout[key]:.3f} to {last.holdout[key]:.3f}"
        )
        interval = first.holdout_intervals.get(key)
        if interval and interval.low <= last.holdout[key] <= interval.high:
            return f"{sentence}, inside the interval of the former ({interval.low:.3f} to {interval.high:.3f})."
        return f"{sentence}."


IMPROVEMENT_HEADER = (
    "step",
    "from",
    "to",
    "measure",
    "out_of_fold_before",
    "out_of_fold_after",
    "out_of_fold_difference",
    "holdout_before",
    "holdout_after",
    "holdout_difference",
    "verdict",
    "in_words",
)


def improvements(entries: Sequence[Entry]) -> list[Improvement]:
    """Each algorithm's baseline → tuned, then the best baseline → the best tuned → the best ensemble, in every measure both have."""
    return [
        Improvement(step, before, after, key)
        for step, before, after in _steps(best_first(entries))
        for key in MEASURES
        if all(key in values for entry in (before, after) for values in (entry.out_of_fold, entry.holdout))
    ]


def _steps(ordered: Sequence[Entry]) -> Iterator[tuple[str, Entry, Entry]]:
    for algorithm in sorted({entry.algorithm for entry in ordered}):
        mine = [entry for entry in ordered if entry.algorithm == algorithm]
        before, after = (next((entry for entry in mine if entry.kind == kind), None) for kind in ("baseline", "tuned"))
        if before and after:
            yield f"Tuning {algorithm.replace('_', ' ')}", before, after
    best = [entry for entry in (next((one for one in ordered if one.kind == kind), None) for kind in KINDS) if entry]
    for before, after in pairwise(best):
        yield f"Going from the best {before.kind} ({before.name}) to the best {after.kind} ({after.name})", before, after


def _improvement_row(one: Improvement) -> tuple[Cell, ...]:
    first, last, key = one.before, one.after, one.measure
    return (
        one.step,
        first.name,
        last.name,
        key,
        first.out_of_fold[key],
        last.out_of_fold[key],
        one.out_of_fold,
        first.holdout[key],
        last.holdout[key],
        one.holdout,
        one.verdict,
        one.in_words,
    )
