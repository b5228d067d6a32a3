"""`tidegate backup`: the whole home in a folder, one moment of it, while servers go on."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tidegate import __version__
from tidegate.bundle.manifest import file_digest
from tidegate.disk import is_full
from tidegate.errors import BackupRefused, LedgerUnavailable
from tidegate.home import Home, sync
from tidegate.ledger.copy import count_rows
from tidegate.ledger.events import append_event, list_events, verify_events
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations.backup_files import copy_home, stored
from tidegate.operations.backup_manifest import CONTENT, FORMAT, LEDGER, NAME, BackupManifest, Newest

BACKED_UP = "backed up"
_PART = re.compile(r"\.(\d+)\.backup-part$")


@dataclass(frozen=True)
class BackedUp:
    """A backup that is there, whole."""

    place: Path
    manifest: BackupManifest
    sha256: str

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.manifest.files.values())

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        newest = self.manifest.newest_event
        return {
            "backup": str(self.place),
            "files": len(self.manifest.files),
            "bytes": self.bytes,
            "rows": self.manifest.rows,
            "newest_event": None if newest is None else newest.model_dump(),
            "events": self.manifest.events,
            "manifest_sha256": self.sha256,
        }

    def summary(self) -> str:
        """A few lines for a person."""
        newest = self.manifest.newest_event
        rows = ", ".join(f"{count:,} {name}" for name, count in self.manifest.rows.items() if count)
        lines = [f"Backup in {self.place}: {len(self.manifest.files):,} files, {self.bytes:,} bytes; ledger with {rows or 'no rows'}."]
        lines += (
            [f"Newest event {newest.sequence}, hash {newest.hash}: kept elsewhere, it shows whether the trail was cut."] if newest else []
        )
        return "\n".join(lines + ([] if self.manifest.events == "ok" else [f"Warning: {self.manifest.events}"]))


def backup(home: Home, ledger: Ledger, to: Path, who: str, now: datetime) -> BackedUp:
    """Copy everything but scratch and locks to `to`, which appears whole or not at all, and note it in the audit trail.

    Nobody who scores, trains or promotes is held up. Raises BackupRefused where `to` cannot take it, HomeRefused where the home changes
    faster than it can be copied, LedgerUnavailable.
    """
    to = to.absolute()
    _require_free(home, to)
    with _part_beside(to) as part:
        content = part / CONTENT
        copy_home(home, ledger, content)
        manifest = _describe(home, ledger, content, now)
        path = part / NAME
        path.write_text(json.dumps(manifest.model_dump(), indent=1), encoding="utf-8")
        path.chmod(0o600)
        digest = file_digest(path)
        sync_tree(part)
        part.rename(to)
        sync(to.parent)
    newest = manifest.newest_event
    evidence = {"files": len(manifest.files), "manifest": digest, "newest": None if newest is None else newest.sequence}
    append_event(ledger, who, BACKED_UP, evidence, now)
    return BackedUp(to, manifest, digest)


def sync_tree(folder: Path) -> None:
    """Bring everything below a folder, and the folder, to the disk."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def _describe(home: Home, ledger: Ledger, content: Path, now: datetime) -> BackupManifest:
    copied = open_ledger(sqlite_url(content / LEDGER))
    try:
        rows, events, newest = count_rows(copied), verify_events(copied), list_events(copied, limit=1)
    finally:
        close_ledger(copied)
    folders, files = stored(content)
    return BackupManifest(
        format=FORMAT,
        made_at=now.isoformat(),
        version=__version__,
        home=str(home.root),
        ledger="postgresql" if ledger.engine.dialect.name == "postgresql" else "sqlite",
        rows=rows,
        newest_event=Newest(sequence=newest[0].sequence, hash=newest[0].hash) if newest else None,
        events=events,
        folders=folders,
        files=files,
    )


def _require_free(home: Home, to: Path) -> None:
    if to.resolve().is_relative_to(home.root):
        raise BackupRefused(f"{to} lies in the home.", "Name a folder outside it, on another disk if you can.")
    if to.is_symlink() or (to.exists() and (not to.is_dir() or any(to.iterdir()))):
        raise BackupRefused(f"{to} is there already.", "Name a folder that is not there yet, or an empty one.")
    if to.is_mount():
        raise BackupRefused(f"{to} is the root of a disk, which no folder can take the place of.", f"Name a folder in it: {to / 'backup'}.")
    if not to.parent.is_dir():
        raise BackupRefused(f"{to.parent} is not there.", "Make it first.")


@contextmanager
def _part_beside(to: Path) -> Iterator[Path]:
    """A folder beside `to` to fill, removed whatever happens; what killed backups left there is removed first."""
    try:
        for left in to.parent.glob(".*.backup-part"):
            process = _PART.search(left.name)
            if process and not Path(f"/proc/{process[1]}").exists():
                shutil.rmtree(left, ignore_errors=True)
        part = to.with_name(f".{to.name}.{os.getpid()}.backup-part")
        part.mkdir(mode=0o700)
    except OSError as error:
        raise BackupRefused(f"{to} cannot be made: {error.strerror}.", "Check the rights of its folder.") from None
    try:
        yield part
    except (OSError, sqlite3.Error, LedgerUnavailable, shutil.Error) as error:
        if is_full(error):
            raise BackupRefused(f"The disk of {to} is full; nothing is left there.", "Make room, or name another disk.") from error
        if isinstance(error, LedgerUnavailable):
            raise
        reason = getattr(error, "strerror", None) or "a database of the home cannot be read"
        raise BackupRefused(f"{to} cannot be written: {reason}; nothing is left there.", "Check both disks and their rights.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
