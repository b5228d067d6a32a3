"""The scorer: a bundle in memory. Rows in, probabilities out; knows no HTTP.

A row's probability does not depend on the rows beside it: trees run in one thread in double precision, linear models add in a fixed order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.manifest import Calibration, Manifest, read_json, read_manifest
from tidegate.customers.contract import Contract, compile_contract
from tidegate.customers.rows import Rows
from tidegate.customers.spec import parse_spec
from tidegate.errors import BundleRefused, SpecRefused
from tidegate.features import FeaturePlan, Matrix, compute, plan_features

Margin = Callable[[Matrix], NDArray[np.float64]]
EDGE = 1e-4


@dataclass(frozen=True)
class Scorer:
    """A verified bundle, ready to score. `version` is the registry's name for it, `digest` identifies its content."""

    version: str
    digest: str
    manifest: Manifest
    contract: Contract
    plan: FeaturePlan
    margin: Margin


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
    margin = open_trees(folder / "model.onnx") if manifest.model == "trees" else open_linear(folder / "model.json", len(plan.names))
    return Scorer(version, digest or "", manifest, compile_contract(spec), plan, margin)


def score(scorer: Scorer, rows: Rows) -> NDArray[np.float64]:
    """Churn probability of valid rows, float64 (n,), in [0, 1]."""
    return calibrated(scorer.manifest.calibration, scorer.margin(compute(scorer.plan, rows)))


def calibrated(calibration: Calibration, margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Margins → probabilities. `math.exp` a row: vectorised exponentials differ between machines in the last bit."""
    slope, intercept = calibration.slope, calibration.intercept
    return np.array([_sigmoid(slope * value + intercept) for value in log_odds(margin, calibration.space).tolist()], np.float64)


def log_odds(margin: NDArray[np.float64], space: str) -> NDArray[np.float64]:
    """Margins as log-odds, float64 (n,): as they are, or taken of a probability kept `EDGE` away from 0 and 1."""
    if space == "logit":
        return margin
    kept = np.clip(margin, EDGE, 1 - EDGE).tolist()
    return np.array([math.log(value / (1 - value)) for value in kept], np.float64)


def _sigmoid(value: float) -> float:
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    grown = math.exp(value)
    return grown / (1.0 + grown)


def open_trees(path: Path) -> Margin:
    """Margins of an ONNX tree ensemble: float32 (n, f) → float64 (n,). Raises BundleRefused where it cannot be loaded."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # An arena would keep the largest batch's memory for good.
    options.enable_cpu_mem_arena = False
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        entry, result = session.get_inputs()[0].name, session.get_outputs()[0].name
    except Exception as error:  # noqa: BLE001 - the runtime raises its own types, one a status code
        raise BundleRefused(f"The model of bundle {path.parent.name} cannot be loaded ({type(error).__name__}).", "Train again.") from None

    def margin(matrix: Matrix) -> NDArray[np.float64]:
        return np.asarray(session.run([result], {entry: matrix})[0], np.float64).reshape(-1)

    return margin


def open_linear(path: Path, features: int) -> Margin:
    """Margins of a linear model: each feature standardised, a missing one taken at its mean, products added from first to last."""
    parts = read_json(path)
    try:
        assert isinstance(parts, dict)
        mean, scale, weight = (np.array(parts[name], np.float64) for name in ("mean", "scale", "weight"))
        intercept = float(parts["intercept"])
        assert mean.shape == scale.shape == weight.shape == (features,)
        assert np.isfinite([*mean, *scale, *weight, intercept]).all()
    except (AssertionError, KeyError, TypeError, ValueError):
        raise BundleRefused(f"The linear model of bundle {path.parent.name} cannot be read.", "Train again.") from None

    def margin(matrix: Matrix) -> NDArray[np.float64]:
        return intercept + fixed_order_sum(standardised(matrix, mean, scale) * weight)

    return margin


def standardised(matrix: Matrix, mean: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """(x − mean) / scale in double precision, 0 where missing: what linear models are trained and served on."""
    values = (matrix.astype(np.float64) - mean) / scale
    values[np.isnan(values)] = 0.0
    return values


def fixed_order_sum(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Row sums (n,) of (n, f), added from the first column to the last whatever the batch size."""
    return np.ascontiguousarray(np.cumsum(products, axis=1)[:, -1])
