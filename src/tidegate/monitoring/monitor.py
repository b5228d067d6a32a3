"""Monitoring, top-down: a batch is compared with what the champion learned from, and what is found becomes a report."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.kept_rows import HOLDOUT, TRAIN, KeptRows, read_kept, write_kept
from tidegate.errors import HomeRefused
from tidegate.home import Home, write_whole
from tidegate.ledger.events import append_event, list_events
from tidegate.ledger.store import Ledger
from tidegate.monitoring.batches import Batch
from tidegate.monitoring.conclude import document_of
from tidegate.monitoring.drift.decide import decide_drift
from tidegate.monitoring.drift.findings import Drift
from tidegate.monitoring.drift.fingerprints import fingerprints
from tidegate.monitoring.drift.limits import FEWEST_ROWS, DriftLimits
from tidegate.monitoring.past import Past, Standard, look_back
from tidegate.monitoring.performance.calibration import calibration_uncertainty
from tidegate.monitoring.performance.estimate import Estimated, estimate
from tidegate.monitoring.pictures import draw_reports, verdict_of
from tidegate.monitoring.site import write_site

MONITORED = "monitored a batch"
DOCUMENT = "drift_tests.json"
_EVIDENCE = ("batch", "sha256", "model_version", "digest", "health", "drifted_features", "rows", "quarantined")
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class MonitorOrder:
    """How to judge: limits of drift, the standard of performance, how many rows Evidently draws from (0: no pages of its)."""

    limits: DriftLimits
    standard: Standard
    drawn_rows: int
    seed: int
    who: str
    now: datetime


def monitor(
    home: Home, ledger: Ledger, scorer: Scorer, batch: Batch, key: bytes, order: MonitorOrder, progress: Progress
) -> dict[str, Any]:
    """Reference → drift → labels that came meanwhile → estimate → document → pages, site, event. Returns the document.

    Raises NotEnoughData for a batch of fewer than 30 rows, HomeRefused where the champion's reference is absent or the reports cannot be
    written; nothing is half-written then.
    """
    progress("Reading the reference", 0.1)
    reference = read_kept(home.reference / f"{scorer.digest}.parquet", scorer.contract.spec)
    progress("Judging drift", 0.2)
    drift = _drift(scorer, reference.take(reference.part == TRAIN), batch, order)
    progress("Looking for labels", 0.4)
    prints = fingerprints(reference.rows)
    past = look_back(home, ledger, scorer, key, prints, batch, order.standard, order.now, order.seed)
    estimated = _estimated(scorer, reference, batch, past, order.seed)
    holdout = scorer.manifest.metrics.get("roc_auc", float("nan"))
    document = document_of(batch, drift, estimated, past, holdout, order.standard.largest_drop, _notes(batch), order.now)
    progress("Drawing the reports", 0.5)
    return _written(home, ledger, scorer, reference, batch, past, document, order)


def _drift(scorer: Scorer, learned: KeptRows, batch: Batch, order: MonitorOrder) -> Drift | None:
    if len(batch.kept) < FEWEST_ROWS <= batch.tally.read:
        return None  # so much was quarantined that the rest says nothing: that is the finding
    spec, kept, tally = scorer.contract.spec, batch.kept, batch.tally
    return decide_drift(
        spec, learned.rows, learned.probability, kept.rows, kept.probability, order.limits, order.seed,
        lambda rows: score(scorer, rows), tally.quarantined, tally.read,
    )  # fmt: skip


def _estimated(scorer: Scorer, reference: KeptRows, batch: Batch, past: Past, seed: int) -> Estimated | None:
    """With what the holdout leaves open of the calibration, which no number of customers narrows."""
    if not len(batch.kept):
        return None
    held = reference.take(reference.part == HOLDOUT)
    uncertainty = calibration_uncertainty(held.label, held.probability)
    return estimate(batch.kept.probability, scorer.manifest.threshold, seed, *past.trust, uncertainty)


def _notes(batch: Batch) -> list[str]:
    if not batch.strange_labels:
        return []
    return [f"{batch.strange_labels:,} labels are neither of the words that the spec names; they were read as not known."]


def _written(
    home: Home, ledger: Ledger, scorer: Scorer, reference: KeptRows, batch: Batch, past: Past, document: dict[str, Any], order: MonitorOrder
) -> dict[str, Any]:
    folder = report_folder(home, batch)
    document = {**document, "report_dir": str(folder)}
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        if order.drawn_rows:
            spec, threshold, verdict = scorer.contract.spec, scorer.manifest.threshold, verdict_of(document)
            document["warnings"] += draw_reports(part, spec, reference, batch.kept, threshold, order.seed, verdict, order.drawn_rows)
        past.draw(part, scorer.manifest.metrics.get("roc_auc", float("nan")))
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
    append_event(ledger, order.who, MONITORED, {name: document[name] for name in _EVIDENCE}, order.now)
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
