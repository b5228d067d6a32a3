"""A fitted model becomes a sealed bundle that has passed the parity gate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.golden import write_golden
from tidegate.bundle.manifest import Manifest, seal
from tidegate.bundle.reference import write_reference
from tidegate.bundle.scorer import calibrated, open_scorer
from tidegate.customers.rows import Rows
from tidegate.customers.spec import TableSpec
from tidegate.features import compute
from tidegate.training.fitted import Fitted
from tidegate.training.parity import parity_rows, require_parity


def package(
    folder: Path, spec: TableSpec, manifest: Manifest, fitted: Fitted, rows: Rows, probability: NDArray[np.float64], seed: int
) -> str:
    """Write every file of the bundle into a new folder and seal it; returns its digest.

    `rows` are the training rows and `probability` their out-of-fold probabilities: only histograms of them are kept.
    Raises BundleRefused where the exported model does not agree with the fitted one.
    """
    folder.mkdir()
    (folder / "spec.toml").write_text(spec.text, encoding="utf-8")
    fitted.write(folder)
    seal(folder, manifest)
    scorer = open_scorer(folder, "new")
    matrix = parity_rows(compute(scorer.plan, rows), fitted, seed)
    served = calibrated(manifest.calibration, scorer.margin(matrix))
    parity = require_parity(fitted, served, matrix, manifest.calibration, manifest.threshold, manifest.algorithm)
    write_golden(folder, scorer)
    write_reference(folder, scorer.plan.layout, rows, probability)
    return seal(folder, manifest.model_copy(update={"parity": parity}))
