"""Reasons against their definition, the native libraries, and the models they explain."""

from __future__ import annotations

import json
import math
import tracemalloc
import zipfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from tidegate.bundle.calibration import calibrated, log_odds
from tidegate.bundle.manifest import Calibration, Manifest, Member, Training
from tidegate.bundle.model import open_model
from tidegate.bundle.reasons.arrays import TREE_ARRAYS, read_tree_arrays
from tidegate.bundle.reasons.explain import Explainer, by_source, explain, open_explainer
from tidegate.bundle.reasons.forest import forest_contributions, grow
from tidegate.bundle.reasons.oblivious import answers_of, looked_up
from tidegate.customers.spec import load_spec
from tidegate.errors import BundleRefused
from tidegate.features import Matrix, plan_features
from tidegate.training.boosting import fit_catboost, fit_gradient_boosting, fit_lightgbm, fit_xgboost
from tidegate.training.export import write_model, write_tree_arrays
from tidegate.training.fitted import Fitted, Labels
from tidegate.training.forest import fit_random_forest
from tidegate.training.linear import fit_logistic_regression
from tidegate.training.tree_dumps import trees_from_catboost, trees_from_lightgbm, trees_from_xgboost
from tidegate.training.trees import Trees

FEATURES = 6
FITS: dict[str, tuple[Callable[..., Fitted], dict[str, Any]]] = {
    "logistic_regression": (fit_logistic_regression, {"C": 1.0}),
    "random_forest": (fit_random_forest, {"n_estimators": 15, "min_samples_leaf": 3}),
    "gradient_boosting": (fit_gradient_boosting, {"max_iter": 40, "max_leaf_nodes": 12}),
    "xgboost": (fit_xgboost, {"rounds": 40, "eta": 0.2, "max_depth": 4}),
    "lightgbm": (fit_lightgbm, {"rounds": 40, "learning_rate": 0.2, "num_leaves": 12}),
    "catboost": (fit_catboost, {"iterations": 40, "depth": 4, "learning_rate": 0.2}),
}


@pytest.fixture(scope="module")
def table() -> tuple[Matrix, Labels]:
    generator = np.random.default_rng(5)
    matrix = generator.normal(size=(800, FEATURES)).astype(np.float32)
    noise = generator.normal(size=800)
    label = (matrix[:, 0] * matrix[:, 1] + np.abs(matrix[:, 2]) - 0.7 * matrix[:, 3] + noise > 0.8).astype(np.int8)
    matrix[generator.random(matrix.shape) < 0.05] = np.nan
    return matrix, label


@pytest.fixture(scope="module")
def fitted(table: tuple[Matrix, Labels]) -> dict[str, Fitted]:
    return {name: fit(*table, 0, parameters) for name, (fit, parameters) in FITS.items()}


# --- one tree, against the definition -------------------------------------------------------------------------------------------------


def random_tree(generator: np.random.Generator, features: int, depth: int, empty: bool = False) -> Trees:
    trees = Trees(offset=float(generator.normal()), divisor=float(generator.integers(1, 4)))

    def node(level: int) -> tuple[int, bool]:
        if level and (level == depth or generator.random() < 0.15):
            cover = 0.0 if empty and generator.random() < 0.3 else float(generator.integers(1, 50))
            return trees.add_leaf(float(generator.normal()), cover), True
        position = trees.add_node(int(generator.integers(features)), float(np.float32(generator.normal())), bool(generator.integers(2)))
        trees.link(position, node(level + 1), node(level + 1))
        return position, False

    for _ in range(int(generator.integers(1, 4))):
        trees.roots.append(node(0)[0])
    return trees


def expectation(trees: Trees, row: Matrix, known: frozenset[int]) -> float:
    """Mean margin where only the features of `known` are: at any other the training rows' shares decide (Lundberg's algorithm 1)."""

    def cover(child: int, is_leaf: bool) -> float:
        if is_leaf:
            return trees.leaf_cover[child]
        return cover(trees.left[child], trees.left_is_leaf[child]) + cover(trees.right[child], trees.right_is_leaf[child])

    def value(child: int, is_leaf: bool) -> float:
        if is_leaf:
            return trees.leaf[child]
        left, right = (trees.left[child], trees.left_is_leaf[child]), (trees.right[child], trees.right_is_leaf[child])
        if trees.feature[child] in known:
            x = float(row[trees.feature[child]])
            goes_left = trees.missing_left[child] if math.isnan(x) else x <= trees.threshold[child]
            return value(*left) if goes_left else value(*right)
        total = cover(child, is_leaf)
        return sum(value(*side) * cover(*side) / total for side in (left, right) if total)

    return sum(value(root, False) for root in trees.roots) / trees.divisor + trees.offset


