"""Trees as arrays: one form for every library's trees, in full precision."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Trees:
    """A sum of trees. A row goes left where x ≤ threshold, or where x is missing and `missing_left`.

    `left`, `right`: position of an inner node, or of a leaf where the flag beside it says so. `roots`: an inner node a tree.
    The margin is the sum of the leaves reached, divided by `divisor`, plus `offset`.
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
    divisor: float = 1.0

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
