"""Reasons of customers: what each raw column adds to, or takes from, the number that the bundle serves, the strongest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.bundle.reasons.explain import Floats, Space, by_source, explain
from tidegate.bundle.reasons.sentences import Direction, direction_of, sentence_of
from tidegate.bundle.reasons.sources import Source, sources_of, words_of
from tidegate.bundle.scorer import Scorer
from tidegate.customers.rows import Rows
from tidegate.features import Matrix, compute


@dataclass(frozen=True)
class Explained:
    """n customers: `base` + the sums of `contributions`, float64 (n, sources), is each one's number in `space`.

    `order` (n, sources): positions of the contributions, the largest absolute value first; equal ones in the spec's order.
    """

    space: Space
    base: float
    sources: tuple[Source, ...]
    contributions: Floats
    order: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    rows: Rows
    matrix: Matrix


@dataclass(frozen=True)
class Reason:
    """One source of one customer. `value` is what was sent, of a ratio what it comes to (None where it is not defined)."""

    source: Source
    value: Any
    contribution: float
    direction: Direction
    sentence: str


def explain_rows(scorer: Scorer, rows: Rows) -> Explained:
    """What moved the scorer's answer for valid rows."""
    matrix = compute(scorer.plan, rows)
    explanation = explain(scorer.explainer(), matrix)
    names, contributions = by_source(scorer.plan, explanation.contributions)
    known = sources_of(scorer.contract)
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")
    sources = tuple(known[name] for name in names)
    return Explained(explanation.space, explanation.base, sources, contributions, order, rows, matrix)


def reasons_of(explained: Explained, row: int, customer: Mapping[str, Any], most: int) -> list[Reason]:
    """The `most` strongest reasons of one customer, as sent in `customer` (every feature column by name)."""
    found = []
    for place in explained.order[row, :most].tolist():
        source, contribution = explained.sources[place], float(explained.contributions[row, place])
        value = customer[source.name] if source.column is not None else _shortest(explained.matrix[row, source.place])
        found.append(Reason(source, value, contribution, direction_of(contribution), told(explained, row, place)))
    return found


def told(explained: Explained, row: int, place: int) -> str:
    """The sentence about one contribution of one customer."""
    source, direction = explained.sources[place], direction_of(float(explained.contributions[row, place]))
    return sentence_of(source.label, words_of(source, explained.rows, explained.matrix, row), direction)


def _shortest(value: np.float32) -> float | None:
    """A feature as the shortest number that is the same float32, None where it is missing."""
    return None if np.isnan(value) else float(str(value))
