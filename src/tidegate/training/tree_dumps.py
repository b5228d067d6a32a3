"""Each library's own dump → `Trees`. The libraries differ in which side equality goes to and where a missing value goes; the form does not.

A leaf's cover is what the library itself weighs it by when it explains a prediction: rows (LightGBM, histogram boosting), summed Hessians
(XGBoost), weights (CatBoost, random forest).

Features are float32. A library that compares `x < t` in float32 goes left exactly where x ≤ the float32 just below t.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tidegate.training.trees import Trees

LIGHTGBM_ZERO = float(np.float32(1e-35))


def trees_from_lightgbm(dump: Mapping[str, Any]) -> Trees:
    """A LightGBM booster's `dump_model()`: x ≤ threshold goes left; numerical splits only."""
    trees = Trees()
    for info in dump["tree_info"]:
        _plant(trees, *_lightgbm_node(trees, info["tree_structure"]))
    return trees


def _lightgbm_node(trees: Trees, node: Mapping[str, Any]) -> tuple[int, bool]:
    if "left_child" not in node:
        return trees.add_leaf(float(node["leaf_value"]), float(node.get("leaf_count", 1.0))), True
    threshold = _beside_zero(float(node["threshold"]))
    # Where training saw no missing value, LightGBM reads one as zero.
    missing_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0.0
    position = trees.add_node(int(node["split_feature"]), threshold, missing_left)
    trees.link(position, _lightgbm_node(trees, node["left_child"]), _lightgbm_node(trees, node["right_child"]))
    return position, False


def _beside_zero(threshold: float) -> float:
    """LightGBM reads every |x| ≤ 1e-35 as zero: a threshold within that band has all of the band on one side."""
    if -LIGHTGBM_ZERO <= threshold < 0.0:
        return float(np.nextafter(np.float32(-LIGHTGBM_ZERO), np.float32(-np.inf)))
    return LIGHTGBM_ZERO if 0.0 <= threshold < LIGHTGBM_ZERO else threshold


def trees_from_xgboost(raw: bytes) -> Trees:
    """An XGBoost booster's `save_raw("json")`: x < condition goes left, both float32; the base score is a probability."""
    learner = json.loads(raw)["learner"]
    base = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
    trees = Trees(offset=float(np.log(base) - np.log1p(-base)))
    for tree in learner["gradient_booster"]["model"]["trees"]:
        _plant(trees, *_xgboost_node(trees, tree, 0))
    return trees


def _xgboost_node(trees: Trees, tree: Mapping[str, Any], node: int) -> tuple[int, bool]:
    condition = np.float32(tree["split_conditions"][node])
    if tree["left_children"][node] == -1:
        return trees.add_leaf(float(condition), float(tree["sum_hessian"][node])), True
    below = float(np.nextafter(condition, np.float32(-np.inf)))
    position = trees.add_node(int(tree["split_indices"][node]), below, bool(tree["default_left"][node]))
    left, right = tree["left_children"][node], tree["right_children"][node]
    trees.link(position, _xgboost_node(trees, tree, left), _xgboost_node(trees, tree, right))
    return position, False


def trees_from_catboost(model: Mapping[str, Any]) -> Trees:
    """A CatBoost model saved as JSON: oblivious trees, x > border sets the split's bit; a missing value is below every border."""
    scale, (bias,) = model["scale_and_bias"]
    trees = Trees(offset=float(bias))
    for tree in model["oblivious_trees"]:
        splits = [(int(split["float_feature_index"]), float(np.float32(split["border"]))) for split in tree["splits"] or ()]
        values = [scale * float(value) for value in tree["leaf_values"]]
        leaves = list(zip(values, map(float, tree["leaf_weights"]), strict=True))
        _plant(trees, *_oblivious_node(trees, splits, leaves, len(splits) - 1, 0))
    return trees


def _oblivious_node(
    trees: Trees, splits: list[tuple[int, float]], leaves: list[tuple[float, float]], level: int, leaf: int
) -> tuple[int, bool]:
    if level < 0:
        return trees.add_leaf(*leaves[leaf]), True
    feature, border = splits[level]
    position = trees.add_node(feature, border, True)
    low = _oblivious_node(trees, splits, leaves, level - 1, leaf)
    high = _oblivious_node(trees, splits, leaves, level - 1, leaf | 1 << level)
    trees.link(position, low, high)
    return position, False


def trees_from_forest(estimators: Iterable[Any]) -> Trees:
    """Trees of a scikit-learn random forest: x ≤ threshold goes left; the margin is the mean share of leavers in the leaves reached."""
    grown = [estimator.tree_ for estimator in estimators]
    # Leaves are added first and divided after, as the library does: forests tie often, and the last bit then decides.
    trees = Trees(divisor=float(len(grown)))
    for tree in grown:
        position, is_leaf = _sklearn_node(trees, tree, 0)
        trees.roots.append(_stump(trees, position) if is_leaf else position)
    return trees


def _stump(trees: Trees, leaf: int) -> int:
    """A tree that never splits, as an inner node both of whose sides are the same leaf: it keeps its place in the sum."""
    root = trees.add_node(0, 0.0, True)
    trees.link(root, (leaf, True), (trees.add_leaf(trees.leaf[leaf], trees.leaf_cover[leaf]), True))
    return root


def _sklearn_node(trees: Trees, tree: Any, node: int) -> tuple[int, bool]:
    left, right = int(tree.children_left[node]), int(tree.children_right[node])
    if left == -1:
        return trees.add_leaf(float(tree.value[node][0][1]), float(tree.weighted_n_node_samples[node])), True
    position = trees.add_node(int(tree.feature[node]), float(tree.threshold[node]), bool(tree.missing_go_to_left[node]))
    trees.link(position, _sklearn_node(trees, tree, left), _sklearn_node(trees, tree, right))
    return position, False


def trees_from_histogram_boosting(model: Any) -> Trees:
    """Trees of scikit-learn's HistGradientBoostingClassifier: x ≤ threshold goes left; leaves already hold the learning rate."""
    trees = Trees(offset=float(np.ravel(model._baseline_prediction)[0]))
    for (predictor,) in model._predictors:
        _plant(trees, *_histogram_node(trees, predictor.nodes, 0))
    return trees


def _histogram_node(trees: Trees, nodes: Any, node: int) -> tuple[int, bool]:
    entry = nodes[node]
    if entry["is_leaf"]:
        return trees.add_leaf(float(entry["value"]), float(entry["count"])), True
    position = trees.add_node(int(entry["feature_idx"]), float(entry["num_threshold"]), bool(entry["missing_go_to_left"]))
    trees.link(position, _histogram_node(trees, nodes, int(entry["left"])), _histogram_node(trees, nodes, int(entry["right"])))
    return position, False


def _plant(trees: Trees, position: int, is_leaf: bool) -> None:
    """A tree's root; one that is a single leaf joins the offset."""
    if is_leaf:
        trees.offset += trees.leaf.pop()
        trees.leaf_cover.pop()
    else:
        trees.roots.append(position)
