"""Trees as arrays: one form for every library's trees, in full precision."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Trees:
    """A sum of trees. A row goes left where x ≤ threshold, or where x is missing and `missing_left`.

    `left`, `right`: position of an inner node, or of a leaf where the flag beside it says so. `roots`: an inner node a tree.
    The margin is the sum of the leaves reached, divided by `divisor`, plus `offset`. `leaf_cover` is the weight of the training rows that
    reached each leaf, as the library counts it: reasons average over it.
    """

    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    left_is_leaf: list[bool] = field(default_factory=list)
    right_is_leaf: list[bool] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)
    leaf_cover: list[float] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    offset: float = 0.0
    divisor: float = 1.0

    def add_leaf(self, value: float, cover: float) -> int:
        """A leaf and the weight of the training rows that reached it; returns its position."""
        self.leaf.append(value)
        self.leaf_cover.append(cover)
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

    def append(self, other: Trees) -> None:
        """Put another model's trees after these, positions moved; its offset and divisor stay with it."""
        nodes, leaves = len(self.feature), len(self.leaf)
        self.feature += other.feature
        self.threshold += other.threshold
        self.missing_left += other.missing_left
        self.left += [child + (leaves if is_leaf else nodes) for child, is_leaf in zip(other.left, other.left_is_leaf, strict=True)]
        self.right += [child + (leaves if is_leaf else nodes) for child, is_leaf in zip(other.right, other.right_is_leaf, strict=True)]
        self.left_is_leaf += other.left_is_leaf
        self.right_is_leaf += other.right_is_leaf
        self.leaf += other.leaf
        self.leaf_cover += other.leaf_cover
        self.roots += [root + nodes for root in other.roots]
