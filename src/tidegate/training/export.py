"""Models → open formats that a scorer reads: trees as ONNX in double precision, linear models as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.training.trees import Trees

LEFT_IF_AT_MOST = 0  # BRANCH_LEQ of ai.onnx.ml TreeEnsemble, version 5


def write_trees(path: Path, trees: Trees, features: int) -> None:
    """An ONNX graph: float32 (n, features) → double (n, 1) margins. Thresholds and leaves keep their full precision."""
    from onnx import TensorProto, helper

    if not trees.roots:
        # The operator wants a tree; a model that never splits gets one that adds nothing.
        root = trees.add_node(0, 0.0, True)
        trees.link(root, (trees.add_leaf(0.0), True), (trees.add_leaf(0.0), True))
        trees.roots.append(root)
    widen = helper.make_node("Cast", ["features"], ["doubles"], to=TensorProto.DOUBLE)
    whole = [helper.make_node("Add", ["sum", "offset"], ["margin"])]
    if trees.divisor != 1.0:
        whole = [helper.make_node("Div", ["sum", "divisor"], ["mean"]), helper.make_node("Add", ["mean", "offset"], ["margin"])]
    graph = helper.make_graph(
        [widen, _ensemble(trees), *whole],
        "margin",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info("margin", TensorProto.DOUBLE, [None, 1])],
        initializer=[_doubles("offset", [trees.offset]), _doubles("divisor", [trees.divisor])],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())


def _ensemble(trees: Trees) -> Any:
    from onnx import helper, numpy_helper

    return helper.make_node(
        "TreeEnsemble",
        ["doubles"],
        ["sum"],
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


def write_linear(path: Path, mean: NDArray[np.float64], scale: NDArray[np.float64], weight: NDArray[np.float64], intercept: float) -> None:
    """Mean, scale and weight a feature, float64 (f,), and the intercept; JSON keeps every bit of a double."""
    content = {"mean": mean.tolist(), "scale": scale.tolist(), "weight": weight.tolist(), "intercept": intercept}
    path.write_text(json.dumps(content), encoding="utf-8")
