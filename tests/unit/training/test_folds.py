from __future__ import annotations

import tempfile
from dataclasses import replace

import numpy as np
import pytest

from tidegate.bundle.linear import Linear
from tidegate.bundle.model import combine, open_members
from tidegate.errors import NotEnoughData
from tidegate.features import Matrix
from tidegate.training.candidates import CANDIDATES, Candidate
from tidegate.training.fitted import Fitted, Labels, Watched
from tidegate.training.folds import Field, fit, fold_positions, out_of_fold_margins
from tidegate.training.model import alone
from tidegate.training.oversampling import oversampled
from tidegate.training.trees import Trees

SMALL = {
    "random_forest": {"n_estimators": 20},
    "gradient_boosting": {"max_iter": 30},
    "xgboost": {"rounds": 30, "max_depth": 3},
    "lightgbm": {"rounds": 30},
    "catboost": {"iterations": 30},
}


def field_of(count: int = 600, ratios: tuple[int, ...] = (2,), smote: bool = False, seed: int = 0) -> Field:
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(count, 5)).astype(np.float32)
    matrix[:, 2] = matrix[:, 0] / matrix[:, 1]
    label = (matrix[:, 0] + generator.normal(size=count) > 1.2).astype(np.int8)
    which = np.isin(np.arange(5), ratios)
    return Field(matrix, label, fold_positions(label, None, seed), seed, smote, which)


def small(name: str, ratios: bool) -> Candidate:
    candidate = next(one for one in CANDIDATES if one.name == name)
    return replace(candidate, parameters=candidate.parameters | SMALL.get(name, {}), ratios=ratios)


@pytest.mark.parametrize("name", [candidate.name for candidate in CANDIDATES])
def test_a_model_without_ratios_never_looks_at_them(name: str, tmp_path: object) -> None:
    field = field_of()
    model = alone(fit(small(name, ratios=False), field, slice(None)), name)
    disturbed = field.matrix.copy()
    disturbed[:, 2] = 1e6
    assert np.array_equal(model.margin(field.matrix), model.margin(disturbed))
    model.write(tmp_path, 5)  # type: ignore[arg-type]
    members = open_members(tmp_path, model.members, 5)  # type: ignore[arg-type]
    served = combine(model.members, model.combination, members(disturbed))
    assert np.allclose(served, model.margin(field.matrix), atol=1e-6)
    with_ratios = fit(small(name, ratios=True), field, slice(None))
    assert not np.array_equal(with_ratios.margin(field.matrix), model.margin(field.matrix))


def test_a_table_of_ratios_only_keeps_them() -> None:
    field = field_of(ratios=(0, 1, 2, 3, 4))
    fitted = fit(small("lightgbm", ratios=False), field, slice(None))
    assert len(np.unique(fitted.margin(field.matrix))) > 10


def test_a_row_is_judged_by_a_model_that_did_not_see_it() -> None:
    seen: list[int] = []

    def remember(matrix: Matrix, label: Labels, seed: int, parameters: dict[str, object], watched: Watched | None) -> Fitted:
        known = {row.tobytes() for row in matrix}
        seen.append(len(known))

        def margin(rows: Matrix) -> np.ndarray:
            return np.array([float(row.tobytes() in known) for row in rows])

        return Fitted(margin, "linear", "logit", lambda: Linear(np.zeros(5), np.ones(5), np.zeros(5), 0.0))

    field = field_of()
    assert out_of_fold_margins(Candidate("memory", 0, remember, {}), field).sum() == 0
    assert len(seen) == len(field.folds)


def test_oversampling_touches_what_is_learned_from_only() -> None:
    rows: list[tuple[int, int]] = []

    def count(matrix: Matrix, label: Labels, seed: int, parameters: dict[str, object], watched: Watched | None) -> Fitted:
        rows.append((len(label), int(label.sum())))
        return Fitted(lambda judged: np.zeros(len(judged)), "linear", "logit", lambda: Linear(*np.zeros((3, 5)), 0.0))

    field = field_of(smote=True)
    assert len(out_of_fold_margins(Candidate("count", 0, count, {}), field)) == len(field.label)
    for (grown, left), (train, _) in zip(rows, field.folds, strict=True):
        assert left * 2 == grown > len(train)


def test_oversampling_keeps_missing_values_and_adds_none() -> None:
    field = field_of()
    holes = np.where(np.random.default_rng(1).random(field.matrix.shape) < 0.2, np.nan, field.matrix).astype(np.float32)
    matrix, label = oversampled(holes, field.label, 0)
    assert np.array_equal(matrix[: len(holes)], holes, equal_nan=True)
    assert not np.isnan(matrix[len(holes) :]).any()
    assert label.sum() * 2 == len(label)


def test_too_few_for_neighbours_is_left_as_it_is() -> None:
    label = np.zeros(100, np.int8)
    label[:5] = 1
    matrix = np.arange(500, dtype=np.float32).reshape(100, 5)
    assert oversampled(matrix, label, 0)[0] is matrix


def test_one_class_in_a_fold_is_refused_in_one_sentence() -> None:
    label = np.zeros(60, np.int8)
    label[:12] = 1
    groups = np.array(["all leavers" if left else f"g{row}" for row, left in enumerate(label)], dtype=object)
    with pytest.raises(NotEnoughData, match="holds one class only"):
        fold_positions(label, groups, 0)


def test_early_stopping_reports_the_rounds_it_kept() -> None:
    field = field_of(900)
    train, judged = field.folds[0]
    for name, rounds in (("lightgbm", "rounds"), ("xgboost", "rounds"), ("catboost", "iterations"), ("gradient_boosting", "max_iter")):
        candidate = small(name, ratios=True)
        candidate = replace(candidate, parameters=candidate.parameters | {rounds: 400})
        fitted = fit(candidate, field, train, judged)
        assert fitted.rounds is not None
        assert 1 <= fitted.rounds < 400, name


def test_the_trees_of_catboost_are_read_out_without_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where home and temporary folder share a full disk, its own words for that would be nobody's."""
    fitted = fit(small("catboost", ratios=True), field_of(300), slice(None))
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    trees = fitted.content()
    assert isinstance(trees, Trees)
    assert len(trees.roots) == 30
