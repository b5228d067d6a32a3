"""The algorithms that may win: each a row of data and a function that fits it. None knows a column by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidegate.errors import SettingRefused
from tidegate.features import Matrix
from tidegate.training.boosting import fit_catboost, fit_gradient_boosting, fit_lightgbm, fit_xgboost
from tidegate.training.fitted import Fitted, Labels, Watched
from tidegate.training.forest import fit_random_forest
from tidegate.training.linear import fit_logistic_regression

YARDSTICK = "logistic_regression"


@dataclass(frozen=True)
class Candidate:
    """One algorithm with its parameters: `fit(matrix, label, seed, parameters, watched)`. Of two equals the lower `complexity` wins.

    `ratios`: whether it is given the spec's ratios. Trees find them by themselves, and out of fold more features of the same content made
    them worse (decision 0006); tuning may say otherwise for a table.
    """

    name: str
    complexity: int
    fit: Callable[[Matrix, Labels, int, dict[str, Any], Watched | None], Fitted]
    parameters: dict[str, Any]
    ratios: bool = True


CANDIDATES = (
    Candidate(YARDSTICK, 0, fit_logistic_regression, {"C": 1.0, "max_iter": 2000}),
    Candidate("random_forest", 1, fit_random_forest, {"n_estimators": 200, "min_samples_leaf": 2, "max_features": 0.3}, ratios=False),
    Candidate(
        "gradient_boosting",
        1,
        fit_gradient_boosting,
        {"max_iter": 400, "learning_rate": 0.06, "max_leaf_nodes": 15, "max_features": 0.5},
        ratios=False,
    ),
    Candidate(
        "xgboost",
        1,
        fit_xgboost,
        {"rounds": 500, "eta": 0.05, "max_depth": 4, "subsample": 0.8, "colsample_bytree": 0.5},
        ratios=False,
    ),
    Candidate(
        "lightgbm",
        1,
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
        ratios=False,
    ),
    Candidate("catboost", 1, fit_catboost, {"iterations": 500, "depth": 5, "learning_rate": 0.1, "l2_leaf_reg": 2.0}, ratios=False),
)


def named(names: str | None) -> tuple[Candidate, ...]:
    """The candidates of a comma-separated list, all of them for None; the yardstick is always among them. Raises SettingRefused."""
    if names is None:
        return CANDIDATES
    wanted = {name.strip() for name in names.split(",")}
    known = {candidate.name for candidate in CANDIDATES}
    if not wanted <= known:
        unknown = ", ".join(sorted(wanted - known)) or "nothing"
        raise SettingRefused(f"--algorithms names {unknown}.", f"Choose among {', '.join(candidate.name for candidate in CANDIDATES)}.")
    return tuple(candidate for candidate in CANDIDATES if candidate.name in wanted | {YARDSTICK})
