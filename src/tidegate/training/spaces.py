"""Search spaces: what tuning may vary of each algorithm, and where it begins. docs/training.md shows them.

The ranges are wide around the libraries' own advice; none was chosen on a holdout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Dimension:
    """A hyperparameter between `low` and `high`, both included; whole numbers where both are. `log` searches its logarithm."""

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether it takes whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True)
class Space:
    """What is varied (`dimensions`), what is not (`fixed`), and the first point that is tried (`start`).

    `rounds` names the parameter that holds the number of trees: it is not searched, early stopping finds it below `most_rounds`.
    """

    dimensions: Mapping[str, Dimension]
    start: Mapping[str, float]
    fixed: Mapping[str, object]
    rounds: str | None = None
    most_rounds: int = 0


SPACES: Mapping[str, Space] = {
    "logistic_regression": Space({"C": Dimension(1e-4, 1e2, log=True)}, {"C": 0.1}, {"max_iter": 2000}),
    "random_forest": Space(
        {"min_samples_leaf": Dimension(1, 20, log=True), "max_features": Dimension(0.1, 0.9)},
        {"min_samples_leaf": 1, "max_features": 0.4},
        {"n_estimators": 200},
    ),
    "gradient_boosting": Space(
        {
            "learning_rate": Dimension(0.02, 0.15, log=True),
            "max_leaf_nodes": Dimension(6, 40, log=True),
            "min_samples_leaf": Dimension(3, 60, log=True),
            "l2_regularization": Dimension(1e-3, 10.0, log=True),
            "max_features": Dimension(0.2, 1.0),
        },
        {"learning_rate": 0.04, "max_leaf_nodes": 15, "min_samples_leaf": 10, "l2_regularization": 0.01, "max_features": 0.4},
        {},
        rounds="max_iter",
        most_rounds=2000,
    ),
    "xgboost": Space(
        {
            "eta": Dimension(0.02, 0.15, log=True),
            "max_depth": Dimension(3, 7),
            "min_child_weight": Dimension(0.3, 10.0, log=True),
            "subsample": Dimension(0.5, 1.0),
            "colsample_bytree": Dimension(0.3, 1.0),
            "lambda": Dimension(0.05, 10.0, log=True),
        },
        {"eta": 0.04, "max_depth": 4, "min_child_weight": 1.0, "subsample": 0.8, "colsample_bytree": 0.5, "lambda": 1.0},
        {},
        rounds="rounds",
        most_rounds=2000,
    ),
    "lightgbm": Space(
        {
            "learning_rate": Dimension(0.02, 0.12, log=True),
            "num_leaves": Dimension(6, 40, log=True),
            "min_child_samples": Dimension(3, 60, log=True),
            "feature_fraction": Dimension(0.3, 1.0),
            "bagging_fraction": Dimension(0.5, 1.0),
            "lambda_l2": Dimension(1e-3, 10.0, log=True),
        },
        {
            "learning_rate": 0.03,
            "num_leaves": 15,
            "min_child_samples": 10,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.8,
            "lambda_l2": 1e-3,
        },
        {"bagging_freq": 1},
        rounds="rounds",
        most_rounds=2000,
    ),
    "catboost": Space(
        {
            "learning_rate": Dimension(0.03, 0.15, log=True),
            "depth": Dimension(3, 7),
            "l2_leaf_reg": Dimension(0.1, 10.0, log=True),
            "subsample": Dimension(0.3, 0.9),
            "random_strength": Dimension(0.3, 3.0, log=True),
        },
        {"learning_rate": 0.06, "depth": 5, "l2_leaf_reg": 1.5, "subsample": 0.6, "random_strength": 1.0},
        {"bootstrap_type": "MVS"},
        rounds="iterations",
        most_rounds=2000,
    ),
}
