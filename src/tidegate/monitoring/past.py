"""What became of the batches so far: labels that came meanwhile, realised performance, and whether estimates are to be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.kept_rows import UNKNOWN_LABEL, KeptRows, about_kept, read_kept
from tidegate.errors import HomeRefused
from tidegate.home import Home
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.store import Ledger
from tidegate.monitoring.batches import Batch
from tidegate.monitoring.drift.fingerprints import Prints, fingerprints
from tidegate.monitoring.performance.calibration import CalibrationCheck, check_calibration
from tidegate.monitoring.performance.estimate import estimate
from tidegate.monitoring.performance.labels import label_warnings, labels_of
from tidegate.monitoring.performance.realised import Realised, realise
from tidegate.monitoring.performance.timeline import Point, write_timeline

MOST_BATCHES = 36


@dataclass(frozen=True)
class Standard:
    """When labels count (days until they have matured, fewest who left and who stayed), and what share of ROC-AUC may be lost."""

    horizon_days: int
    fewest_positives: int
    largest_drop: float


@dataclass(frozen=True)
class Labelled:
    """A batch with the labels that are known of it now, the present champion's probabilities, and without rows of the reference."""

    name: str
    seen_at: datetime
    label: NDArray[np.int8]
    probability: NDArray[np.float64]
    matured: bool


@dataclass(frozen=True)
class Past:
    """What is known of the batches. `realised` and `calibration` are those of `of`, the newest batch with labels; None where there is none.

    `trust`: whether estimates are to be trusted, and the sentence why not. `points`: one a batch, oldest first.
    """

    of: str | None
    realised: Realised | None
    calibration: CalibrationCheck | None
    trust: tuple[bool, str]
    points: tuple[Point, ...]
    notes: tuple[str, ...]

    def draw(self, folder: Path, holdout: float) -> None:
        """`performance_timeline.png` and `.json`. Raises OSError."""
        write_timeline(folder, self.points, holdout)


def look_back(
    home: Home,
    ledger: Ledger,
    scorer: Scorer,
    key: bytes,
    reference: Prints,
    batch: Batch,
    standard: Standard,
    now: datetime,
    seed: int,
) -> Past:
    """Judge the champion on the newest 36 batches, this one included. `reference`: fingerprints of the rows that it learned from or was
    judged on, which say nothing here. Raises HomeRefused where a kept batch is damaged, and LedgerUnavailable.
    """
    days = standard.horizon_days
    found = [*_kept(home, ledger, scorer, key, reference, batch, days, now), _this(ledger, batch, reference, days, now)]
    found.sort(key=lambda one: (one.seen_at, one.name))
    threshold, metrics = scorer.manifest.threshold, scorer.manifest.metrics
    limits = (standard.fewest_positives, standard.largest_drop)
    judged = [(one, realise(one.label, one.probability, threshold, metrics, seed, *limits)) for one in found[-MOST_BATCHES:]]
    newest = next(((one, realised) for one, realised in reversed(judged) if realised is not None), None)
    calibration = None
    if newest is not None:
        known = newest[0].label != UNKNOWN_LABEL
        calibration = check_calibration(newest[0].label[known], newest[0].probability[known])
    trust = (False, calibration.sentence) if calibration is not None and calibration.broken else (True, "")
    points = tuple(_point(one, realised, trust[0], threshold, seed) for one, realised in judged if len(one.label))
    customers = [None if one is None else str(one) for one in batch.customers]
    unlabelled = bool((batch.kept.label == UNKNOWN_LABEL).all())
    notes = tuple(label_warnings(ledger, customers, batch.seen_at, days, now)) if unlabelled else ()
    return Past(newest[0].name if newest else None, newest[1] if newest else None, calibration, trust, points, notes)


def _this(ledger: Ledger, batch: Batch, reference: Prints, horizon_days: int, now: datetime) -> Labelled:
    fresh = ~np.isin(fingerprints(batch.kept.rows), reference)
    label, matured = _known(ledger, batch.kept, list(batch.customers), batch.seen_at, horizon_days, now)
    return Labelled(batch.name, batch.seen_at, label[fresh], batch.kept.probability[fresh], matured)


def _kept(
    home: Home, ledger: Ledger, scorer: Scorer, key: bytes, reference: Prints, batch: Batch, horizon_days: int, now: datetime
) -> Iterator[Labelled]:
    """The newest kept batches of this table but the present one."""
    for path in _newest(home):
        try:
            kept = read_kept(path, scorer.contract.spec)
        except HomeRefused:
            if about_kept(path):
                continue  # whole, and of a table with another spec: it says nothing of this champion
            raise
        if kept.about.get("sha256") == batch.sha256:
            continue
        kept = kept.take(~np.isin(fingerprints(kept.rows), reference))
        customers = [None if one is None else customer_hash(key, one) for one in kept.ids]
        seen_at = datetime.fromisoformat(kept.about["seen_at"])
        label, matured = _known(ledger, kept, customers, seen_at, horizon_days, now)
        same = kept.about.get("digest") == scorer.digest
        yield Labelled(kept.about["batch"], seen_at, label, kept.probability if same else score(scorer, kept.rows), matured)


def _newest(home: Home) -> list[Path]:
    """By what the files say of themselves; a damaged one says nothing, and is among them to be noticed."""
    said = [(about_kept(path).get("seen_at", "~"), path) for path in home.batches.glob("*.parquet")]
    return [path for _, path in sorted(said)][-MOST_BATCHES:]


def seen_times(home: Home) -> list[datetime]:
    """When the customers of each kept batch were seen."""
    return [datetime.fromisoformat(about["seen_at"]) for path in home.batches.glob("*.parquet") if (about := about_kept(path))]


def kept_about(home: Home, sha256: str) -> Mapping[str, str] | None:
    """`batch`, `seen_at` and the rest that is known of all customers of the kept batch with this digest; None where it is not kept."""
    found = (about_kept(path) for path in sorted(home.batches.glob("*.parquet")))
    return next((about for about in found if about.get("sha256") == sha256), None)


def _known(
    ledger: Ledger, kept: KeptRows, customers: list[str | None], seen_at: datetime, horizon_days: int, now: datetime
) -> tuple[NDArray[np.int8], bool]:
    """Labels that the batch brought itself, else those of the ledger once they have matured."""
    brought = kept.label != UNKNOWN_LABEL
    if brought.all():
        return kept.label, True
    said, matured = labels_of(ledger, customers, seen_at, horizon_days, now)
    return np.where(brought, kept.label, said).astype(np.int8), bool(matured or brought.any())


def _point(one: Labelled, realised: Realised | None, trusted: bool, threshold: float, seed: int) -> Point:
    estimated = estimate(one.probability, threshold, seed, trusted).roc_auc if len(one.probability) else None
    area = None if realised is None else realised.metrics["roc_auc"]
    return Point(one.name, one.seen_at.isoformat(), one.matured, trusted, estimated, area)
