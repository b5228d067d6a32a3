"""What `watch` removes once it is old enough: kept batches and reports. Never the reference, and never what stands now."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidegate.customers.kept_rows import about_kept
from tidegate.errors import HomeRefused
from tidegate.home import RENEWAL_LOCK, Home, exclusive
from tidegate.ledger.events import append_event
from tidegate.ledger.store import Ledger
from tidegate.monitoring.order import place_of
from tidegate.monitoring.site import Run, read_runs, write_site

REMOVED = "removed what was old"


@dataclass(frozen=True)
class Removed:
    """How many kept batches and reports went."""

    batches: int = 0
    reports: int = 0

    def __bool__(self) -> bool:
        """Whether anything went."""
        return bool(self.batches or self.reports)

    def document(self) -> dict[str, int]:
        """For `--json`."""
        return asdict(self)

    def summary(self) -> str:
        """For a person."""
        return f"removed as old: {self.batches:,} kept batches, {self.reports:,} reports"


NOTHING = Removed()


def remove_old(home: Home, ledger: Ledger, days: int, horizon_days: int, who: str, now: datetime) -> Removed:
    """Remove kept batches whose customers were seen, and reports that were written, more than `days` days ago.

    Labels are waited for: where `horizon_days` is longer, it counts. The newest run, and that of the batch whose name is the newest, stay
    with their customers: a later look would take their batch for one that was never monitored. Nothing goes while a renewal is at work,
    which reads batches. Raises HomeRefused where a file cannot be removed, and LedgerUnavailable.
    """
    oldest = now - timedelta(days=max(days, horizon_days))
    runs = [run for run in read_runs(home.reports) if run.document is not None]
    standing = _standing(runs)
    batches = list(_old_batches(home, {run.document.get("sha256") for run in standing if run.document}, oldest))
    reports = [run.folder for run in runs if run not in standing and _before(_said(run, "at"), oldest)]
    if not batches and not reports:
        return NOTHING
    try:
        with exclusive(home, "the removal of old batches", RENEWAL_LOCK):
            _remove(home, batches, reports)
    except HomeRefused:
        return NOTHING  # a renewal is at work: the next round will do
    except OSError as error:
        raise HomeRefused(f"{error.filename} cannot be removed: {error.strerror}.", "Check its rights.") from None
    removed = Removed(len(batches), len(reports))
    append_event(ledger, who, REMOVED, {**removed.document(), "days": days}, now)
    return removed


def _standing(runs: list[Run]) -> list[Run]:
    if not runs:
        return []
    named = max(runs, key=lambda run: place_of(f"{_said(run, 'batch')}.csv", _said(run, "at")))
    return [runs[0], named]


def _said(run: Run, name: str) -> str:
    return str((run.document or {}).get(name, ""))


def _old_batches(home: Home, standing: set[object], oldest: datetime) -> Iterator[Path]:
    for path in sorted(home.batches.glob("*.parquet")):
        about = about_kept(path)
        if about.get("sha256") not in standing and _before(about.get("seen_at", ""), oldest):
            yield path


def _before(said: str, oldest: datetime) -> bool:
    """Whether a time is before; one that cannot be read is not."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return False
    return (found if found.tzinfo else found.replace(tzinfo=UTC)) < oldest


def _remove(home: Home, batches: list[Path], reports: list[str]) -> None:
    for path in batches:
        path.unlink(missing_ok=True)
    for name in reports:
        # away at once for whoever reads the site; what a kill leaves of it, an erasure or a training sweeps
        going = home.reports / f".{name}.{os.getpid()}.part"
        (home.reports / name).rename(going)
        shutil.rmtree(going, ignore_errors=True)
    if reports:
        write_site(home.reports)
