"""Trees as arrays: one form for every library's trees, read from its own dump in full precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Trees:
    """A sum of trees. A row goes left where x ≤ threshold, or where x is missing and `missing_left`.

    `left`, `right`: position of an inner node, or of a leaf where the flag beside it says so. `roots`: an inner node a tree.
    The margin is the sum of the leaves reached plus `offset`.
    """

    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    left_is_leaf: list[bool] = field(default_factory=list)
    right_is_leaf: list[bool] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    offset: float = 0.0

    def add_leaf(self, value: float) -> int:
        """A leaf; returns its position."""
        self.leaf.append(value)
        return len(self.leaf) - 1

    def add_node(self, feature: int, threshold: float, missing_left: bool) -> int:
        """An inner node without children yet; returns its position."""
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.missing_left.append(missing_left)
        self.left.append(0)
        self.right.append(0)
        self.left_is_leaf.append(False)
        self.right_is_leaf.append(False)
        return len(self.feature) - 1

    def link(self, node: int, left: tuple[int, bool], right: tuple[int, bool]) -> None:
        """Set a node's children, each with whether it is a leaf."""
        self.left[node], self.left_is_leaf[node] = left
        self.right[node], self.right_is_leaf[node] = right


def trees_from_lightgbm(dump: Mapping[str, Any]) -> Trees:
    """Trees of a LightGBM booster's `dump_model()`; numerical splits only. A tree that is a single leaf joins the offset."""
    trees = Trees()
    for info in dump["tree_info"]:
        position, is_leaf = _lightgbm_node(trees, info["tree_structure"])
        if is_leaf:
            trees.offset += trees.leaf.pop()
        else:
            trees.roots.append(position)
    return trees


def _lightgbm_node(trees: Trees, node: Mapping[str, Any]) -> tuple[int, bool]:
    if "left_child" not in node:
        return trees.add_leaf(float(node["leaf_value"])), True
    threshold = float(node["threshold"])
    # Where training saw no missing value, LightGBM reads one as zero.
    missing_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0.0
    position = trees.add_node(int(node["split_feature"]), threshold, missing_left)
    trees.link(position, _lightgbm_node(trees, node["left_child"]), _lightgbm_node(trees, node["right_child"]))
    return position, False
