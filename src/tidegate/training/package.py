"""A trained model becomes a sealed bundle that has passed the parity gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.calibration import calibrated
from tidegate.bundle.golden import write_golden
from tidegate.bundle.manifest import Manifest, seal
from tidegate.bundle.reasons.explain import open_explainer
from tidegate.bundle.reference import write_reference
from tidegate.bundle.scorer import open_scorer
from tidegate.customers.rows import Rows
from tidegate.customers.spec import TableSpec
from tidegate.features import compute
from tidegate.training.card.drivers import find_drivers
from tidegate.training.card.facts import CardFacts
from tidegate.training.card.write import write_card
from tidegate.training.model import Model
from tidegate.training.parity import parity_rows, require_parity


def package(
    folder: Path,
    spec: TableSpec,
    manifest: Manifest,
    model: Model,
    rows: Rows,
    probability: NDArray[np.float64],
    seed: int,
    facts: CardFacts,
) -> str:
    """Write every file of the bundle into a new folder and seal it; returns its digest.

    `rows` are the training rows and `probability` their out-of-fold probabilities: only histograms of them are kept. `facts` become the
    card, with the drivers added here. Raises BundleRefused where the exported model does not agree with the trained one.
    """
    folder.mkdir()
    (folder / "spec.toml").write_text(spec.text, encoding="utf-8")
    model.write(folder, len(manifest.features))
    seal(folder, manifest)
    scorer = open_scorer(folder, "new")
    matrix = compute(scorer.plan, rows)
    tested = parity_rows(matrix, model, seed)
    served = calibrated(manifest.calibration, scorer.margin(tested))
    parity = require_parity(model, served, tested, manifest.calibration, manifest.threshold, manifest.algorithm)
    write_golden(folder, scorer)
    write_reference(folder, scorer.plan.layout, rows, probability)
    drivers = find_drivers(open_explainer(folder, manifest), spec, scorer.plan, matrix, seed)
    write_card(folder, replace(facts, drivers=drivers))
    return seal(folder, manifest.model_copy(update={"parity": parity}))
