"""Models → open formats that a scorer reads: trees as ONNX in double precision and as arrays, linear models as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.bundle.linear import Linear, linear_as_json
from tidegate.bundle.reasons.arrays import TREE_ARRAYS
from tidegate.training.trees import Trees

LEFT_IF_AT_MOST = 0  # BRANCH_LEQ of ai.onnx.ml TreeEnsemble, version 5


def write_model(folder: Path, contents: Sequence[Trees | Linear], features: int) -> None:
    """`model.onnx` and `trees.npz` with every tree model and `model.json` with every linear one, each only where there is one."""
    trees = [content for content in contents if isinstance(content, Trees)]
    if trees:
        write_trees(folder / "model.onnx", trees, features)
        write_tree_arrays(folder / "trees.npz", trees)
    linear = [content for content in contents if isinstance(content, Linear)]
    if linear:
        (folder / "model.json").write_text(linear_as_json(linear), encoding="utf-8")


def write_trees(path: Path, models: Sequence[Trees], features: int) -> None:
    """An ONNX graph: float32 (n, features) → double (n, models) margins. Thresholds and leaves keep their full precision."""
    from onnx import TensorProto, helper

    for trees in models:
        _require_a_tree(trees)
    widen = helper.make_node("Cast", ["features"], ["doubles"], to=TensorProto.DOUBLE)
    # A node a model: one node with a target a model keeps a row of sums a tree and takes a fifth more time.
    sums = ["sum"] if len(models) == 1 else [f"sum_{number}" for number in range(len(models))]
    ensembles = [_ensemble(trees, name) for trees, name in zip(models, sums, strict=True)]
    if len(models) > 1:
        ensembles.append(helper.make_node("Concat", sums, ["sum"], axis=1))
    whole = [helper.make_node("Add", ["sum", "offset"], ["margin"])]
    if any(trees.divisor != 1.0 for trees in models):
        whole = [helper.make_node("Div", ["sum", "divisor"], ["mean"]), helper.make_node("Add", ["mean", "offset"], ["margin"])]
    graph = helper.make_graph(
        [widen, *ensembles, *whole],
        "margin",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info("margin", TensorProto.DOUBLE, [None, len(models)])],
        initializer=[
            _doubles("offset", [trees.offset for trees in models]),
            _doubles("divisor", [trees.divisor for trees in models]),
        ],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())


def _require_a_tree(trees: Trees) -> None:
    """The operator wants a tree; a model that never splits gets one that adds nothing."""
    if not trees.roots:
        root = trees.add_node(0, 0.0, True)
        trees.link(root, (trees.add_leaf(0.0, 1.0), True), (trees.add_leaf(0.0, 1.0), True))
        trees.roots.append(root)


def _ensemble(trees: Trees, name: str) -> Any:
    """A model's trees in one node: doubles (n, features) → their sum (n, 1) under this name."""
    from onnx import helper, numpy_helper

    return helper.make_node(
        "TreeEnsemble",
        ["doubles"],
        [name],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function=1,
        post_transform=0,
        tree_roots=trees.roots,
        nodes_featureids=trees.feature,
        nodes_splits=_doubles("splits", trees.threshold),
        nodes_modes=numpy_helper.from_array(np.full(len(trees.feature), LEFT_IF_AT_MOST, np.uint8), "modes"),
        nodes_missing_value_tracks_true=[int(flag) for flag in trees.missing_left],
        nodes_truenodeids=trees.left,
        nodes_falsenodeids=trees.right,
        nodes_trueleafs=[int(flag) for flag in trees.left_is_leaf],
        nodes_falseleafs=[int(flag) for flag in trees.right_is_leaf],
        leaf_targetids=[0] * len(trees.leaf),
        leaf_weights=_doubles("leaves", trees.leaf),
    )


def _doubles(name: str, values: list[float]) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array(values, np.float64), name)


def write_tree_arrays(path: Path, models: Sequence[Trees]) -> None:
    """The trees of all models joined, as plain arrays: what `bundle.reasons` explains. `tree_member` says whose each root is."""
    joined = Trees()
    for trees in models:
        _require_a_tree(trees)
        joined.append(trees)
    arrays = {name: np.array(getattr(joined, name), kind) for name, kind in TREE_ARRAYS.items() if hasattr(joined, name)}
    arrays["tree_member"] = np.repeat(np.arange(len(models), dtype=np.int32), [len(trees.roots) for trees in models])
    arrays["offset"] = np.array([trees.offset for trees in models], np.float64)
    arrays["divisor"] = np.array([trees.divisor for trees in models], np.float64)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
