"""Reference histograms: what the training customers looked like, in counts that name nobody."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, Layout, Rows

BINS = 40


def write_reference(folder: Path, layout: Layout, rows: Rows, probability: NDArray[np.float64]) -> None:
    """Counts a column and of the out-of-fold probability. Bin edges are quantiles rounded to four digits."""
    numbers = {column.name: _histogram(rows.numbers[index]) for index, column in enumerate(layout.number_columns)}
    levels = {}
    for index, column in enumerate(layout.category_columns):
        counts = {level: int((rows.codes[index] == code).sum()) for code, level in enumerate(column.levels)}
        levels[column.name] = {
            "levels": counts,
            "other": int((rows.codes[index] == OTHER_LEVEL).sum()),
            "missing": int((rows.codes[index] == MISSING_LEVEL).sum()),
        }
    score = np.histogram(probability, bins=np.linspace(0, 1, 51))[0].tolist()
    content = {"rows": len(rows), "numbers": numbers, "categories": levels, "probability": score}
    (folder / "reference.json").write_text(json.dumps(content), encoding="utf-8")


def _histogram(values: NDArray[np.float64]) -> dict[str, object]:
    present = values[~np.isnan(values)]
    missing = int(len(values) - len(present))
    if not len(present):
        return {"edges": [], "counts": [], "missing": missing}
    edges = sorted({float(f"{edge:.4g}") for edge in np.quantile(present, np.linspace(0, 1, BINS + 1))})
    inner = np.array(edges[1:-1])
    counts = np.bincount(np.searchsorted(inner, present, side="right"), minlength=len(inner) + 1).tolist()
    return {"edges": edges, "counts": counts, "missing": missing}
