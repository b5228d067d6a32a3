"""Exact path-dependent TreeSHAP (Lundberg et al. 2020, Nature Machine Intelligence 2, algorithm 2), vectorised over rows and trees.

A leaf with value v whose path asks about the features N is the game v · Π_{i∈S} o_i · Π_{i∉S} z_i over coalitions S ⊆ N: o_i says whether
the row meets every condition on feature i along the path (0 or 1), z_i is the share of training rows that do (product of cover ratios).
With the Shapley weight |S|!(k−|S|−1)!/k! = ∫₀¹ t^|S| (1−t)^(k−|S|−1) dt its Shapley values are

    φ_j = v · ∫₀¹ (o_j − z_j) / F_j(t) · Π_i F_i(t) dt,    F_i(t) = o_i·t + z_i·(1−t),

a polynomial of degree k−1, which Gauss-Legendre quadrature with ⌈k/2⌉ points integrates exactly. Features off the path have F = 1, so that
one set of points serves all leaves, and Π F is shared by all leaves below an edge, as in Linear TreeSHAP (Yu et al. 2022, NeurIPS): down
the tree each edge multiplies by F_e/F_u (u: the nearest edge above on the same feature, which repeats are folded into), up the tree leaves
add into S, and an edge gives its feature Σ_t w_t · S_e(t) · (H_e(t) − H_u(t)), H = (o − z)/F. No term is divided by zero: where o = 0, H is
−1/(1−t) whatever z is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.reasons.arrays import TreeArrays
from tidegate.features import Matrix

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]
MOST_TABLE_ELEMENTS = 1 << 26
BLOCK_ELEMENTS = 1 << 18  # edges × rows worked on at once: what stays in a processor's cache


@dataclass(frozen=True)
class Forest:
    """One model's trees, breadth first: b inner nodes in levels, node k owning the edges 2k (left) and 2k+1 (right).

    `levels`: first and last node of each depth; `entry` (b,): the edge that leads to a node, -1 for a root; `above` (b,): the nearest edge
    above on the same feature, -1 where there is none. `leaf_edges`, `leaf_values`: the edges that end in a leaf. The tables (points, 2b)
    hold what an edge multiplies by and what its sum counts, where the row takes it (`hot`) and where it leaves the path (`cold`);
    `ratio` (2b,) is the multiplier where it had left before.
    """

    feature: NDArray[np.int32]
    threshold: Floats
    missing_left: NDArray[np.bool_]
    levels: tuple[tuple[int, int], ...]
    entry: Positions
    above: Positions
    leaf_edges: Positions
    leaf_values: Floats
    ratio: Floats
    hot_factor: Floats
    cold_factor: Floats
    hot_count: Floats
    cold_count: Floats
    divisor: float
    base: float


def grow(trees: TreeArrays, member: int) -> Forest:
    """The forest of one model, with all that does not depend on a row worked out. Raises ValueError where that takes too much memory."""
    order, levels, entry = _breadth_first(trees, trees.roots[trees.tree_member == member].astype(np.int64))
    feature = trees.feature[order]
    above = _edges_above(feature, entry)
    is_leaf = np.stack([trees.left_is_leaf[order], trees.right_is_leaf[order]], axis=1).ravel()
    child = np.stack([trees.left[order], trees.right[order]], axis=1).ravel()
    leaf_edges = np.flatnonzero(is_leaf)
    cover = np.zeros(2 * len(order))
    cover[leaf_edges] = trees.leaf_cover[child[leaf_edges]]
    for start, stop in reversed(levels[1:]):
        cover[entry[start:stop]] = cover[2 * start : 2 * stop : 2] + cover[2 * start + 1 : 2 * stop : 2]
    whole = np.repeat(cover[0::2] + cover[1::2], 2)
    ratio = np.divide(cover, whole, out=np.zeros_like(cover), where=whole > 0)
    values = trees.leaf[child[leaf_edges]]
    hot_factor, cold_factor, hot_count, cold_count = _tables(levels, above, ratio, _longest(levels, entry, above))
    return Forest(
        feature=feature,
        threshold=trees.threshold[order],
        missing_left=trees.missing_left[order],
        levels=levels,
        entry=entry,
        above=above,
        leaf_edges=leaf_edges,
        leaf_values=values,
        ratio=ratio,
        hot_factor=hot_factor,
        cold_factor=cold_factor,
        hot_count=hot_count,
        cold_count=cold_count,
        divisor=float(trees.divisor[member]),
        base=_expected(levels, entry, ratio, leaf_edges, values) / float(trees.divisor[member]) + float(trees.offset[member]),
    )


def _breadth_first(trees: TreeArrays, roots: Positions) -> tuple[Positions, tuple[tuple[int, int], ...], Positions]:
    """Inner nodes by depth, (first, last) of each depth, and the edge that leads to each."""
    parts, entries, levels = [roots], [np.full(len(roots), -1, np.int64)], [(0, len(roots))]
    while True:
        nodes, (start, stop) = parts[-1], levels[-1]
        child = np.stack([trees.left[nodes], trees.right[nodes]], axis=1).ravel().astype(np.int64)
        inner = ~np.stack([trees.left_is_leaf[nodes], trees.right_is_leaf[nodes]], axis=1).ravel()
        if not inner.any():
            return np.concatenate(parts), tuple(levels), np.concatenate(entries)
        parts.append(child[inner])
        entries.append(2 * start + np.flatnonzero(inner))
        levels.append((stop, stop + int(inner.sum())))


def _edges_above(feature: NDArray[np.int32], entry: Positions) -> Positions:
    """For each node the nearest edge above it on its own feature, -1 where there is none."""
    above = entry.copy()
    while True:
        searching = np.flatnonzero((above >= 0) & (feature[above // 2] != feature))
        if not searching.size:
            return above
        above[searching] = entry[above[searching] // 2]


def _longest(levels: tuple[tuple[int, int], ...], entry: Positions, above: Positions) -> int:
    """The most distinct features on any path."""
    distinct = (above < 0).astype(np.int64)
    for start, stop in levels[1:]:
        distinct[start:stop] += distinct[entry[start:stop] // 2]
    return int(distinct.max())


def _tables(levels: tuple[tuple[int, int], ...], above: Positions, ratio: Floats, longest: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Multipliers and counts of each edge at each point, (points, 2b), taken and not taken; weights are in the counts."""
    points = max(1, (longest + 1) // 2)
    if points * len(ratio) > MOST_TABLE_ELEMENTS:
        raise ValueError("too large")
    place, weight = np.polynomial.legendre.leggauss(points)
    t, w = ((place + 1) / 2).reshape(-1, 1), (weight / 2).reshape(-1, 1)
    share, before = ratio.copy(), np.ones_like(ratio)
    for start, stop in levels:
        repeated = start + np.flatnonzero(above[start:stop] >= 0)
        for side in (0, 1):
            before[2 * repeated + side] = share[above[repeated]]
            share[2 * repeated + side] *= before[2 * repeated + side]
    reach, reach_before = t + share * (1 - t), t + before * (1 - t)
    counted_before = (1 - before) / reach_before
    hot_count, cold_count = w * ((1 - share) / reach - counted_before), w * (-1 / (1 - t) - counted_before)
    return reach / reach_before, share * (1 - t) / reach_before, hot_count, cold_count


def _expected(levels: tuple[tuple[int, int], ...], entry: Positions, ratio: Floats, leaf_edges: Positions, values: Floats) -> float:
    """The sum of leaves reached by an average training row."""
    reached = ratio.copy()
    for start, stop in levels[1:]:
        reached[2 * start : 2 * stop] *= np.repeat(reached[entry[start:stop]], 2)
    return math.fsum((values * reached[leaf_edges]).tolist())


def forest_contributions(forest: Forest, matrix: Matrix) -> Floats:
    """Shapley values of the margin, float64 (n, f), for float32 (n, f). A row's values do not depend on the rows beside it."""
    result = np.empty(matrix.shape)
    step = max(1, BLOCK_ELEMENTS // len(forest.ratio))
    for start in range(0, len(matrix), step):
        by_node = given_by_node(forest, _goes_left(forest, matrix[start : start + step]))
        # One pass a row in a fixed order: a sum over several rows at once may be added in another.
        for position, values in enumerate(np.ascontiguousarray(by_node.T)):
            result[start + position] = np.bincount(forest.feature, values, matrix.shape[1])
    return result / forest.divisor


def _goes_left(forest: Forest, rows: Matrix) -> NDArray[np.bool_]:
    """Whether each row goes left at each node, (b, n)."""
    asked = np.ascontiguousarray(rows.T)[forest.feature]
    return np.asarray((asked <= forest.threshold[:, None]) | (np.isnan(asked) & forest.missing_left[:, None]))


def _taken(forest: Forest, goes_left: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each row takes each edge and every edge above it on the same feature, (2b, n); and whether it took those above, (b, n)."""
    hot = np.stack([goes_left, ~goes_left], axis=1)
    so_far = np.ones_like(goes_left)
    for start, stop in forest.levels:
        repeated = start + np.flatnonzero(forest.above[start:stop] >= 0)
        edges = forest.above[repeated]
        so_far[repeated] = hot[edges // 2, edges % 2]
        hot[repeated] &= so_far[repeated][:, None, :]
    return hot.reshape(2 * len(goes_left), -1), so_far


def given_by_node(forest: Forest, goes_left: NDArray[np.bool_]) -> Floats:
    """What each inner node gives its feature, before the divisor: bool (b, n) → float64 (b, n)."""
    hot, so_far = _taken(forest, goes_left)
    left_before = np.repeat(~so_far, 2, axis=0)
    repeated = np.flatnonzero(left_before.any(axis=1))
    already, nodes, count = left_before[repeated], len(forest.feature), hot.shape[1]
    given = np.zeros(hot.shape)
    for point in range(len(forest.hot_factor)):
        through = np.where(hot, forest.hot_factor[point][:, None], forest.cold_factor[point][:, None])
        through[repeated] = np.where(already, forest.ratio[repeated][:, None], through[repeated])
        pairs = through.reshape(nodes, 2, count)
        for start, stop in forest.levels[1:]:
            pairs[start:stop] *= through[forest.entry[start:stop]][:, None, :]
        through[forest.leaf_edges] *= forest.leaf_values[:, None]
        for start, stop in reversed(forest.levels[1:]):
            through[forest.entry[start:stop]] = pairs[start:stop, 0] + pairs[start:stop, 1]
        counts = np.where(hot, forest.hot_count[point][:, None], forest.cold_count[point][:, None])
        counts[repeated] = np.where(already, 0.0, counts[repeated])
        counts *= through
        given += counts
    return given[0::2] + given[1::2]
