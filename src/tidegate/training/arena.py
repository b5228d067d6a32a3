"""Where contestants are trained and measured: the same rows, folds and holdout for all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.calibration import calibrated
from tidegate.customers.split import Split
from tidegate.errors import NotEnoughData
from tidegate.features import Matrix, plan_features
from tidegate.measures.classification import measure
from tidegate.training.candidates import Candidate
from tidegate.training.choice import Judged, judge
from tidegate.training.ensembles import Ensemble
from tidegate.training.fitted import Labels
from tidegate.training.folds import Field, Fold, fit, fold_positions, out_of_fold_margins
from tidegate.training.model import Model, alone
from tidegate.training.order import Order
from tidegate.training.search import Trial

Kind = Literal["baseline", "tuned", "ensemble"]
ENSEMBLE_COMPLEXITY = 2
# Configurations are not compared with each other on the folds on which they are then compared with the rest.
SEARCH_SEED = 1_000_003


@dataclass(frozen=True)
class Contestant:
    """A model after the contest. `margins`: raw and out of fold, float64 (training rows,); `probability`: float64 (holdout rows,),
    calibrated; `holdout`: its metrics there; `fit_cpu_seconds`: of its five folds and its last fit.
    """

    name: str
    kind: Kind
    algorithm: str
    parameters: dict[str, Any]
    judged: Judged
    margins: NDArray[np.float64]
    model: Model
    probability: NDArray[np.float64]
    holdout: dict[str, float]
    fit_cpu_seconds: float
    trials: tuple[Trial, ...] = ()


@dataclass(frozen=True)
class Arena:
    """What contestants learn from and are judged on; the same rows in other folds for the search; the holdout, float32 and int8."""

    field: Field
    search_field: Field
    holdout_rows: Matrix
    holdout_label: Labels


def arena_of(order: Order, matrix: Matrix, label: Labels, split: Split) -> Arena:
    """The arena of an order. `matrix`: float32 (n, f) and `label`: int8 (n,) of all labelled rows."""
    rows, labels, seed = matrix[split.train], label[split.train], order.model_seed
    groups = split.groups[split.train] if split.groups is not None else None
    names = {ratio.name for ratio in order.spec.ratios}
    ratios = np.array([name in names for name in plan_features(order.spec).names])
    field = Field(rows, labels, fold_positions(labels, groups, seed), seed, order.effort.smote, ratios)
    searched = replace(field, folds=_with_both(labels, fold_positions(labels, groups, seed + SEARCH_SEED)))
    return Arena(field, searched, matrix[split.holdout], label[split.holdout])


def _with_both(label: Labels, folds: Sequence[Fold]) -> list[Fold]:
    """The folds that can judge a configuration: with whole groups, one may happen to hold nobody who left."""
    kept = [(train, judged) for train, judged in folds if len(np.unique(label[judged])) == 2]
    if not kept:
        raise NotEnoughData("No fold holds customers of both outcomes.", "Give more rows, or more and smaller groups.")
    return kept


def trained(arena: Arena, candidate: Candidate, kind: Kind, trials: Sequence[Trial] = ()) -> Contestant:
    """Fit a candidate out of fold and on all training rows, and measure it."""
    began = time.process_time()
    margins = out_of_fold_margins(candidate, arena.field)
    name = candidate.name if kind == "baseline" else f"{candidate.name}_{kind}"
    model = alone(fit(candidate, arena.field, slice(None)), name)
    seconds = time.process_time() - began
    judged = judge(name, candidate.complexity, arena.field.label, margins, model.space)
    return _measured(
        arena, kind, candidate.name, candidate.parameters | {"ratios": candidate.ratios}, judged, margins, model, seconds, tuple(trials)
    )


def combined(arena: Arena, ensemble: Ensemble, members: Sequence[Contestant]) -> Contestant:
    """Measure an ensemble of `members`, which are trained already: what it costs to fit is what they cost."""
    began = time.process_time()
    judged = judge(ensemble.name, ENSEMBLE_COMPLEXITY, arena.field.label, ensemble.margins, ensemble.model.space)
    parameters = {f"weight of {member.name}": member.weight for member in ensemble.model.members}
    seconds = time.process_time() - began + sum(member.fit_cpu_seconds for member in members)
    return _measured(arena, "ensemble", ensemble.name, parameters, judged, ensemble.margins, ensemble.model, seconds, ())


def _measured(
    arena: Arena,
    kind: Kind,
    algorithm: str,
    parameters: dict[str, Any],
    judged: Judged,
    margins: NDArray[np.float64],
    model: Model,
    seconds: float,
    trials: tuple[Trial, ...],
) -> Contestant:
    probability = calibrated(judged.calibration, model.margin(arena.holdout_rows))
    holdout = measure(arena.holdout_label, probability, judged.threshold)
    return Contestant(judged.name, kind, algorithm, parameters, judged, margins, model, probability, holdout, round(seconds, 2), trials)
