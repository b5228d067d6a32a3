"""Reasons of a bundle's model: what each feature added to, or took from, what is said of an average training customer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.calibration import calibrated, log_odds
from tidegate.bundle.linear import Linear, parse_linear
from tidegate.bundle.manifest import Calibration, Manifest, Member
from tidegate.bundle.reasons.arrays import parse_tree_arrays
from tidegate.bundle.reasons.forest import Forest, forest_contributions, grow
from tidegate.bundle.reasons.links import Contributions, added, scaled, through
from tidegate.bundle.reasons.oblivious import Answers, answers_of, looked_up
from tidegate.errors import BundleRefused
from tidegate.features import FeaturePlan, Matrix

Floats = NDArray[np.float64]
Space = Literal["logit", "probability"]


@dataclass(frozen=True)
class Part:
    """One member: its contributions to its own margin, and the multiplications that a row costs, in round figures."""

    contributions: Callable[[Matrix], Contributions]
    work: int


@dataclass(frozen=True)
class Explainer:
    """A bundle's models, ready to explain: each member's contributions to its own margin, and how members become the served number."""

    parts: tuple[Part, ...]
    members: tuple[Member, ...]
    combination: Literal["single", "voting", "logit"]
    calibration: Calibration

    @property
    def work(self) -> int:
        """The sum of the parts' work."""
        return sum(part.work for part in self.parts)


@dataclass(frozen=True)
class Explanation:
    """`base` + the row sums of `contributions`, float64 (n, f), is what the bundle serves: its log-odds (`logit`) or its probability."""

    space: Space
    base: float
    contributions: Floats


@dataclass(frozen=True)
class ModelFiles:
    """The bytes of a bundle's `trees.npz` and `model.json`, each empty where no member needs it; `bundle` is its name."""

    bundle: str
    trees: bytes
    linear: bytes


def read_files(folder: Path, manifest: Manifest) -> ModelFiles:
    """What reasons are made of, not parsed yet. Raises BundleRefused where a file cannot be read."""
    found = {}
    for kind, name in (("trees", "trees.npz"), ("linear", "model.json")):
        wanted = any(member.kind == kind for member in manifest.members)
        try:
            found[kind] = (folder / name).read_bytes() if wanted else b""
        except OSError as error:
            sentence = f"{name} of bundle {folder.name} cannot be read ({type(error).__name__})."
            raise BundleRefused(sentence, "Promote another version.") from None
    return ModelFiles(folder.name, found["trees"], found["linear"])


def open_explainer(folder: Path, manifest: Manifest) -> Explainer:
    """Read `trees.npz` and `model.json`, as the manifest's members need them. Raises BundleRefused where one cannot be read."""
    return build_explainer(read_files(folder, manifest), manifest)


def build_explainer(files: ModelFiles, manifest: Manifest) -> Explainer:
    """Parse the files and work out all that does not depend on a row. Raises BundleRefused where one cannot be used."""
    kinds, features = [member.kind for member in manifest.members], len(manifest.features)
    trees = iter(_parse_trees(files, features, kinds.count("trees")))
    linear = iter(_parse_linear(files, features, kinds.count("linear")))
    parts = tuple(next(trees if kind == "trees" else linear) for kind in kinds)
    return Explainer(parts, manifest.members, manifest.combination, manifest.calibration)


def explain(explainer: Explainer, matrix: Matrix) -> Explanation:
    """Contributions of every feature of float32 (n, f) to the served number, in the space of the bundle's calibration.

    Exact Shapley values where members add up in log-odds. Where a number passes through a curve (a forest's share of leavers, voting), the
    contributions are rescaled so that they still add up; see `links.through`. A row's do not depend on the rows beside it.
    """
    found = [part.contributions(matrix) for part in explainer.parts]
    if explainer.combination == "single":
        margin = found[0]
    else:
        entering = zip(explainer.members, found, strict=True)
        margin = added([scaled(_entering(member, part, explainer.combination), member.weight) for member, part in entering])
    served = explainer.calibration
    if served.space == "logit":
        result = scaled(margin, served.slope, served.intercept)
    else:
        result = through(margin, lambda values: calibrated(served, values))
    return Explanation(served.space, result.base, result.values)


def by_source(plan: FeaturePlan, contributions: Floats) -> tuple[tuple[str, ...], Floats]:
    """Contributions of features, (n, f), summed to the raw columns and ratios they come from: their names, and float64 (n, sources)."""
    names = tuple(dict.fromkeys(plan.sources))
    summed = np.zeros((len(contributions), len(names)))
    for feature, source in enumerate(plan.sources):
        summed[:, names.index(source)] += contributions[:, feature]
    return names, summed


def _entering(member: Member, part: Contributions, combination: str) -> Contributions:
    """A member's contributions in the space in which members are added."""
    calibration = member.calibration
    if combination == "voting":
        return through(part, lambda values: calibrated(calibration, values))
    if calibration.space == "probability":
        part = through(part, lambda values: log_odds(values, "probability"))
    return scaled(part, calibration.slope, calibration.intercept)


def _parse_trees(files: ModelFiles, features: int, members: int) -> list[Part]:
    if not members:
        return []
    arrays = parse_tree_arrays(files.trees, files.bundle, features, members)
    try:
        forests = [grow(arrays, member) for member in range(members)]
    except ValueError:
        raise BundleRefused(f"The trees of bundle {files.bundle} are too large to explain.", "Train a smaller model.") from None
    if sum(len(forest.feature) for forest in forests) != len(arrays.feature):
        raise BundleRefused(f"The trees of bundle {files.bundle} run in a circle.", "Promote another version.")
    return [_explained(forest) for forest in forests]


def _explained(forest: Forest) -> Part:
    answers, base = answers_of(forest), forest.base
    if answers is None:
        return Part(lambda matrix: Contributions(base, forest_contributions(forest, matrix)), forest.hot_factor.size)
    return _looked_up(answers, base)


def _looked_up(answers: Answers, base: float) -> Part:
    """Apart from the above, where a closure would keep the forest and its tables for nothing."""
    return Part(lambda matrix: Contributions(base, looked_up(answers, matrix)), len(answers.feature))


def _parse_linear(files: ModelFiles, features: int, members: int) -> list[Part]:
    """The products of a linear model: its Shapley values around the training means; a missing value adds nothing."""
    models = parse_linear(files.linear, files.bundle, features, members) if members else []
    return [_linear(model) for model in models]


def _linear(model: Linear) -> Part:
    return Part(lambda matrix: Contributions(model.intercept, model.products(matrix)), model.weight.size)
