"""The algorithms that may win. Each is a row of data and a function that fits it; none knows a column by name."""

from __future__ import annotations

import ctypes.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.scorer import standardised
from tidegate.errors import MissingDependency
from tidegate.features import Matrix
from tidegate.training.export import write_linear, write_trees
from tidegate.training.trees import trees_from_lightgbm

Labels = NDArray[np.int8]
Margins = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A trained model: its margins (float32 (n, f) → float64 (n,)) by the training library, and how to write it into a bundle."""

    margin: Callable[[Matrix], Margins]
    kind: Literal["trees", "linear"]
    write: Callable[[Path], None]


@dataclass(frozen=True)
class Candidate:
    """One algorithm with its parameters. Among equals beyond noise the lower `complexity` wins."""

    name: str
    complexity: int
    fit: Callable[[Matrix, Labels, int, dict[str, Any]], Fitted]
    parameters: dict[str, Any]


def fit_logistic_regression(matrix: Matrix, label: Labels, seed: int, parameters: dict[str, Any]) -> Fitted:
    """Logistic regression on standardised features; a missing value stands at its feature's mean."""
    from sklearn.linear_model import LogisticRegression

    with np.errstate(all="ignore"):
        present = np.isfinite(matrix)
        count = np.maximum(present.sum(axis=0), 1)
        mean = np.where(present, matrix, 0).sum(axis=0, dtype=np.float64) / count
        spread = np.sqrt(np.where(present, (matrix - mean) ** 2, 0).sum(axis=0, dtype=np.float64) / count)
    scale = np.where(spread > 0, spread, 1.0)
    model = LogisticRegression(random_state=seed, **parameters).fit(standardised(matrix, mean, scale), label)
    weight, intercept = model.coef_[0].astype(np.float64), float(model.intercept_[0])

    def margin(rows: Matrix) -> Margins:
        return np.asarray(model.decision_function(standardised(rows, mean, scale)), np.float64)

    return Fitted(margin, "linear", lambda folder: write_linear(folder / "model.json", mean, scale, weight, intercept))


def fit_lightgbm(matrix: Matrix, label: Labels, seed: int, parameters: dict[str, Any]) -> Fitted:
    """LightGBM; margins are log-odds. Deterministic for one seed whatever the number of threads."""
    lightgbm = _lightgbm()
    data = lightgbm.Dataset(matrix, label=label, params={"verbose": -1, "feature_pre_filter": False}, free_raw_data=True)
    settings = {"objective": "binary", "seed": seed, "deterministic": True, "force_col_wise": True, "num_threads": 2, "verbose": -1}
    rounds = parameters["rounds"]
    booster = lightgbm.train(settings | {k: v for k, v in parameters.items() if k != "rounds"}, data, num_boost_round=rounds)

    def margin(rows: Matrix) -> Margins:
        return np.asarray(booster.predict(rows, raw_score=True), np.float64)

    trees = trees_from_lightgbm(booster.dump_model())
    return Fitted(margin, "trees", lambda folder: write_trees(folder / "model.onnx", trees, matrix.shape[1]))


def _lightgbm() -> Any:
    try:
        import lightgbm
    except OSError:
        if ctypes.util.find_library("gomp") is None:
            raise MissingDependency("LightGBM needs the system library libgomp1.", "Install it: apt-get install libgomp1.") from None
        raise
    return lightgbm


CANDIDATES = (
    Candidate("logistic_regression", 0, fit_logistic_regression, {"C": 1.0, "max_iter": 2000}),
    Candidate(
        "lightgbm",
        2,
        fit_lightgbm,
        {
            "rounds": 600,
            "learning_rate": 0.05,
            "num_leaves": 15,
            "min_child_samples": 20,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
        },
    ),
)
