"""Ensembles of what was already trained: soft voting, a weighted average of log-odds, and stacking. No model is fitted anew for them.

Members are chosen and weighted on out-of-fold predictions, and the weights that judge a fold are found on the other folds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.calibration import calibrated, log_odds
from tidegate.bundle.manifest import Member
from tidegate.bundle.model import combine
from tidegate.measures.classification import log_loss
from tidegate.training.choice import Judged, platt
from tidegate.training.fitted import Labels
from tidegate.training.folds import Fold
from tidegate.training.model import Model, together

Floats = NDArray[np.float64]
MOST_MEMBERS = 3
LEAST_GAIN = 0.001  # of the log-loss: less is not worth another model's time in every answer


@dataclass(frozen=True, eq=False)
class Part:
    """What may enter an ensemble: a judged model and its raw out-of-fold margins float64 (n,)."""

    judged: Judged
    margins: Floats
    model: Model


@dataclass(frozen=True)
class Ensemble:
    """A combination with its out-of-fold margins float64 (n,)."""

    name: str
    model: Model
    margins: Floats


def ensembles_of(parts: Sequence[Part], label: Labels, folds: Sequence[Fold]) -> tuple[Ensemble, ...]:
    """The three ensembles of the members that go well together; none where only one is worth having."""
    chosen = members_of(parts, label)
    if len(chosen) < 2:
        return ()
    logits = np.stack([_logit(part) for part in chosen], axis=1)
    equal = np.full(len(chosen), 1 / len(chosen))
    voting = _model(chosen, equal, "voting")
    ensembles = [Ensemble("soft_voting", voting, combine(voting.members, "voting", np.stack([part.margins for part in chosen], axis=1)))]
    for name, weigh in (("logit_average", averaging_weights), ("stacking", stacking_weights)):
        model = _model(chosen, weigh(logits, label), "logit")
        ensembles.append(Ensemble(name, model, _cross_fitted(logits, label, folds, weigh)))
    return tuple(ensembles)


def members_of(parts: Sequence[Part], label: Labels) -> list[Part]:
    """Forward selection by the log-loss of the plain average of log-odds (Caruana et al. 2004): at most three, each worth its time.

    Two models of one algorithm, as it comes and as tuned, may both enter.
    """
    chosen: list[Part] = []
    loss = float("inf")
    while len(chosen) < min(MOST_MEMBERS, len(parts)):
        losses = {number: _average_loss([*chosen, part], label) for number, part in enumerate(parts) if part not in chosen}
        best = min(losses, key=lambda number: losses[number])
        if losses[best] > loss * (1 - LEAST_GAIN):
            break
        loss = losses[best]
        chosen.append(parts[best])
    return chosen


def averaging_weights(logits: Floats, label: Labels) -> Floats:
    """Weights (m,) of log-odds (n, m), none negative, adding up to one, with the lowest log-loss of the calibrated average."""
    from scipy.optimize import minimize

    def loss(free: Floats) -> float:
        average = logits @ _softmax(free)
        return log_loss(label, calibrated(platt(average, label), average))

    start = np.zeros(logits.shape[1])
    found = minimize(loss, start, method="Nelder-Mead", options={"maxfev": 40 * len(start), "xatol": 0.01, "fatol": 1e-7})
    weights: Floats = _softmax(np.asarray(found.x, np.float64))
    return weights


def stacking_weights(logits: Floats, label: Labels) -> Floats:
    """Coefficients (m,) of a logistic regression of the label on log-odds (n, m) (Wolpert 1992); calibration finds the intercept."""
    from sklearn.linear_model import LogisticRegression

    return np.asarray(LogisticRegression(C=1.0, max_iter=1000).fit(logits, label).coef_[0], np.float64)


def _softmax(free: Floats) -> Floats:
    grown = np.exp(free - free.max())
    return np.asarray(grown / grown.sum(), np.float64)


def _cross_fitted(logits: Floats, label: Labels, folds: Sequence[Fold], weigh: Callable[[Floats, Labels], Floats]) -> Floats:
    margins = np.empty(len(label), np.float64)
    for train, judged in folds:
        margins[judged] = logits[judged] @ weigh(logits[train], label[train])
    return margins


def _logit(part: Part) -> Floats:
    calibration = part.judged.calibration
    return calibration.slope * log_odds(part.margins, calibration.space) + calibration.intercept


def _average_loss(parts: Sequence[Part], label: Labels) -> float:
    average = np.mean([_logit(part) for part in parts], axis=0)
    return log_loss(label, calibrated(platt(average, label), average))


def _model(parts: Sequence[Part], weights: Floats, combination: Literal["voting", "logit"]) -> Model:
    members = [
        Member(name=part.judged.name, kind=part.model.members[0].kind, calibration=part.judged.calibration, weight=float(weight))
        for part, weight in zip(parts, weights, strict=True)
    ]
    return together([part.model.parts[0] for part in parts], members, combination)
