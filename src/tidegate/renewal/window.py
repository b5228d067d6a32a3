"""How many of the old customers a renewal learns from beside the new ones: chosen on the new ones, out of fold.

After a concept drift old customers teach what is no longer so; without one they are more to learn from. Nobody has to know which it is:
logistic regressions, seconds each, are trained with different numbers of old customers and judged on new ones that they did not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.calibration import calibrated, log_odds
from tidegate.features import Matrix
from tidegate.measures.classification import surprises
from tidegate.training.candidates import YARDSTICK, named
from tidegate.training.choice import platt
from tidegate.training.folds import Field, fit, fold_positions

Labels = NDArray[np.int8]
Rule = Literal["auto", "all", "new"]
FEWEST_NEW_LEAVERS = 100


@dataclass(frozen=True)
class Window:
    """Positions (int64) of the old rows to learn from, and why in a sentence."""

    old: NDArray[np.int64]
    reason: str


def choose_window(old: Matrix, old_label: Labels, new: Matrix, new_label: Labels, rule: Rule, seed: int) -> Window:
    """`all` old rows, none (`new`), or what suits the new rows best (`auto`): none of them, as many as there are new ones, or all.

    Of the windows whose log-loss is as low as the lowest within noise (paired, one-sided 95 %) the one with the most rows. Below 100 new
    leavers (or stayers) all old rows are kept, since the new ones alone would teach too little. Matrices float32 (n, f), labels int8 (n,).
    """
    every = np.arange(len(old_label))
    fewest = min(int(new_label.sum()), len(new_label) - int(new_label.sum()))
    if rule == "all" or (rule == "new" and not fewest):
        return Window(every, "every old customer is learned from, as set")
    if rule == "new":
        return Window(every[:0], "no old customer is learned from, as set")
    if fewest < FEWEST_NEW_LEAVERS:
        return Window(
            every, f"every old customer is learned from: the new ones hold {fewest} of one outcome, fewer than {FEWEST_NEW_LEAVERS}"
        )
    drawn = np.random.default_rng(seed).permutation(every)
    windows = [drawn[:size] for size in sorted({0, min(len(new_label), len(every)), len(every)})]
    losses = [_losses(old[kept], old_label[kept], new, new_label, seed) for kept in windows]
    best = min(losses, key=lambda one: float(one.mean()))
    equal = [number for number, one in enumerate(losses) if not _worse(one, best)]
    chosen = windows[max(equal)]
    return Window(np.sort(chosen), _why(len(chosen), len(every), float(best.mean()), float(losses[-1].mean())))


def weighted(window: Window, weight: float, seed: int) -> Window:
    """Of the window's old rows as many as `weight` (0 to 1) says, drawn at random, so that each counts that much against a new one.

    A draw and not weights in the loss: it means the same to every algorithm, to calibration, threshold and folds.

    >>> window = Window(np.arange(1_000), "all 1,000 old customers are learned from")
    >>> weighted(window, 0.25, seed=1).reason
    'all 1,000 old customers are learned from; 250 of them, drawn for their weight of 0.25'
    >>> weighted(window, 1, seed=1) is window
    True
    """
    if weight == 1 or not len(window.old):
        return window
    kept = np.random.default_rng((seed, len(window.old))).permutation(window.old)[: round(weight * len(window.old))]
    return Window(np.sort(kept), f"{window.reason}; {len(kept):,} of them, drawn for their weight of {weight:g}")


def _why(chosen: int, count: int, best: float, with_all: float) -> str:
    if chosen == count:
        return f"all {count:,} old customers are learned from: without them new ones are not foretold better (log-loss {with_all:.3f})"
    better = f"new ones are foretold better so (log-loss {best:.3f}, with all {with_all:.3f})"
    return f"{chosen:,} of {count:,} old customers are learned from: {better}"


def _worse(one: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    difference = one - best
    return bool(difference.mean() > 1.645 * difference.std() / np.sqrt(len(difference)))


def _losses(old: Matrix, old_label: Labels, new: Matrix, new_label: Labels, seed: int) -> NDArray[np.float64]:
    """Each new row's log-loss (nats), float64 (n,), by a model that learned from the old rows and the other new ones."""
    candidate = named(YARDSTICK)[0]
    matrix, label = np.concatenate([old, new]), np.concatenate([old_label, new_label])
    before = np.arange(len(old_label))
    field = Field(matrix, label, (), seed, False, np.zeros(matrix.shape[1], bool))
    margins = np.empty(len(new_label))
    for learned, judged in fold_positions(new_label, None, seed):
        fitted = fit(candidate, field, np.concatenate([before, len(before) + learned]))
        margins[judged] = log_odds(fitted.margin(new[judged]), fitted.space)
    # calibrated alike, so that a window is judged by what it knows and not by the share of leavers in it
    return surprises(new_label, calibrated(platt(margins, new_label), margins))
