"""Golden rows: synthetic customers with the features and probabilities they must get. A bundle that fails them does not serve."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tidegate.bundle.manifest import read_json
from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.cells import rows_from_objects
from tidegate.customers.contract import EPOCH, breaches
from tidegate.customers.spec import Column, TableSpec
from tidegate.errors import BundleRefused
from tidegate.features import compute

GOLDEN_ROWS = 32
# The same libraries on another processor may round the last bits of a sum differently; a wrong model is off by far more.
TOLERANCE = 1e-9


def synthetic_rows(spec: TableSpec, seed: int = 0, count: int = GOLDEN_ROWS) -> list[dict[str, object]]:
    """Invented customers that satisfy the spec, as `/predict` takes them."""
    generator = np.random.default_rng(seed)
    return [{column.name: _invented(column, generator) for column in spec.feature_columns} for _ in range(count)]


def _invented(column: Column, generator: np.random.Generator) -> object:
    if column.nullable and generator.random() < 0.2:
        return None
    if column.kind == "category":
        return str(generator.choice(column.levels)) if column.levels else "other"
    if column.kind == "boolean":
        return bool(generator.integers(2))
    limit = column.limit or (-np.inf, np.inf)
    low, high = column.expected or (max(limit[0], 0.0), min(limit[1], max(limit[0], 0.0) + 100.0))
    low, high = max(low, limit[0]), min(high, limit[1])
    value = float(generator.uniform(low, high)) if high > low else low
    if column.kind == "date":
        return str(np.datetime64(EPOCH) + np.timedelta64(int(value), "D"))
    return int(np.clip(round(value), np.ceil(low), np.floor(high))) if column.kind == "integer" else round(value, 3)


def write_golden(folder: Path, scorer: Scorer) -> None:
    """Record what the scorer gives for the synthetic rows."""
    contract = scorer.contract
    invented = synthetic_rows(contract.spec)
    objects = [row for row in invented if not breaches(contract, rows_from_objects(contract, [row]))]
    rows = rows_from_objects(contract, objects)
    features = [[None if value != value else value for value in line] for line in compute(scorer.plan, rows).astype(float).tolist()]
    content = {"rows": objects, "features": features, "probabilities": score(scorer, rows).tolist()}
    (folder / "golden.json").write_text(json.dumps(content), encoding="utf-8")


def check_golden(folder: Path, scorer: Scorer) -> None:
    """Score the golden rows. Raises BundleRefused where features differ at all or probabilities by more than the tolerance."""
    golden = read_json(folder / "golden.json")
    try:
        rows = rows_from_objects(scorer.contract, golden["rows"])  # type: ignore[index]
        features = np.array(golden["features"], np.float64).reshape(len(rows), -1).astype(np.float32)  # type: ignore[index]
        probabilities = np.array(golden["probabilities"], np.float64)  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        raise BundleRefused(f"The golden rows of bundle {folder.name} cannot be read.", "Train again.") from None
    if breaches(scorer.contract, rows):
        raise BundleRefused(f"The golden rows of bundle {folder.name} break its own contract.", "Train again.")
    if not np.array_equal(compute(scorer.plan, rows), features, equal_nan=True):
        raise BundleRefused(f"Bundle {folder.name} was trained with other features than this version computes.", "Train again.")
    if probabilities.shape != (len(rows),) or not np.allclose(score(scorer, rows), probabilities, rtol=0, atol=TOLERANCE):
        raise BundleRefused(f"Bundle {folder.name} does not reproduce its golden probabilities.", "Promote another version.")
