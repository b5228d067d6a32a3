"""Random forest."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidegate.features import Matrix
from tidegate.training.fitted import Fitted, Labels, Margins, Watched, fitted_trees, threads
from tidegate.training.tree_dumps import trees_from_forest


def fit_random_forest(matrix: Matrix, label: Labels, seed: int, parameters: dict[str, Any], _: Watched | None = None) -> Fitted:
    """scikit-learn's random forest (Breiman 2001); its margin is a probability, the mean share of leavers in the leaves reached."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(random_state=seed, n_jobs=threads(matrix), **parameters).fit(matrix, label)

    # Threads would add their trees in the order in which they finish.
    model.n_jobs = 1

    def margin(rows: Matrix) -> Margins:
        return np.asarray(model.predict_proba(rows)[:, 1], np.float64)

    return fitted_trees(margin, lambda: trees_from_forest(model.estimators_), "probability")
