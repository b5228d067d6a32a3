"""`tidegate restore`: a backup becomes a home, whole or not at all, and forgets again whoever was erased since."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.bundle.manifest import file_digest
from tidegate.disk import is_full
from tidegate.errors import BackupRefused, HomeFull, HomeRefused
from tidegate.home import Home
from tidegate.ledger.copy import copy_into_empty
from tidegate.ledger.customer_key import load_or_create_key
from tidegate.ledger.events import append_event, list_events, verify_events
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations.backup_manifest import CONTENT, LEDGER, NAME, BackupManifest, read_backup
from tidegate.operations.erase import repeat_erasures
from tidegate.operations.erasure_register import Register, merged, read_register, write_register
from tidegate.operations.restore_places import copy_verified, holding, staged, swap
from tidegate.registry.relocate import relocate_tracking

RESTORED = "restored"


@dataclass(frozen=True)
class Restored:
    """A home that is there again. `aside` is where the home before it was put; `erased` what was erased again, by place."""

    home: Path
    aside: Path | None
    made_at: str
    erasures: int
    erased: dict[str, int]
    events: str
    warnings: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether the audit trail verifies."""
        return self.events == "ok"

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "home": str(self.home),
            "home_before": None if self.aside is None else str(self.aside),
            "made_at": self.made_at,
            "erasures": self.erasures,
            "erased_again": self.erased,
            "events": self.events,
            "warnings": list(self.warnings),
        }

    def summary(self) -> str:
        """A few lines for a person."""
        lines = [f"{self.home} is as the backup of {self.made_at} had it; its audit trail: {self.events}."]
        if self.erasures:
            lines.append(f"{self.erasures:,} erasures on record, repeated: {sum(self.erased.values()):,} rows removed.")
        if self.aside is not None:
            lines.append(f"The home before is in {self.aside}. No erasure reaches the people in it any more: delete it when you can.")
        return "\n".join(lines)


def restore(source: Path, target: Path, ledger_url: str, replace: bool, erasures: Path | None, who: str, now: datetime) -> Restored:
    """Build the home aside from verified files, erase again, verify the chain, and only then put it in place.

    `ledger_url` names an empty database outside the home; empty: SQLite in the home. Killed at any moment, the home is the old or the
    new one. Raises BackupRefused for a damaged or newer backup, HomeRefused where a home is there and `replace` is not given or a process
    works in it, LedgerUnavailable.
    """
    source, target = source.absolute(), target.resolve()
    manifest = read_backup(source)
    elsewhere = "" if _names_file(ledger_url, target / LEDGER) else ledger_url
    with holding(target, replace) as old, staged(target) as part:
        copy_verified(source / CONTENT, manifest, part)
        home = Home(part)
        key = load_or_create_key(home.secrets / "customer.key") if (home.secrets / "customer.key").exists() else b""
        register, warnings = _register(home, old, erasures, key)
        _relocate(home, Path(manifest.home), target)
        with _opened(sqlite_url(home.ledger)) as ledger:
            _require_newest(ledger, manifest, source)
            erased = repeat_erasures(home, ledger, key, register, who, now) if key else {}
            if key:
                write_register(home.erasures, key, register)
            evidence = {"made_at": manifest.made_at, "manifest": file_digest(source / NAME), "erasures": len(register), "removed": erased}
            append_event(ledger, who, RESTORED, evidence, now)
            events = verify_events(ledger)
            if elsewhere:
                _fill(elsewhere, ledger, evidence["manifest"], home, key, register, who, now)
        if elsewhere:
            home.ledger.unlink()
        aside = swap(part, target, now)
    return Restored(target, aside, manifest.made_at, len(register), erased, events, warnings)


def _register(home: Home, old: Home | None, erasures: Path | None, key: bytes) -> tuple[dict[tuple[str, str], str], tuple[str, ...]]:
    """What the backup, the home that is replaced and a copy kept elsewhere say together."""
    if not key:
        return {}, ()
    if erasures is not None and not erasures.exists():
        raise BackupRefused(f"{erasures} does not exist.", "Give the copy of secrets/erasures.jsonl that was kept elsewhere.")
    registers, warnings = [read_register(home.erasures, key)], []
    if erasures is not None:
        registers.append(read_register(erasures, key))
    if old is not None and old.erasures.exists():
        if (old.secrets / "customer.key").read_bytes() == key:
            registers.append(read_register(old.erasures, key))
        else:
            warnings.append("The home before had another customer key, so its erasures name nobody of this backup and were not repeated.")
    return merged(*registers), tuple(warnings)


def _relocate(home: Home, old: Path, new: Path) -> None:
    database = home.tracking / "mlflow.db"
    try:
        relocate_tracking(database, old / "mlflow" / "artifacts", new / "mlflow" / "artifacts")
    except sqlite3.Error as error:
        if is_full(error):
            raise HomeFull(f"The disk of {new} is full.", "Make room there, then restore again.") from error
        raise BackupRefused("The tracking database of the backup cannot be read.", "Take another backup.") from error


def _require_newest(ledger: Ledger, manifest: BackupManifest, source: Path) -> None:
    newest = list_events(ledger, limit=1)
    found = (newest[0].sequence, newest[0].hash) if newest else None
    if found != (None if manifest.newest_event is None else (manifest.newest_event.sequence, manifest.newest_event.hash)):
        raise BackupRefused(f"The ledger in {source} does not end where its manifest says.", "It was tampered with: take another backup.")


def _fill(
    url: str, staged_ledger: Ledger, manifest_digest: object, home: Home, key: bytes, register: Register, who: str, now: datetime
) -> None:
    """Load the ledger into an empty database; one that an earlier, killed restore of this backup filled is taken as it is."""
    with _opened(url) as target:
        newest = list_events(target, limit=1)
        if newest and newest[0].what == RESTORED and f'"manifest":"{manifest_digest}"' in newest[0].evidence:
            if key:
                repeat_erasures(home, target, key, register, who, now)
            return
        copy_into_empty(staged_ledger, target)
        if (state := verify_events(target)) != verify_events(staged_ledger):
            raise HomeRefused(f"The ledger changed on its way into the database: {state}", "Empty it, and restore again.")


@contextmanager
def _opened(url: str) -> Iterator[Ledger]:
    ledger = open_ledger(url)
    try:
        yield ledger
    finally:
        close_ledger(ledger)


def _names_file(url: str, path: Path) -> bool:
    """Whether a URL is that of the ledger in the home itself, or empty."""
    try:
        parsed = sa.make_url(url) if url else None
    except sa.exc.ArgumentError:
        return False  # opening it says what is wrong
    return parsed is None or (parsed.get_backend_name() == "sqlite" and Path(parsed.database or "").resolve() == path)
