from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tidegate.bundle.calibration import calibrated
from tidegate.bundle.linear import Linear
from tidegate.bundle.manifest import Calibration, Member
from tidegate.bundle.model import combine, open_members
from tidegate.measures.classification import log_loss
from tidegate.training.choice import choose, judge, platt
from tidegate.training.ensembles import Part, averaging_weights, ensembles_of, members_of, stacking_weights
from tidegate.training.fitted import Fitted
from tidegate.training.folds import fold_positions
from tidegate.training.model import Model, alone


def part(name: str, label: np.ndarray, margins: np.ndarray, space: str = "logit") -> Part:
    zeros = np.zeros(2)
    fitted = Fitted(lambda rows: np.zeros(len(rows)), "linear", space, lambda: Linear(zeros, zeros + 1, zeros, 0.0))  # type: ignore[arg-type]
    return Part(judge(name, 1, label, margins, space), margins, alone(fitted, name))  # type: ignore[arg-type]


def sample(count: int = 3_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and the margins of two models whose errors have nothing to do with each other, and of a useless third."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=count) * 2 - 1.5
    label = (generator.random(count) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    return label, np.stack([truth + generator.normal(size=count), truth + generator.normal(size=count), generator.normal(size=count)])


def test_models_that_err_apart_are_better_together_and_chosen() -> None:
    label, margins = sample()
    parts = [part(name, label, each) for name, each in zip("abc", margins, strict=True)]
    found = ensembles_of(parts, label, fold_positions(label, None, 0))
    assert [one.name for one in found] == ["soft_voting", "logit_average", "stacking"]
    judged = [judge(one.name, 2, label, one.margins, one.model.space) for one in found]
    best_alone = min(one.judged.metrics["log_loss"] for one in parts)
    for one in judged:
        assert one.metrics["log_loss"] < best_alone - 0.01, one.name
    assert choose([*(one.judged for one in parts), *judged], label, 0)[0].complexity == 2


def test_what_adds_nothing_does_not_enter_and_one_is_no_ensemble() -> None:
    label, margins = sample()
    parts = [part(name, label, each) for name, each in zip("abc", margins, strict=True)]
    assert {one.judged.name for one in members_of(parts, label)} == {"a", "b"}
    again = [part("a", label, margins[0]), part("copy", label, margins[0] * 3)]
    assert ensembles_of(again, label, fold_positions(label, None, 0)) == ()
    assert ensembles_of(parts[:1], label, fold_positions(label, None, 0)) == ()


def test_an_ensemble_within_noise_of_its_best_member_is_not_chosen() -> None:
    label, margins = sample()
    nearly = margins[0] + np.random.default_rng(3).normal(scale=0.02, size=len(label))
    alone_, both = judge("alone", 1, label, margins[0]), judge("both", 2, label, nearly)
    assert choose([alone_, both], label, 0)[0] is alone_
    assert "simplest" in choose([alone_, both], label, 0)[1] or "log-loss" in choose([alone_, both], label, 0)[1]


def test_averaging_weights_are_a_mixture_and_find_the_better_model() -> None:
    label, margins = sample()
    weights = averaging_weights(margins[[0, 2]].T, label)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert weights[0] > 0.9
    even = averaging_weights(margins[:2].T, label)
    assert even == pytest.approx([0.5, 0.5], abs=0.15)


def test_stacking_weights_are_those_of_a_logistic_regression() -> None:
    label, margins = sample()
    weights = stacking_weights(margins.T, label)
    assert weights[0] > 0.2
    assert weights[1] > 0.2
    assert abs(weights[2]) < 0.1


def test_the_weights_that_judge_a_fold_were_found_without_it() -> None:
    label, _ = sample()
    noise = np.random.default_rng(5).normal(size=(2, len(label)))
    parts = [part("first", label, noise[0]), part("second", label, noise[1])]
    folds = fold_positions(label, None, 0)
    for one in ensembles_of(parts, label, folds):
        fitted = calibrated(platt(one.margins, label), one.margins)
        base = label.mean()
        assert log_loss(label, fitted) >= log_loss(label, np.full(len(label), base)) - 2e-3


def test_combining_is_the_formula_and_each_row_stands_alone() -> None:
    members = (
        Member(name="a", kind="trees", calibration=Calibration(slope=2.0, intercept=-1.0), weight=0.25),
        Member(name="b", kind="trees", calibration=Calibration(slope=1.0, intercept=0.5, space="probability"), weight=0.75),
    )
    margins = np.column_stack([np.linspace(-3, 3, 50), np.linspace(0.01, 0.99, 50)])
    first, second = 2 * margins[:, 0] - 1, np.log(margins[:, 1] / (1 - margins[:, 1])) + 0.5
    assert combine(members, "logit", margins) == pytest.approx(0.25 * first + 0.75 * second, abs=1e-12)
    voted = 0.25 / (1 + np.exp(-first)) + 0.75 / (1 + np.exp(-second))
    assert combine(members, "voting", margins) == pytest.approx(voted, abs=1e-12)
    for combination in ("logit", "voting"):
        parts = np.concatenate([combine(members, combination, margins[row : row + 1]) for row in range(50)])
        assert np.array_equal(parts, combine(members, combination, margins))


def test_an_ensemble_of_every_kind_is_served_as_it_was_trained(tmp_path: Path) -> None:
    from tidegate.training.candidates import CANDIDATES
    from unit.training.test_folds import field_of, small

    field = field_of(800)
    names = [candidate.name for candidate in CANDIDATES]
    alone_models = [alone(_fitted(name, field, small), name) for name in names]
    members = tuple(
        Member(name=name, kind=model.members[0].kind, calibration=Calibration(slope=1.1, intercept=0.1, space=model.space), weight=weight)
        for name, model, weight in zip(names, alone_models, np.linspace(-0.2, 0.6, 6), strict=True)
    )
    model = Model(tuple(one.parts[0] for one in alone_models), members, "logit", "logit")
    model.write(tmp_path, 5)
    served = combine(members, "logit", open_members(tmp_path, members, 5)(field.matrix))
    assert np.abs(served - model.margin(field.matrix)).max() < 1e-5
    assert not list(tmp_path.glob("*.pkl"))


def _fitted(name: str, field: object, small: object) -> Fitted:
    from tidegate.training.folds import fit

    return fit(small(name, ratios=True), field, slice(None))  # type: ignore[operator, arg-type]
