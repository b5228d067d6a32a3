"""Logistic regression: the yardstick that every other candidate has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidegate.bundle.linear import Linear, standardised
from tidegate.features import Matrix
from tidegate.training.fitted import Fitted, Labels, Margins, Watched

FAR = 1e300  # as the scale of a constant feature it makes every value of it zero


def fit_logistic_regression(matrix: Matrix, label: Labels, seed: int, parameters: dict[str, Any], _: Watched | None = None) -> Fitted:
    """Logistic regression on standardised features; a missing value stands at its feature's mean."""
    from sklearn.linear_model import LogisticRegression

    present = np.isfinite(matrix)
    count = np.maximum(present.sum(axis=0), 1)
    values = np.where(present, matrix, 0).astype(np.float64)
    mean = values.sum(axis=0) / count
    spread = np.sqrt((np.where(present, values - mean, 0) ** 2).sum(axis=0) / count)
    # A constant feature says nothing; rounding alone can leave it a spread.
    varies = spread > 1e-9 * np.maximum(np.abs(mean), 1e-300)
    scale = np.where(varies, spread, FAR)
    model = LogisticRegression(random_state=seed, **parameters).fit(standardised(matrix, mean, scale), label)
    weight, intercept = model.coef_[0].astype(np.float64), float(model.intercept_[0])

    def margin(rows: Matrix) -> Margins:
        return np.asarray(model.decision_function(standardised(rows, mean, scale)), np.float64)

    return Fitted(margin, "linear", "logit", lambda: Linear(mean, scale, weight, intercept))
