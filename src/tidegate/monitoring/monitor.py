"""Monitoring, top-down: a batch is compared with what the champion learned from, and what is found becomes a report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.kept_rows import TRAIN, KeptRows, read_kept, write_kept
from tidegate.errors import HomeRefused
from tidegate.home import Home, write_whole
from tidegate.ledger.events import append_event, list_events
from tidegate.ledger.store import Ledger
from tidegate.monitoring.batches import Batch
from tidegate.monitoring.conclude import document_of
from tidegate.monitoring.drift.decide import FEWEST_ROWS, Drift, DriftLimits, decide_drift
from tidegate.monitoring.drift.repeated import repeated
from tidegate.monitoring.past import Look, look_back
from tidegate.monitoring.performance.estimate import estimate
from tidegate.monitoring.pictures import draw_reports
from tidegate.monitoring.site import write_site

MONITORED = "monitored a batch"
DOCUMENT = "drift_tests.json"
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class MonitorOrder:
    """How to judge: limits of drift, days until an outcome has matured, fewest matured churners, whether to draw Evidently's pages."""

    limits: DriftLimits
    horizon_days: int
    fewest_positives: int
    pictures: bool
    seed: int
    who: str
    now: datetime


def monitor(home: Home, ledger: Ledger, scorer: Scorer, batch: Batch, key: bytes, order: MonitorOrder, progress: Progress) -> dict[str, Any]:
    """Reference → drift → estimate → labels that came meanwhile → document, pages, site; one event. Returns the document.

    Raises HomeRefused where the champion's reference is absent or the reports cannot be written; nothing is half-written then.
    """
    spec = scorer.contract.spec
    progress("Reading the reference", 0.1)
    reference = read_kept(home.reference / f"{scorer.digest}.parquet", spec)
    learned = reference.take(reference.part == TRAIN)
    progress("Judging drift", 0.2)
    seen_before = repeated(reference.rows, batch.kept.rows)
    drift = _drift(scorer, learned, batch, order)
    fresh = batch.kept.take(~seen_before)
    look = look_back(home, ledger, spec, scorer, key, fresh, batch, order.horizon_days, order.now, order.seed)
    estimated = estimate(batch.kept.probability, scorer.manifest.threshold, order.seed, *look.trust) if len(batch.kept) else None
    notes = (*_notes(batch, seen_before), *look.notes)
    holdout = scorer.manifest.metrics.get("roc_auc", float("nan"))
    document = document_of(batch, drift, estimated, look.realised, look.calibration, holdout, notes, order.now)
    progress("Writing the reports", 0.5)
    return _written(home, ledger, scorer, reference, batch, look, document, order)


def _drift(scorer: Scorer, learned: KeptRows, batch: Batch, order: MonitorOrder) -> Drift | None:
    if len(batch.kept) < FEWEST_ROWS <= batch.tally.read:
        return None  # so much was quarantined that the rest says nothing: that is the finding
    spec, kept, tally = scorer.contract.spec, batch.kept, batch.tally
    return decide_drift(
        spec, learned.rows, learned.probability, kept.rows, kept.probability, order.limits, order.seed,
        lambda rows: score(scorer, rows), tally.quarantined, tally.read,
    )  # fmt: skip


def _notes(batch: Batch, seen_before: Any) -> tuple[str, ...]:
    found = []
    share = float(np.mean(seen_before)) if len(batch.kept) else 0.0
    if share > 0.5:
        found.append(
            f"{int(seen_before.sum()):,} of {len(batch.kept):,} rows occur in the training table, value by value (ids may differ): "
            "they say nothing about performance on new customers and are left out of it."
        )
    if batch.strange_labels:
        found.append(f"{batch.strange_labels:,} labels are neither of the words that the spec names; they were read as not known.")
    if batch.tally.quarantined:
        found.append(f"{batch.tally.quarantined:,} of {batch.tally.read:,} rows break the contract and were quarantined.")
    return tuple(found)


def _written(
    home: Home, ledger: Ledger, scorer: Scorer, reference: KeptRows, batch: Batch, look: Look, document: dict[str, Any], order: MonitorOrder
) -> dict[str, Any]:
    folder = report_folder(home, batch)
    document = {**document, "report_dir": str(folder)}
    part = folder.with_name(f".{folder.name}.{_process()}.part")
    try:
        part.mkdir(parents=True)
        if order.pictures:
            found = draw_reports(part, scorer.contract.spec, reference, batch.kept, scorer.manifest.threshold, order.seed)
            document["warnings"] += list(found)
        look.draw(part)
        write_whole(part / DOCUMENT, json.dumps(document, indent=1, allow_nan=False).encode())
        if batch.sha256:
            write_kept(home.batches / f"{batch.name}-{batch.sha256[:8]}.parquet", scorer.contract.spec, batch.kept)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
        write_site(home.reports)
    except OSError as error:
        place = error.filename or folder
        raise HomeRefused(f"{place} cannot be written: {error.strerror}.", "Check its rights and the room on its disk.") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    evidence = {name: document[name] for name in ("batch", "sha256", "model_version", "digest", "health", "drifted_features", "rows", "quarantined")}
    append_event(ledger, order.who, MONITORED, evidence, order.now)
    return document


def report_folder(home: Home, batch: Batch) -> Path:
    """`reports/BATCH`; with the content's hash behind it where another batch of this name has been there."""
    folder = home.reports / batch.name
    try:
        taken = json.loads((folder / DOCUMENT).read_bytes()).get("sha256") not in (batch.sha256, "")
    except (OSError, ValueError, AttributeError):
        taken = False
    return folder.with_name(f"{folder.name}-{batch.sha256[:8]}") if taken and batch.sha256 else folder


def earlier(home: Home, ledger: Ledger, sha256: str, digest: str) -> dict[str, Any] | None:
    """The document of a batch that this very champion was compared with before; None where it was not, or its report is gone."""
    events = (json.loads(event.evidence) for event in list_events(ledger, MONITORED, 1_000_000) if sha256 in event.evidence)
    if not any(event["sha256"] == sha256 and event["digest"] == digest for event in events):
        return None
    for path in sorted(home.reports.glob(f"*/{DOCUMENT}")):
        try:
            document: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if document.get("sha256") == sha256 and document.get("digest") == digest:
            return document
    return None


def _process() -> int:
    import os

    return os.getpid()
