from __future__ import annotations

import numpy as np

from tidegate.bundle.manifest import Calibration, Member
from tidegate.bundle.reasons.explain import Explainer, Part
from tidegate.bundle.reasons.links import Contributions
from tidegate.customers.spec import load_spec
from tidegate.features import Matrix, plan_features
from tidegate.training.card.drivers import FEWEST_ROWS, MOST_ROWS, MOST_WORK, find_drivers

SPEC = load_spec("bank")
PLAN = plan_features(SPEC)


def explainer(work: int = 1) -> Explainer:
    """Contributions are the features themselves."""
    part = Part(lambda matrix: Contributions(0.0, matrix.astype(np.float64)), work)
    return Explainer((part,), (Member(name="m", kind="trees"),), "single", Calibration(slope=1.0, intercept=0.0))


def matrix(rows: int) -> Matrix:
    values = np.zeros((rows, len(PLAN.names)), np.float32)
    values[:, PLAN.names.index("credit_limit")] = np.where(np.arange(rows) % 2, 2, -2)
    values[:, PLAN.names.index("tenure_per_age")] = 0.5
    for level in ("Married", "Single"):
        values[:, PLAN.names.index(f"marital_status={level}")] = -0.75
    return values


def test_drivers_are_raw_columns_with_their_meaning_the_strongest_first() -> None:
    drivers = find_drivers(explainer(), SPEC, PLAN, matrix(50), seed=0)
    assert [(driver.name, driver.mean_absolute) for driver in drivers.columns] == [
        ("credit_limit", 2.0),
        ("marital_status", 1.5),
        ("tenure_per_age", 0.5),
    ]
    assert [(driver.meaning, driver.unit) for driver in drivers.columns] == [
        ("Credit limit of the card", "USD"),
        ("Marital status", ""),
        ("Share of the customer's life spent with the bank", ""),
    ]
    assert (drivers.space, drivers.rows) == ("logit", 50)


def test_a_costly_model_is_explained_on_fewer_rows() -> None:
    rows = matrix(3_000)
    assert find_drivers(explainer(), SPEC, PLAN, rows, seed=0).rows == MOST_ROWS
    assert find_drivers(explainer(int(MOST_WORK / 300)), SPEC, PLAN, rows, seed=0).rows == 300
    assert find_drivers(explainer(int(MOST_WORK)), SPEC, PLAN, rows, seed=0).rows == FEWEST_ROWS
