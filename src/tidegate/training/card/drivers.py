"""What moves a model: the mean absolute Shapley value of each raw column over some training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidegate.bundle.reasons.explain import Explainer, by_source, explain
from tidegate.customers.spec import TableSpec
from tidegate.features import FeaturePlan, Matrix

MOST_ROWS, FEWEST_ROWS = 1_000, 100
MOST_WORK = 4e8  # tree edges × quadrature points × rows; a large forest is explained on fewer rows


@dataclass(frozen=True)
class Driver:
    """A raw column or ratio, how far it moves a prediction on average, and what the spec says about it."""

    name: str
    mean_absolute: float
    meaning: str
    unit: str


@dataclass(frozen=True)
class Drivers:
    """The drivers, the strongest first, in the explanation's space, over `rows` training rows."""

    space: str
    rows: int
    columns: tuple[Driver, ...]


def find_drivers(explainer: Explainer, spec: TableSpec, plan: FeaturePlan, matrix: Matrix, seed: int) -> Drivers:
    """Mean |contribution| by source over at most 1,000 rows of float32 (n, f), drawn by `seed`. Columns that move nothing are left out."""
    count = min(len(matrix), max(FEWEST_ROWS, min(MOST_ROWS, int(MOST_WORK / max(explainer.work, 1)))))
    drawn = np.sort(np.random.default_rng(seed).permutation(len(matrix))[:count])
    explanation = explain(explainer, matrix[drawn])
    names, contributions = by_source(plan, explanation.contributions)
    strength = np.abs(contributions).mean(axis=0)
    order = [int(place) for place in np.argsort(-strength, kind="stable") if strength[place] > 0]
    columns = tuple(Driver(names[place], float(strength[place]), *_described(spec, names[place])) for place in order)
    return Drivers(explanation.space, count, columns)


def _described(spec: TableSpec, name: str) -> tuple[str, str]:
    if name in spec.columns:
        return spec.columns[name].meaning, spec.columns[name].unit
    return next((ratio.meaning for ratio in spec.ratios if ratio.name == name), ""), ""
