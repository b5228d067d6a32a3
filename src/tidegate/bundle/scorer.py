"""The scorer: a bundle in memory. Rows in, probabilities and reasons out; knows no HTTP.

A row's probability does not depend on the rows beside it: trees run in one thread in double precision, linear models add in a fixed order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.calibration import calibrated
from tidegate.bundle.manifest import Manifest, read_manifest
from tidegate.bundle.model import Margin, open_model
from tidegate.bundle.reasons.explain import Explainer
from tidegate.bundle.reasons.keep import keep_explainer
from tidegate.customers.contract import Contract, compile_contract
from tidegate.customers.rows import Rows
from tidegate.customers.spec import parse_spec
from tidegate.errors import BundleRefused, SpecRefused
from tidegate.features import FeaturePlan, compute, plan_features


@dataclass(frozen=True)
class Scorer:
    """A verified bundle, ready to score. `version` is the registry's name for it, `digest` identifies its content,
    `folder` is where it was opened.

    `explainer` gives the reasons' side of the same bundle; the first call works it out (see `reasons.keep`).
    """

    version: str
    digest: str
    manifest: Manifest
    contract: Contract
    plan: FeaturePlan
    margin: Margin
    explainer: Callable[[], Explainer]
    folder: Path


def open_scorer(folder: Path, version: str, digest: str | None = None) -> Scorer:
    """Verify digests, then parse. Run `bundle.check` first on a folder that another process wrote. Raises BundleRefused."""
    manifest = read_manifest(folder, digest)
    try:
        spec = parse_spec((folder / "spec.toml").read_text(encoding="utf-8"), f"spec of bundle {folder.name}")
    except (OSError, UnicodeDecodeError, SpecRefused):
        raise BundleRefused(f"The spec of bundle {folder.name} cannot be read.", "Promote another version.") from None
    plan = plan_features(spec)
    if spec.digest != manifest.spec_digest or plan.names != manifest.features:
        raise BundleRefused(f"Bundle {folder.name} was made for other features than this version computes.", "Train again.")
    margin, explainer = open_model(folder, manifest), keep_explainer(folder, manifest)
    return Scorer(version, digest or "", manifest, compile_contract(spec), plan, margin, explainer, folder)


def score(scorer: Scorer, rows: Rows) -> NDArray[np.float64]:
    """Churn probability of valid rows, float64 (n,), in [0, 1]. No rows, no probabilities: the runtime would not say of how many models."""
    if not len(rows):
        return np.empty(0)
    return calibrated(scorer.manifest.calibration, scorer.margin(compute(scorer.plan, rows)))
