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
from tidegate.errors import BundleRefused, SpecRefused
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
    low, high = _invented_range(column)
    value = float(generator.uniform(low, high)) if high > low else low
    if column.kind == "date":
        return str(np.datetime64(EPOCH) + np.timedelta64(int(value), "D"))
    return round(value) if column.kind == "integer" else round(value, 3)


def _invented_range(column: Column) -> tuple[float, float]:
    """Where invented numbers come from: what was seen, else a hundred steps from zero, within the limits and finite."""
    lowest, highest = column.limit or (-np.inf, np.inf)
    seen_low, seen_high = column.expected or (0.0, 100.0)
    low = seen_low if np.isfinite(seen_low) else min(0.0, seen_high - 100.0)
    high = seen_high if np.isfinite(seen_high) else low + 100.0
    if high < lowest or low > highest:
        low, high = (lowest, lowest + 100.0) if np.isfinite(lowest) else (highest - 100.0, highest)
    return max(low, lowest), min(high, highest)


def write_golden(folder: Path, scorer: Scorer) -> None:
    """Record what the scorer gives for the synthetic rows."""
    contract = scorer.contract
    invented = synthetic_rows(contract.spec)
    objects = [row for row in invented if not breaches(contract, rows_from_objects(contract, [row]))]
    if not objects:
        raise SpecRefused(
            f"No customer could be invented that satisfies the spec {contract.spec.name!r}.", "Widen its `limit`s, `expected`s or rules."
        )
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
