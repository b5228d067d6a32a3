"""The contest: every candidate is judged out of fold, refitted on all training rows, and only then measured on the holdout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.scorer import calibrated
from tidegate.customers.split import Split
from tidegate.features import Matrix
from tidegate.measures.classification import measure
from tidegate.measures.intervals import composite_measure, paired_difference
from tidegate.registry.promote import Gate, first_champion_gates
from tidegate.training.candidates import YARDSTICK, Candidate
from tidegate.training.choice import Judged, choose, evidence, judge
from tidegate.training.fitted import Fitted
from tidegate.training.folds import fold_positions, out_of_fold_margins
from tidegate.training.order import Order

Progress = Callable[[str, float], None]
Labels = NDArray[np.int8]


@dataclass(frozen=True)
class Contestant:
    """A candidate after the contest. `probability`: float64 (holdout rows,), calibrated; `holdout`: its metrics there."""

    candidate: Candidate
    judged: Judged
    fitted: Fitted
    probability: NDArray[np.float64]
    holdout: dict[str, float]


@dataclass(frozen=True)
class Contest:
    """Everybody who took part, and who was chosen from out-of-fold predictions alone."""

    contestants: tuple[Contestant, ...]
    winner: Contestant


def compete(order: Order, matrix: Matrix, label: Labels, split: Split, progress: Progress) -> Contest:
    """Judge, refit and measure every candidate of the order. `matrix`: float32 (n, f); `label`: int8 (n,)."""
    rows, labels = matrix[split.train], label[split.train]
    groups = split.groups[split.train] if split.groups is not None else None
    folds = fold_positions(labels, groups, order.seed)
    contestants = []
    for number, candidate in enumerate(order.candidates):
        progress(f"Training {candidate.name.replace('_', ' ')}", 0.05 + 0.8 * number / len(order.candidates))
        margins = out_of_fold_margins(candidate, rows, labels, folds, order.seed)
        fitted = candidate.fit(rows, labels, order.seed, candidate.parameters)
        judged = judge(candidate.name, candidate.complexity, labels, margins, fitted.space)
        probability = calibrated(judged.calibration, fitted.margin(matrix[split.holdout]))
        holdout = measure(label[split.holdout], probability, judged.threshold)
        contestants.append(Contestant(candidate, judged, fitted, probability, holdout))
    chosen = choose([contestant.judged for contestant in contestants], labels, order.seed)
    winner = next(contestant for contestant in contestants if contestant.judged is chosen)
    return Contest(tuple(contestants), winner)


def gates_of(contest: Contest, label: Labels, seed: int) -> tuple[Gate, ...]:
    """The first champion's gates on out-of-fold evidence; `label`: int8 (training rows,)."""
    winner = contest.winner.judged
    logistic = next(contestant.judged for contestant in contest.contestants if contestant.candidate.name == YARDSTICK)
    against = None
    if winner is not logistic:
        mine, simple = (composite_measure(label, judged.probability, judged.threshold) for judged in (winner, logistic))
        against = paired_difference(mine, simple, len(label), seed)
    seen = evidence(winner, label, seed)
    return first_champion_gates(seen["roc_auc"], seen["pr_auc"], float(label.mean()), against)
