"""Champions of every kind on the simulated bank, for tests: one algorithm alone, a linear model, two ways to combine several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.bundle.champion import champion_pointer
from tidegate.bundle.golden import write_golden
from tidegate.bundle.manifest import Calibration, Manifest, Member, seal
from tidegate.bundle.scorer import open_scorer
from tidegate.customers.history import load_history
from tidegate.customers.spec import load_spec
from tidegate.features import compute, plan_features
from tidegate.home import Home
from tidegate.storage.files import Folder
from tidegate.storage.pointer import Pointer, write_pointer
from tidegate.training.boosting import fit_catboost, fit_lightgbm
from tidegate.training.fitted import Fitted
from tidegate.training.forest import fit_random_forest
from tidegate.training.linear import fit_logistic_regression
from tidegate.training.model import Combination, Model

_FITS: Mapping[str, tuple[Any, dict[str, Any]]] = {
    "lightgbm": (fit_lightgbm, {"rounds": 40, "learning_rate": 0.1, "num_leaves": 12}),
    "catboost": (fit_catboost, {"iterations": 40, "depth": 4, "learning_rate": 0.1}),
    "random_forest": (fit_random_forest, {"n_estimators": 15, "min_samples_leaf": 5}),
    "logistic_regression": (fit_logistic_regression, {"C": 0.1}),
}


@dataclass(frozen=True)
class Kind:
    """A kind of champion: how its parts are combined, which they are, and the space in which its contributions add up."""

    combination: Combination
    parts: tuple[str, ...]
    space: str


KINDS: Mapping[str, Kind] = {
    "single": Kind("single", ("lightgbm",), "logit"),
    "forest": Kind("single", ("random_forest",), "probability"),
    "linear": Kind("single", ("logistic_regression",), "logit"),
    "voting": Kind("voting", ("lightgbm", "catboost", "logistic_regression"), "probability"),
    "logit": Kind("logit", ("catboost", "random_forest", "lightgbm"), "logit"),
}


def fit_all(data: Path, quarantine: Path) -> dict[str, Fitted]:
    """Each algorithm, small, on the table `data` of the bank."""
    spec = load_spec("bank")
    history = load_history(data, spec, quarantine, 1.0)
    matrix = compute(plan_features(spec), history.rows)
    return {name: fit(matrix, history.label, 0, parameters) for name, (fit, parameters) in _FITS.items()}


def promote_kind(home: Home, fitted: Mapping[str, Fitted], name: str, version: str) -> None:
    """Make a bundle of this kind the champion of `home`, as `version`, in place of the one whose spec and card it takes."""
    kind, storage = KINDS[name], Folder(home.storage)
    old = home.storage / "bundles" / champion_pointer(storage).version
    folder = home.storage / "bundles" / version
    folder.mkdir()
    for copied in ("spec.toml", "reference.json", "card.json", "card.html"):
        (folder / copied).write_bytes((old / copied).read_bytes())
    parts = [fitted[part] for part in kind.parts]
    members = tuple(
        Member(name=part, kind=one.kind, calibration=Calibration(slope=0.9, intercept=0.1, space=one.space), weight=weight)
        for part, one, weight in zip(kind.parts, parts, (0.5, 0.3, 0.2), strict=False)
    )
    model = Model(tuple(parts), members, kind.combination, "probability" if kind.space == "probability" else "logit")
    manifest = Manifest.model_validate_json((old / "manifest.json").read_bytes())
    calibration = Calibration(slope=1.1, intercept=-0.1, space=model.space)
    manifest = manifest.model_copy(update={"members": members, "combination": kind.combination, "calibration": calibration})
    model.write(folder, len(manifest.features))
    seal(folder, manifest)
    write_golden(folder, open_scorer(folder, version))
    write_pointer(storage, Pointer(version, seal(folder, manifest), "2026-01-01T00:00:00+00:00"))
