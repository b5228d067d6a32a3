"""A champion written down by hand, for tests that need one that serves and not one that learned anything."""

from __future__ import annotations

import numpy as np

from tidegate import __version__
from tidegate.bundle.golden import write_golden
from tidegate.bundle.linear import Linear
from tidegate.bundle.manifest import Calibration, Manifest, Member, Training, seal
from tidegate.bundle.scorer import open_scorer
from tidegate.customers.spec import load_spec, parse_spec
from tidegate.features import Matrix, features_digest, plan_features
from tidegate.home import Home
from tidegate.storage.files import Folder
from tidegate.storage.pointer import Pointer, write_pointer
from tidegate.training.fitted import Fitted, Margins
from tidegate.training.model import Model

WHEN = "2026-01-01T00:00:00+00:00"


def write_linear_champion(home: Home, spec_text: str | None = None) -> None:
    """Version 1: the bank's spec, or this one, with a weight for each feature that nothing was asked about."""
    spec = load_spec("bank") if spec_text is None else parse_spec(spec_text)
    names = plan_features(spec).names
    weights = np.linspace(-0.5, 0.5, len(names))

    def margin(rows: Matrix) -> Margins:
        raise AssertionError("only what is served is asked of this model")

    fitted = Fitted(margin, "linear", "logit", lambda: Linear(np.zeros(len(names)), np.full(len(names), 1e3), weights, 0.0))
    model = Model((fitted,), (Member(name="by_hand", kind="linear"),), "single", "logit")
    manifest = Manifest(
        name="bank",
        algorithm="by_hand",
        kind="baseline",
        created_at=WHEN,
        members=model.members,
        combination="single",
        features=names,
        features_digest=features_digest(),
        spec_digest=spec.digest,
        calibration=Calibration(slope=1.0, intercept=0.0),
        threshold=0.5,
        threshold_rule="by hand",
        metrics={},
        training=Training(
            data_sha256="", rows=0, holdout_rows=0, split="none", seed=0, budget="none", base_rate=0.5, code_version=__version__
        ),
        parity=0.0,
    )
    folder = home.storage / "bundles" / "1"
    folder.mkdir(parents=True)
    (folder / "spec.toml").write_text(spec.text, encoding="utf-8")
    model.write(folder, len(names))
    seal(folder, manifest)
    write_golden(folder, open_scorer(folder, "1"))
    write_pointer(Folder(home.storage), Pointer("1", seal(folder, manifest), WHEN))