def shapley(trees: Trees, row: Matrix, features: int) -> list[float]:
    found = []
    for feature in range(features):
        others = [other for other in range(features) if other != feature]
        contribution = 0.0
        for size in range(features):
            weight = math.factorial(size) * math.factorial(features - size - 1) / math.factorial(features)
            for group in map(frozenset, combinations(others, size)):
                contribution += weight * (expectation(trees, row, group | {feature}) - expectation(trees, row, group))
        found.append(contribution)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_trees_are_explained_as_defined_with_features_repeated_and_values_missing(seed: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(seed)
    features = int(generator.integers(2, 5))
    trees = random_tree(generator, features, depth=5, empty=seed % 2 == 1)
    matrix = generator.normal(size=(12, features)).astype(np.float32)
    matrix[generator.random(matrix.shape) < 0.2] = np.nan
    matrix[0, trees.feature[0]] = trees.threshold[0]
    write_tree_arrays(tmp_path / "trees.npz", [trees])
    forest = grow(read_tree_arrays(tmp_path / "trees.npz", features, 1), 0)
    assert forest.base == pytest.approx(expectation(trees, matrix[0], frozenset()), rel=1e-12, abs=1e-12)
    assert np.allclose(forest_contributions(forest, matrix), [shapley(trees, row, features) for row in matrix], rtol=1e-10, atol=1e-12)


def test_a_path_of_thirty_features_is_still_exact(tmp_path: Path) -> None:
    trees, features = Trees(), 30
    last = trees.add_leaf(1.0, 1.0), True
    for feature in range(features):
        node = trees.add_node(feature, 0.0, True)
        trees.link(node, last, (trees.add_leaf(0.0, 1.0 * 2**feature), True))
        last = node, False
    trees.roots.append(last[0])
    write_tree_arrays(tmp_path / "trees.npz", [trees])
    forest = grow(read_tree_arrays(tmp_path / "trees.npz", features, 1), 0)
    contributions = forest_contributions(forest, np.full((1, features), -1, np.float32))
    # Every condition is met by half of those who meet the ones below it, so all features are alike.
    assert forest.base == pytest.approx(2.0**-30, rel=1e-12)
    assert np.allclose(contributions, (1 - 2.0**-30) / 30, rtol=1e-12)


# --- the native libraries -------------------------------------------------------------------------------------------------------------


def ours(trees: Trees, matrix: Matrix, folder: Path) -> np.ndarray[Any, Any]:
    write_tree_arrays(folder / "trees.npz", [trees])
    forest = grow(read_tree_arrays(folder / "trees.npz", matrix.shape[1], 1), 0)
    contributions = forest_contributions(forest, matrix)
    answers = answers_of(forest)
    if answers is not None:
        assert np.allclose(looked_up(answers, matrix), contributions, rtol=0, atol=1e-12)
        contributions = looked_up(answers, matrix)
    return np.column_stack([contributions, np.full(len(matrix), forest.base)])


def test_lightgbm_agrees(table: tuple[Matrix, Labels], tmp_path: Path) -> None:
    import lightgbm

    settings = {"objective": "binary", "verbose": -1, "num_leaves": 12, "bagging_fraction": 0.7, "bagging_freq": 1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(table[0], label=table[1]), 60)
    native = booster.predict(table[0], pred_contrib=True)
    assert np.abs(ours(trees_from_lightgbm(booster.dump_model()), table[0], tmp_path) - native).max() < 1e-9


@pytest.mark.parametrize("depth", [1, 5, 7])
def test_catboost_agrees(depth: int, table: tuple[Matrix, Labels], tmp_path: Path) -> None:
    import catboost

    model = catboost.CatBoostClassifier(
        iterations=60,
        depth=depth,
        learning_rate=0.2,
        nan_mode="Min",
        random_seed=0,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
    ).fit(*table)
    model.save_model(str(tmp_path / "model.json"), format="json")
    native = model.get_feature_importance(catboost.Pool(table[0]), type="ShapValues", thread_count=1)
    trees = trees_from_catboost(json.loads((tmp_path / "model.json").read_text()))
    assert np.abs(ours(trees, table[0], tmp_path) - native).max() < 1e-9


def test_xgboost_agrees_as_far_as_float32_reaches(table: tuple[Matrix, Labels], tmp_path: Path) -> None:
    import xgboost

    settings = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": 4, "eta": 0.2, "nthread": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(*table), 60)
    native = booster.predict(xgboost.DMatrix(table[0]), pred_contribs=True)
    assert np.abs(ours(trees_from_xgboost(bytes(booster.save_raw("json"))), table[0], tmp_path) - native).max() < 1e-5


def test_oblivious_trees_are_looked_up_and_others_are_not(fitted: dict[str, Fitted], tmp_path: Path) -> None:
    found = {}
    for name in ("catboost", "xgboost"):
        content = fitted[name].content()
        assert isinstance(content, Trees)
        write_tree_arrays(tmp_path / "trees.npz", [content])
        found[name] = answers_of(grow(read_tree_arrays(tmp_path / "trees.npz", FEATURES, 1), 0))
    assert found["catboost"] is not None
    assert found["xgboost"] is None


def test_complete_trees_that_ask_differently_beside_one_another_are_not_looked_up(tmp_path: Path) -> None:
    trees = Trees()
    root, left, right = (trees.add_node(feature, 0.0, True) for feature in (0, 1, 2))
    trees.link(root, (left, False), (right, False))
    for node in (left, right):
        trees.link(node, (trees.add_leaf(1.0, 1.0), True), (trees.add_leaf(2.0, 1.0), True))
    trees.roots.append(root)
    write_tree_arrays(tmp_path / "trees.npz", [trees])
    assert answers_of(grow(read_tree_arrays(tmp_path / "trees.npz", 3, 1), 0)) is None
    trees.feature[2] = 1
    write_tree_arrays(tmp_path / "trees.npz", [trees])
    assert answers_of(grow(read_tree_arrays(tmp_path / "trees.npz", 3, 1), 0)) is not None


# --- a bundle's model, alone and in an ensemble ---------------------------------------------------------------------------------------


def manifest_of(members: tuple[Member, ...], combination: Literal["single", "voting", "logit"], calibration: Calibration) -> Manifest:
    training = Training(data_sha256="", rows=1, holdout_rows=1, split="", seed=0, budget="", base_rate=0.5, code_version="")
    return Manifest(
        name="table",
        algorithm="several",
        created_at="",
        kind="ensemble",
        members=members,
        combination=combination,
        features=tuple(f"x{number}" for number in range(FEATURES)),
        features_digest="",
        spec_digest="",
        calibration=calibration,
        threshold=0.5,
        threshold_rule="",
        metrics={},
        training=training,
        parity=0.0,
    )


def opened(folder: Path, parts: list[Fitted], manifest: Manifest) -> Explainer:
    write_model(folder, [part.content() for part in parts], FEATURES)
    return open_explainer(folder, manifest)


def require_additivity(folder: Path, manifest: Manifest, explainer: Explainer, matrix: Matrix) -> None:
    margin = open_model(folder, manifest)(matrix)
    calibration = manifest.calibration
    served = calibrated(calibration, margin)
    if calibration.space == "logit":
        served = calibration.slope * log_odds(margin, calibration.space) + calibration.intercept
    explanation = explain(explainer, matrix)
    assert explanation.space == calibration.space
    assert np.allclose(explanation.base + explanation.contributions.sum(axis=1), served, rtol=1e-9, atol=1e-9)
    alone = np.concatenate([explain(explainer, matrix[row : row + 1]).contributions for row in range(100)])
    assert np.array_equal(alone, explain(explainer, matrix[:100]).contributions)
    assert np.array_equal(alone, explanation.contributions[:100])


@pytest.mark.parametrize("name", FITS)
def test_a_single_models_contributions_add_up(name: str, fitted: dict[str, Fitted], table: tuple[Matrix, Labels], tmp_path: Path) -> None:
    part = fitted[name]
    manifest = manifest_of((Member(name=name, kind=part.kind),), "single", Calibration(slope=0.9, intercept=0.2, space=part.space))
    require_additivity(tmp_path, manifest, opened(tmp_path, [part], manifest), table[0])


@pytest.mark.parametrize("combination", ["voting", "logit"])
def test_an_ensembles_contributions_add_up(
    combination: Literal["voting", "logit"], fitted: dict[str, Fitted], table: tuple[Matrix, Labels], tmp_path: Path
) -> None:
    weights = (0.4, -0.1, 0.2, 0.15, 0.35, 0.3)
    members = tuple(
        Member(name=name, kind=part.kind, calibration=Calibration(slope=0.8, intercept=0.1, space=part.space), weight=weight)
        for (name, part), weight in zip(fitted.items(), weights, strict=True)
    )
    space: Literal["logit", "probability"] = "probability" if combination == "voting" else "logit"
    manifest = manifest_of(members, combination, Calibration(slope=1.1, intercept=-0.05, space=space))
    require_additivity(tmp_path, manifest, opened(tmp_path, list(fitted.values()), manifest), table[0])


def test_members_are_weighed_in_calibrated_log_odds(fitted: dict[str, Fitted], table: tuple[Matrix, Labels], tmp_path: Path) -> None:
    parts, names, rows = [fitted["lightgbm"], fitted["catboost"]], ("lightgbm", "catboost"), table[0][:20]
    single = []
    for name, part in zip(names, parts, strict=True):
        folder = tmp_path / name
        folder.mkdir()
        manifest = manifest_of((Member(name=name, kind="trees"),), "single", Calibration(slope=1.0, intercept=0.0))
        single.append(explain(opened(folder, [part], manifest), rows))
    members = tuple(
        Member(name=name, kind="trees", calibration=Calibration(slope=slope, intercept=0.3), weight=weight)
        for name, slope, weight in zip(names, (0.9, 1.2), (0.75, 0.25), strict=True)
    )
    manifest = manifest_of(members, "logit", Calibration(slope=2.0, intercept=0.1))
    both = explain(opened(tmp_path, parts, manifest), rows)
    expected = 2.0 * (0.75 * 0.9 * single[0].contributions + 0.25 * 1.2 * single[1].contributions)
    assert np.allclose(both.contributions, expected, rtol=1e-12, atol=1e-14)
    assert both.base == pytest.approx(2.0 * (0.75 * (0.9 * single[0].base + 0.3) + 0.25 * (1.2 * single[1].base + 0.3)) + 0.1)


def test_a_linear_model_gives_weight_times_standardised_value(fitted: dict[str, Fitted], tmp_path: Path) -> None:
    manifest = manifest_of((Member(name="l", kind="linear"),), "single", Calibration(slope=1.0, intercept=0.0))
    explainer = opened(tmp_path, [fitted["logistic_regression"]], manifest)
    (model,) = json.loads((tmp_path / "model.json").read_text())
    row = np.array([[1, np.nan, 2, 0, -1, 3]], np.float32)
    explanation = explain(explainer, row)
    assert explanation.base == model["intercept"]
    assert explanation.contributions[0, 1] == 0
    assert explanation.contributions[0, 2] == (2 - model["mean"][2]) / model["scale"][2] * model["weight"][2]


def test_indicators_and_numbers_are_summed_to_their_raw_columns() -> None:
    plan = plan_features(load_spec("bank"))
    contributions = np.random.default_rng(0).normal(size=(5, len(plan.names)))
    names, summed = by_source(plan, contributions)
    assert len(names) == len(set(names)) == summed.shape[1]
    education = [position for position, name in enumerate(plan.names) if name.startswith("education_level=")]
    assert len(education) == 7
    assert np.allclose(summed[:, names.index("education_level")], contributions[:, education].sum(axis=1))
    assert np.allclose(summed.sum(axis=1), contributions.sum(axis=1))


# --- hostile files --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def arrays(fitted: dict[str, Fitted], tmp_path: Path) -> dict[str, Any]:
    content = fitted["lightgbm"].content()
    assert isinstance(content, Trees)
    write_tree_arrays(tmp_path / "trees.npz", [content])
    with np.load(tmp_path / "trees.npz", allow_pickle=False) as stored:
        return dict(stored)


def damaged(arrays: dict[str, Any], name: str, position: int, value: float) -> dict[str, Any]:
    changed = arrays[name].copy()
    changed[position] = value
    return {**arrays, name: changed}


DAMAGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a feature beyond the last": lambda a: damaged(a, "feature", 0, FEATURES),
    "a negative feature": lambda a: damaged(a, "feature", 0, -1),
    "a child beyond the last": lambda a: damaged(a, "left", 0, 10**6),
    "a negative child": lambda a: damaged(a, "left", 0, -1),
    "two parents of one node": lambda a: damaged(a, "roots", 1, int(a["roots"][0])),
    "a leaf that is not a number": lambda a: damaged(a, "leaf", 0, np.nan),
    "a threshold that is not a number": lambda a: damaged(a, "threshold", 0, np.nan),
    "a negative cover": lambda a: damaged(a, "leaf_cover", 0, -1),
    "a divisor of zero": lambda a: damaged(a, "divisor", 0, 0),
    "a member that is not there": lambda a: damaged(a, "tree_member", 0, 1),
    "a shorter array": lambda a: {**a, "leaf_cover": a["leaf_cover"][:-1]},
    "another type": lambda a: {**a, "leaf": a["leaf"].astype(np.float32)},
    "a matrix": lambda a: {**a, "leaf": a["leaf"][None]},
    "objects": lambda a: {**a, "leaf": np.array([{}], dtype=object)},
    "no roots": lambda a: {**a, "roots": a["roots"][:0], "tree_member": a["tree_member"][:0]},
    "an array too few": lambda a: {name: values for name, values in a.items() if name != "offset"},
    "an array too many": lambda a: {**a, "more": a["leaf"]},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_trees_are_refused(damage: str, arrays: dict[str, Any], tmp_path: Path) -> None:
    assert set(arrays) == set(TREE_ARRAYS)
    np.savez_compressed(tmp_path / "trees.npz", **DAMAGES[damage](arrays))
    with pytest.raises(BundleRefused, match="cannot be read"):
        read_tree_arrays(tmp_path / "trees.npz", FEATURES, 1)


def test_trees_in_a_circle_are_refused(arrays: dict[str, Any], tmp_path: Path) -> None:
    kinds = {name: values.dtype for name, values in arrays.items()}
    circle = {
        "feature": [0, 0],
        "threshold": [0, 0],
        "missing_left": [0, 0],
        "left": [0, 1],
        "right": [1, 2],
        "left_is_leaf": [1, 0],
        "right_is_leaf": [1, 1],
        "leaf": [1, 2, 3],
        "leaf_cover": [1, 1, 1],
        "roots": [0],
        "tree_member": [0],
        "offset": [0],
        "divisor": [1],
    }
    np.savez_compressed(tmp_path / "trees.npz", **{name: np.array(values, kinds[name]) for name, values in circle.items()})  # type: ignore[arg-type]
    manifest = manifest_of((Member(name="t", kind="trees"),), "single", Calibration(slope=1.0, intercept=0.0))
    with pytest.raises(BundleRefused, match="circle"):
        open_explainer(tmp_path, manifest)


def test_a_truncated_a_flipped_and_a_missing_file_are_refused(fitted: dict[str, Fitted], arrays: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "trees.npz"
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    for length in generator.integers(0, len(whole), 30):
        path.write_bytes(whole[:length])
        with pytest.raises(BundleRefused):
            read_tree_arrays(path, FEATURES, 1)
    for place in generator.integers(0, len(whole), 200):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(flipped)
        try:  # a bit that nothing reads may pass; nothing but a refusal may be raised
            read_tree_arrays(path, FEATURES, 1)
        except BundleRefused:
            continue
    path.unlink()
    with pytest.raises(BundleRefused):
        read_tree_arrays(path, FEATURES, 1)


def test_a_false_length_and_a_bomb_allocate_nothing(arrays: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "trees.npz"
    for length, content in ((10**12, b""), ((300 << 20) // 8, bytes(300 << 20))):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({length},), }}".ljust(117).encode() + b"\n"
        np.savez_compressed(path, **{name: values for name, values in arrays.items() if name != "leaf"})
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("leaf.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content)
        del content
        tracemalloc.start()
        with pytest.raises(BundleRefused):
            read_tree_arrays(path, FEATURES, 1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10 << 20


def test_the_same_trees_are_the_same_bytes(fitted: dict[str, Fitted], tmp_path: Path) -> None:
    content = fitted["lightgbm"].content()
    assert isinstance(content, Trees)
    for name in ("one", "two"):
        write_tree_arrays(tmp_path / f"{name}.npz", [content])
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
