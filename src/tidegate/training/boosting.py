"""Boosted trees: LightGBM, XGBoost, CatBoost and scikit-learn's gradient boosting. Margins are log-odds."""

from __future__ import annotations

import ctypes.util
import json
import os
from typing import Any

import numpy as np

from tidegate.errors import MissingDependency
from tidegate.features import Matrix
from tidegate.training.fitted import Fitted, Labels, Margins, Watched, fitted_trees, threads
from tidegate.training.tree_dumps import trees_from_catboost, trees_from_histogram_boosting, trees_from_lightgbm, trees_from_xgboost
from tidegate.training.trees import Trees

LEAF_GRID = 2.0**-17


def fit_lightgbm(matrix: Matrix, label: Labels, seed: int, parameters: dict[str, Any], watched: Watched | None = None) -> Fitted:
    """LightGBM (Ke et al. 2017), deterministic for one seed whatever the number of threads."""
    lightgbm = _lightgbm()
    data = lightgbm.Dataset(matrix, label=label, params={"verbose": -1, "feature_pre_filter": False}, free_raw_data=True)
    fixed = {"objective": "binary", "seed": seed, "deterministic": True, "force_col_wise": True, "num_threads": threads(matrix)}
    chosen = {name: value for name, value in parameters.items() if name != "rounds"}
    stopping: dict[str, Any] = {}
    if watched is not None:
        stopping["valid_sets"] = [
            lightgbm.Dataset(watched.matrix, label=watched.label, reference=data, params={"verbose": -1, "feature_pre_filter": False})
        ]
        stopping["callbacks"] = [lightgbm.early_stopping(watched.patience, verbose=False)]
        chosen["metric"] = "average_precision"
    booster = lightgbm.train(fixed | chosen | {"verbose": -1}, data, num_boost_round=parameters["rounds"], **stopping)

    def margin(rows: Matrix) -> Margins:
        return np.asarray(booster.predict(rows, raw_score=True), np.float64)

    return fitted_trees(margin, lambda: trees_from_lightgbm(booster.dump_model()), rounds=booster.best_iteration if watched else None)


def _lightgbm() -> Any:
    try:
        import lightgbm
    except OSError:
        if ctypes.util.find_library("gomp") is None:
            raise MissingDependency("LightGBM needs the system library libgomp1.", "Install it: apt-get install libgomp1.") from None
        raise
    return lightgbm


def fit_xgboost(matrix: Matrix, label: Labels, seed: int, parameters: dict[str, Any], watched: Watched | None = None) -> Fitted:
    """XGBoost (Chen & Guestrin 2016) with histogram splits. It works in float32 throughout, so its leaves are put on a grid that float32
    sums keep exactly.
    """
    import xgboost

    chosen = {name: value for name, value in parameters.items() if name != "rounds"}
    fixed = {"objective": "binary:logistic", "tree_method": "hist", "seed": seed, "nthread": threads(matrix), "verbosity": 0}
    stopping: dict[str, Any] = {}
    if watched is not None:
        watching = [(xgboost.DMatrix(watched.matrix, label=watched.label), "watched")]
        chosen["eval_metric"] = "aucpr"
        stopping = {"evals": watching, "early_stopping_rounds": watched.patience, "verbose_eval": False}
    booster = xgboost.train(fixed | chosen, xgboost.DMatrix(matrix, label=label), parameters["rounds"], **stopping)
    rounds = booster.best_iteration + 1 if watched is not None else None
    booster = _on_grid(booster if rounds is None else booster[:rounds])

    def margin(rows: Matrix) -> Margins:
        return np.asarray(booster.predict(xgboost.DMatrix(rows), output_margin=True), np.float64)

    return fitted_trees(margin, lambda: trees_from_xgboost(bytes(booster.save_raw("json"))), rounds=rounds)


def _on_grid(booster: Any) -> Any:
    """The same booster with each leaf rounded to a multiple of `LEAF_GRID`: its float32 margins no longer depend on the order of adding."""
    import xgboost

    model = json.loads(bytes(booster.save_raw("json")))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        values, left = tree["split_conditions"], tree["left_children"]
        tree["split_conditions"] = [
            round(value / LEAF_GRID) * LEAF_GRID if child == -1 else value for value, child in zip(values, left, strict=True)
        ]
    rounded = xgboost.Booster(model_file=bytearray(json.dumps(model).encode()))
    rounded.set_param({"nthread": 1})
    return rounded


def fit_catboost(matrix: Matrix, label: Labels, seed: int, parameters: dict[str, Any], watched: Watched | None = None) -> Fitted:
    """CatBoost (Prokhorenkova et al. 2018) on the same numeric features; a missing value counts as below everything."""
    import catboost

    fixed = {"nan_mode": "Min", "random_seed": seed, "thread_count": threads(matrix), "verbose": False, "allow_writing_files": False}
    stopping: dict[str, Any] = {}
    if watched is not None:
        fixed["eval_metric"] = "PRAUC:type=Classic"
        stopping = {"eval_set": (watched.matrix, watched.label), "early_stopping_rounds": watched.patience, "use_best_model": True}
    model = catboost.CatBoostClassifier(**(fixed | parameters)).fit(matrix, label, **stopping)

    def margin(rows: Matrix) -> Margins:
        return np.asarray(model.predict(rows, prediction_type="RawFormulaVal"), np.float64)

    def trees() -> Trees:
        # CatBoost writes its JSON to a path only; that of a file in memory needs no room on a disk and leaves nothing behind.
        with os.fdopen(os.memfd_create("catboost"), encoding="utf-8") as file:
            model.save_model(f"/proc/self/fd/{file.fileno()}", format="json")
            return trees_from_catboost(json.load(file))

    return fitted_trees(margin, trees, rounds=model.tree_count_ if watched is not None else None)


def fit_gradient_boosting(matrix: Matrix, label: Labels, seed: int, parameters: dict[str, Any], watched: Watched | None = None) -> Fitted:
    """scikit-learn's histogram gradient boosting (Friedman 2001), which takes missing values as they are."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    stopping: dict[str, Any] = {"early_stopping": False}
    rows: dict[str, Any] = {}
    if watched is not None:
        stopping = {"early_stopping": True, "n_iter_no_change": watched.patience, "scoring": "loss"}
        rows = {"X_val": watched.matrix, "y_val": watched.label}
    with threadpool_limits(threads(matrix), user_api="openmp"):
        model = HistGradientBoostingClassifier(random_state=seed, **stopping, **parameters).fit(matrix, label, **rows)

    def margin(rows: Matrix) -> Margins:
        with threadpool_limits(1, user_api="openmp"):
            return np.asarray(model.decision_function(rows), np.float64)

    rounds = int(np.argmin(-model.validation_score_[1:])) + 1 if watched is not None else None
    return fitted_trees(margin, lambda: trees_from_histogram_boosting(model), rounds=rounds)
