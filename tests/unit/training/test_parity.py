from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import TrainedHome
from tidegate.bundle.calibration import calibrated
from tidegate.bundle.manifest import Calibration
from tidegate.bundle.model import Margin, combine, open_members
from tidegate.errors import BundleRefused
from tidegate.features import Matrix, compute, plan_features
from tidegate.training.candidates import CANDIDATES, Candidate, named
from tidegate.training.fitted import Fitted, Labels
from tidegate.training.model import Model, alone
from tidegate.training.parity import LARGEST_DIFFERENCE, parity_rows, require_parity
from tidegate.training.tree_dumps import trees_from_lightgbm

JITTERED = 200_000
SMALL: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 40},
    "gradient_boosting": {"max_iter": 120},
    "xgboost": {"rounds": 150},
    "lightgbm": {"rounds": 150},
    "catboost": {"iterations": 150},
}


@pytest.fixture(scope="module")
def table(trained: TrainedHome) -> tuple[Matrix, Labels]:
    history = trained.trained.history
    from tidegate.customers.spec import load_spec

    matrix = compute(plan_features(load_spec("bank")), history.rows)
    holes = np.random.default_rng(0).random(matrix.shape) < 0.03
    holes[:, :3] = False
    return np.where(holes, np.float32(np.nan), matrix), history.label


def fit(candidate: Candidate, table: tuple[Matrix, Labels]) -> Fitted:
    return candidate.fit(*table, 0, candidate.parameters | SMALL.get(candidate.name, {}), None)


def served_by(model: Model, folder: Path, features: int) -> Margin:
    model.write(folder, features)
    members = open_members(folder, model.members, features)
    return lambda matrix: combine(model.members, model.combination, members(matrix))


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.name)
def test_what_is_served_is_what_was_trained(candidate: Candidate, table: tuple[Matrix, Labels], tmp_path: Path) -> None:
    matrix, _ = table
    model = alone(fit(candidate, table), candidate.name)
    served = served_by(model, tmp_path, matrix.shape[1])
    rows = parity_rows(matrix, model, seed=1, count=JITTERED)
    calibration = Calibration(slope=1.0, intercept=0.0, space=model.space)
    probability = calibrated(calibration, served(rows))
    threshold = 0.5 * float(np.quantile(probability, 0.8) + np.quantile(probability, 0.81))
    assert require_parity(model, probability, rows, calibration, threshold, candidate.name) <= LARGEST_DIFFERENCE
    some = rows[:1001]
    whole = served(some)
    for size in (1, 7, 1000):
        parts = np.concatenate([served(some[start : start + size]) for start in range(0, len(some), size)])
        assert np.array_equal(parts, whole), size


def test_a_threshold_moved_by_one_float32_step_is_caught(table: tuple[Matrix, Labels], tmp_path: Path) -> None:
    import lightgbm

    matrix, label = table
    data = lightgbm.Dataset(matrix, label=label)
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 15, "learning_rate": 0.3}, data, 20)
    trees = trees_from_lightgbm(booster.dump_model())
    trees.threshold = [float(np.nextafter(np.float32(value), np.float32(np.inf))) for value in trees.threshold]
    model = alone(Fitted(lambda rows: np.asarray(booster.predict(rows, raw_score=True)), "trees", "logit", lambda: trees), "lightgbm")
    served = served_by(model, tmp_path, matrix.shape[1])
    rows = parity_rows(matrix, model, seed=1)
    calibration = Calibration(slope=1.0, intercept=0.0)
    with pytest.raises(BundleRefused, match="differs from the trained one"):
        require_parity(model, calibrated(calibration, served(rows)), rows, calibration, 0.5, "lightgbm")


def test_values_that_lightgbm_reads_as_zero_are_served_as_zero(tmp_path: Path) -> None:
    """Columns whose zero is a bin of its own get thresholds of ±1e-35; a value at them is zero to LightGBM."""
    generator = np.random.default_rng(0)
    matrix = np.round(generator.normal(size=(400, 60)), 1).astype(np.float32)
    label = ((matrix[:, :20] == 0).sum(axis=1) + (matrix[:, 0] > 0) > 1).astype(np.int8)
    model = alone(fit(next(one for one in CANDIDATES if one.name == "lightgbm"), (matrix, label)), "lightgbm")
    thresholds = np.array(model.parts[0].content().threshold)  # type: ignore[union-attr]
    assert (np.abs(thresholds) < 1e-34).any()
    rows = np.concatenate(
        [np.where(generator.random(matrix.shape) < 0.3, np.float32(edge), matrix) for edge in (1e-35, -1e-35, 1e-36, -2e-35)]
    )
    assert np.abs(served_by(model, tmp_path, 60)(rows) - model.margin(rows)).max() < 1e-9


def test_a_constant_table_still_gives_every_candidate_a_model(tmp_path: Path) -> None:
    matrix = np.ones((200, 3), np.float32)
    label = (np.arange(200) % 4 == 0).astype(np.int8)
    for candidate in named(None):
        if candidate.name == "catboost":
            continue  # it refuses a table of constants; training counts such features out before it
        model = alone(fit(candidate, (matrix, label)), candidate.name)
        folder = tmp_path / candidate.name
        folder.mkdir()
        assert np.allclose(served_by(model, folder, 3)(matrix), model.margin(matrix), atol=1e-6)
