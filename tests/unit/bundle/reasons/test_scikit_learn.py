"""scikit-learn's trees have no Shapley values of their own: the definition, over the library's own arrays, stands for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from tidegate.bundle.reasons.arrays import read_tree_arrays
from tidegate.bundle.reasons.forest import forest_contributions, grow
from tidegate.features import Matrix
from tidegate.training.export import write_tree_arrays
from tidegate.training.tree_dumps import trees_from_forest, trees_from_histogram_boosting
from tidegate.training.trees import Trees

FEATURES = 4
Value = Callable[[Matrix, frozenset[int]], float]


@pytest.fixture(scope="module")
def table() -> tuple[Matrix, Any]:
    generator = np.random.default_rng(11)
    matrix = generator.normal(size=(400, FEATURES)).astype(np.float32)
    label = (matrix[:, 0] * matrix[:, 1] + matrix[:, 2] + generator.normal(size=400) > 0.3).astype(np.int8)
    matrix[generator.random(matrix.shape) < 0.08] = np.nan
    return matrix, label


def of_forest(model: RandomForestClassifier) -> Value:
    """Mean share of leavers where only some features are known: elsewhere both sides count by the weight of the rows that took them."""

    def node(tree: Any, place: int, row: Matrix, known: frozenset[int]) -> float:
        left, right = tree.children_left[place], tree.children_right[place]
        if left < 0:
            return float(tree.value[place, 0, 1] / tree.value[place, 0].sum())
        if tree.feature[place] in known:
            value = row[tree.feature[place]]
            goes_left = tree.missing_go_to_left[place] if math.isnan(value) else value <= tree.threshold[place]
            return node(tree, left if goes_left else right, row, known)
        weight = tree.weighted_n_node_samples
        return sum(weight[side] * node(tree, side, row, known) for side in (left, right)) / float(weight[left] + weight[right])

    trees = [one.tree_ for one in model.estimators_]
    return lambda row, known: math.fsum(node(tree, 0, row, known) for tree in trees) / len(trees)


def of_histograms(model: HistGradientBoostingClassifier) -> Value:
    """The log-odds, likewise, over the library's predictors, whose nodes count the rows that reached them."""

    def node(nodes: Any, place: int, row: Matrix, known: frozenset[int]) -> float:
        here = nodes[place]
        if here["is_leaf"]:
            return float(here["value"])
        left, right = int(here["left"]), int(here["right"])
        if int(here["feature_idx"]) in known:
            value = float(row[here["feature_idx"]])
            goes_left = here["missing_go_to_left"] if math.isnan(value) else value <= here["num_threshold"]
            return node(nodes, left if goes_left else right, row, known)
        count = nodes["count"]
        return sum(float(count[side]) * node(nodes, side, row, known) for side in (left, right)) / float(count[left] + count[right])

    trees = [predictor.nodes for (predictor,) in model._predictors]
    start = float(np.ravel(model._baseline_prediction)[0])
    return lambda row, known: math.fsum([start, *(node(nodes, 0, row, known) for nodes in trees)])


def shapley(value: Value, row: Matrix) -> list[float]:
    groups = {frozenset(group): 0.0 for size in range(FEATURES + 1) for group in combinations(range(FEATURES), size)}
    worth = {group: value(row, group) for group in groups}
    found = []
    for feature in range(FEATURES):
        without = [group for group in groups if feature not in group]
        weights = [1 / (FEATURES * math.comb(FEATURES - 1, len(group))) for group in without]
        found.append(math.fsum(w * (worth[group | {feature}] - worth[group]) for w, group in zip(weights, without, strict=True)))
    return found


def require_agreement(trees: Trees, value: Value, matrix: Matrix, folder: Path) -> None:
    write_tree_arrays(folder / "trees.npz", [trees])
    forest = grow(read_tree_arrays(folder / "trees.npz", FEATURES, 1), 0)
    assert abs(forest.base - value(matrix[0], frozenset())) < 1e-9
    contributions = forest_contributions(forest, matrix)
    assert np.abs(contributions - [shapley(value, row) for row in matrix]).max() < 1e-9
    assert np.abs(contributions).max() > 0.05


def test_a_random_forest_agrees(table: tuple[Matrix, Any], tmp_path: Path) -> None:
    model = RandomForestClassifier(n_estimators=8, max_depth=5, min_samples_leaf=4, random_state=0).fit(*table)
    require_agreement(trees_from_forest(model.estimators_), of_forest(model), table[0][:25], tmp_path)


def test_histogram_gradient_boosting_agrees(table: tuple[Matrix, Any], tmp_path: Path) -> None:
    model = HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=8, early_stopping=False, random_state=0).fit(*table)
    require_agreement(trees_from_histogram_boosting(model), of_histograms(model), table[0][:25], tmp_path)
