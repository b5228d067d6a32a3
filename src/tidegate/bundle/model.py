"""The model files of a bundle: margins of each member, and how members become one margin. No training library is needed.

`model.onnx` holds every tree member in one graph, `model.json` every linear one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.calibration import calibrated, log_odds
from tidegate.bundle.linear import parse_linear
from tidegate.bundle.manifest import Manifest, Member
from tidegate.errors import BundleRefused
from tidegate.features import Matrix
from tidegate.telemetry import switch_off_telemetry

Margin = Callable[[Matrix], NDArray[np.float64]]


def open_model(folder: Path, manifest: Manifest) -> Margin:
    """Margins of a bundle's model: float32 (n, f) → float64 (n,). Raises BundleRefused where a file cannot be read."""
    members = open_members(folder, manifest.members, len(manifest.features))
    if manifest.combination == "single":
        return lambda matrix: members(matrix)[:, 0]
    return lambda matrix: combine(manifest.members, manifest.combination, members(matrix))


def open_members(folder: Path, members: Sequence[Member], features: int) -> Margin:
    """Margins of every member, each in its own space: float32 (n, f) → float64 (n, members)."""
    kinds = [member.kind for member in members]
    trees = open_trees(folder / "model.onnx") if "trees" in kinds else None
    linear = open_linear(folder / "model.json", features, kinds.count("linear")) if "linear" in kinds else None
    order = np.argsort(np.argsort([kind == "linear" for kind in kinds], kind="stable"), kind="stable")

    def margins(matrix: Matrix) -> NDArray[np.float64]:
        found = np.concatenate([part(matrix) for part in (trees, linear) if part is not None], axis=1)
        if found.shape[1] != len(order):
            raise BundleRefused(f"Bundle {folder.name} holds another number of models than its manifest names.", "Train again.")
        return found[:, order]

    return margins


def combine(members: Sequence[Member], combination: str, margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Margins of the members, float64 (n, m), → the ensemble's, float64 (n,).

    `voting`: the weighted mean of calibrated probabilities. `logit`: the weighted sum of calibrated log-odds (weights may be negative and
    need not add up to one: a stacking model's coefficients are such weights). Added from the first member to the last.
    """
    if combination == "single":
        return margins[:, 0]
    columns = [np.ascontiguousarray(margins[:, index]) for index in range(len(members))]
    parts = [_part(member, combination, column) * member.weight for member, column in zip(members, columns, strict=True)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _part(member: Member, combination: str, margin: NDArray[np.float64]) -> NDArray[np.float64]:
    if combination == "voting":
        return calibrated(member.calibration, margin)
    return member.calibration.slope * log_odds(margin, member.calibration.space) + member.calibration.intercept


def open_trees(path: Path) -> Margin:
    """Margins of an ONNX tree ensemble: float32 (n, f) → float64 (n, models). Raises BundleRefused where it cannot be loaded."""
    switch_off_telemetry()
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
        return np.asarray(session.run([result], {entry: matrix})[0], np.float64).reshape(len(matrix), -1)

    return margin


def open_linear(path: Path, features: int, members: int) -> Margin:
    """Margins of linear models, float32 (n, f) → float64 (n, members): each feature standardised, a missing one taken at its mean, products
    added from first to last.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise BundleRefused(f"{path.name} of bundle {path.parent.name} cannot be read.", "Promote another version.") from None
    models = parse_linear(content, path.parent.name, features, members)
    return lambda matrix: np.stack([model.margin(matrix) for model in models], axis=1)
