"""`tidegate monitor`: the newest batch, compared once with what the champion learned from; alerts go out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tidegate.bundle.champion import open_champion
from tidegate.bundle.manifest import file_digest
from tidegate.bundle.scorer import Scorer
from tidegate.errors import InputRefused
from tidegate.home import Home
from tidegate.ledger.outcomes import last_recorded
from tidegate.ledger.predictions import predictions_between
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text
from tidegate.monitoring.alerts.conditions import look_at_run, refused_batch
from tidegate.monitoring.alerts.flow import Told, limits_of, link_of, places_of, tell
from tidegate.monitoring.batches import as_before, read_batch, window_batch
from tidegate.monitoring.drift.limits import limits_of as drift_limits_of
from tidegate.monitoring.monitor import MonitorOrder, Progress, earlier, monitor
from tidegate.monitoring.past import Standard, kept_about, seen_times
from tidegate.operations.campaign_places import customer_key
from tidegate.operations.inbox import newest_batch
from tidegate.operations.monitor_words import summary_of
from tidegate.operations.rewritten_batches import first_digest
from tidegate.settings import Settings
from tidegate.storage.objects import open_storage

MOST_PREDICTIONS = 1_000_000


@dataclass(frozen=True)
class Monitored:
    """What monitoring found. `again`: this champion was compared with this batch before; where no label has come since, that is what it
    says.
    """

    found: dict[str, Any]
    again: bool
    told: Told | None

    @property
    def failed(self) -> bool:
        """Whether the answer is an alarm."""
        return bool(self.found["health"] == "FAIL")

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        alerts = [] if self.told is None else [{"what": one.what, **asdict(one.alert)} for one in self.told.messages]
        return {**self.found, "again": self.again, "alerts": alerts}

    def summary(self) -> str:
        """For a person."""
        return summary_of(self.found, self.again)


def monitor_batch(
    home: Home,
    ledger: Ledger,
    settings: Settings,
    path: Path | None,
    since: str | None,
    until: str | None,
    pictures: bool,
    who: str,
    now: datetime,
    progress: Progress,
) -> Monitored:
    """Monitor a file, the newest of the inbox, or a window of the ledger, and tell of it; of one of the inbox also where it is refused.

    Raises InputRefused where there is no batch or no such window, TableRefused for a file of another table, NotEnoughData, HomeRefused,
    NoChampion, LedgerUnavailable, StorageUnavailable.
    """
    scorer, key = open_champion(open_storage(home)), customer_key(home, create=True)
    order = _order(settings, pictures, who, now)
    if since is not None or until is not None:
        if path is not None:
            raise InputRefused("A file and a window of the ledger cannot be monitored at once.", "Give BATCH, or --since and --until.")
        start, end = _window(since, until, now)
        scored = predictions_between(ledger, time_text(start), time_text(end), MOST_PREDICTIONS)
        if not scored:
            raise InputRefused(f"The service scored nobody from {start.isoformat()} to {end.isoformat()}.", "Choose another window.")
        batch = window_batch(scored, scorer, start, end)
        return _told(home, ledger, settings, monitor(home, ledger, scorer, batch, key, order, progress), now)
    with newest_batch(home, settings, path) as file:
        try:
            return _monitored_file(home, ledger, settings, file, scorer, key, order, progress)
        except InputRefused as refused:
            # nobody reads what a delivery that came by itself was answered
            if path is None:
                tell(home, ledger, settings, refused_batch(file.name, str(refused), places_of(settings)), now)
            raise


def _monitored_file(
    home: Home, ledger: Ledger, settings: Settings, file: Path, scorer: Scorer, key: bytes, order: MonitorOrder, progress: Progress
) -> Monitored:
    digest = first_digest(ledger, file_digest(file)) if file.is_file() else ""
    known = earlier(home, ledger, digest, scorer.digest) if digest else None
    if known is not None and not _labels_since(home, ledger, known, settings.label_horizon_days, order.now):
        return Monitored(known, True, tell_of(home, ledger, settings, known, order.now))
    quarantine = home.quarantine / f"{file.stem}.batch.csv"
    batch = read_batch(file, file.name, scorer, key, quarantine, order.now)
    before = kept_about(home, digest) or known
    if before is not None:
        batch = as_before(batch, before["batch"], digest, datetime.fromisoformat(before["seen_at"]))
    found = monitor(home, ledger, scorer, batch, key, order, progress)
    return Monitored(found, known is not None, tell_of(home, ledger, settings, found, order.now))


def _order(settings: Settings, pictures: bool, who: str, now: datetime) -> MonitorOrder:
    standard = Standard(settings.label_horizon_days, settings.fewest_matured_positives, settings.alert_auc_drop)
    return MonitorOrder(drift_limits_of(settings), standard, settings.report_rows if pictures else 0, settings.seed, who, now)


def _labels_since(home: Home, ledger: Ledger, known: dict[str, Any], horizon_days: int, now: datetime) -> bool:
    """Whether labels have come or matured since a document was written: then the champion's performance is judged again."""
    last, written = last_recorded(ledger), datetime.fromisoformat(known["at"])
    if last is not None and datetime.fromisoformat(last) > written:
        return True
    horizon = timedelta(days=horizon_days)
    return any(written < seen + horizon <= now for seen in seen_times(home))


def _told(home: Home, ledger: Ledger, settings: Settings, found: dict[str, Any], now: datetime) -> Monitored:
    return Monitored(found, False, tell_of(home, ledger, settings, found, now))


def tell_of(home: Home, ledger: Ledger, settings: Settings, found: dict[str, Any], now: datetime) -> Told:
    """Raise and deliver the alerts of a run."""
    limits = limits_of(settings, settings.most_drifted_features)
    look = look_at_run(found, limits, link_of(settings, Path(found["report_dir"]).name), places_of(settings))
    return tell(home, ledger, settings, look, now)


def _window(since: str | None, until: str | None, now: datetime) -> tuple[datetime, datetime]:
    start, end = _time(since, "--since"), now if until is None else _time(until, "--until")
    if start >= end:
        raise InputRefused("The window begins when it ends, or later.", "Give --since a time before --until and before now.")
    return start, min(end, now)


def _time(text: str | None, option: str) -> datetime:
    if text is None:
        raise InputRefused(f"The window has no {option}.", f"Give {option} TIME, as 2026-10-01 or 2026-10-01T09:30:00+00:00.")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused(f"{option} is no ISO date or time.", "Write 2026-10-01 or 2026-10-01T09:30:00+00:00.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
