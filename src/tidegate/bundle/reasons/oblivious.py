"""Oblivious trees (CatBoost's) ask one question a level: d questions leave 2^d kinds of rows, each explained once and then looked up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.reasons.forest import BLOCK_ELEMENTS, Forest, given_by_node
from tidegate.features import Matrix

Floats = NDArray[np.float64]
MOST_QUESTIONS = 6  # beyond it the table takes longer to fill than it saves


@dataclass(frozen=True)
class Answers:
    """t trees of d questions: `feature`, `threshold`, `missing_left` (t·d,), and what every answer to them gives, `table` (t, 2^d, d).

    Bit k of an answer says that the row goes left at depth k.
    """

    feature: NDArray[np.int32]
    threshold: Floats
    missing_left: NDArray[np.bool_]
    table: Floats


def answers_of(forest: Forest) -> Answers | None:
    """The table of a forest whose trees are all oblivious and of one depth ≤ 6; None for any other."""
    depth, trees = len(forest.levels), forest.levels[0][1]
    sizes = [stop - start for start, stop in forest.levels]
    if depth > MOST_QUESTIONS or sizes != [trees << level for level in range(depth)]:
        return None
    asked = [getattr(forest, name) for name in ("feature", "threshold", "missing_left")]
    by_level = [[values[start:stop].reshape(trees, -1) for start, stop in forest.levels] for values in asked]
    if any((values != values[:, :1]).any() for levels in by_level for values in levels):
        return None
    first = [np.stack([values[:, 0] for values in levels], axis=1).ravel() for levels in by_level]
    return Answers(first[0], first[1], first[2], _table(forest, depth, trees))


def _table(forest: Forest, depth: int, trees: int) -> Floats:
    table = np.empty((trees, 1 << depth, depth))
    step = max(1, BLOCK_ELEMENTS // len(forest.ratio))
    level_of = np.repeat(np.arange(depth), [stop - start for start, stop in forest.levels])
    for first in range(0, 1 << depth, step):
        answers = np.arange(first, min(first + step, 1 << depth))
        given = given_by_node(forest, (answers >> level_of[:, None] & 1).astype(bool))
        for level, (start, stop) in enumerate(forest.levels):
            table[:, answers, level] = given[start:stop].reshape(trees, -1, len(answers)).sum(axis=1)
    return table / forest.divisor


def looked_up(answers: Answers, matrix: Matrix) -> Floats:
    """Shapley values of the margin, float64 (n, f), for float32 (n, f)."""
    trees, _, depth = answers.table.shape
    result = np.empty(matrix.shape)
    for start in range(0, len(matrix), step := max(1, BLOCK_ELEMENTS // len(answers.feature))):
        asked = matrix[start : start + step, answers.feature]
        left = (asked <= answers.threshold) | (np.isnan(asked) & answers.missing_left)
        answer = (left.reshape(-1, trees, depth) << np.arange(depth)).sum(axis=2)
        given = answers.table[np.arange(trees), answer].reshape(len(asked), -1)
        for position, values in enumerate(given):
            result[start + position] = np.bincount(answers.feature, values, matrix.shape[1])
    return result
