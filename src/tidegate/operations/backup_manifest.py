"""The manifest of a backup: what it holds, with the SHA-256 of every file, and how far its audit trail goes."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.errors import BackupRefused

FORMAT = 1
NAME = "backup.json"
CONTENT = "home"
LEDGER = "ledger.db"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class StoredFile(_Part):
    """A file of the backup."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Newest(_Part):
    """The newest event of the ledger: to be kept elsewhere, it shows later whether the trail's end was cut off."""

    sequence: int
    hash: str


class BackupManifest(_Part):
    """Paths are relative to the home. `home` is where the home lay; `ledger` the kind of database that `ledger.db` was copied from."""

    format: int
    made_at: str
    version: str
    home: str
    ledger: Literal["sqlite", "postgresql"]
    rows: dict[str, int]
    newest_event: Newest | None
    events: str
    folders: list[str]
    files: dict[str, StoredFile]


def read_backup(folder: Path) -> BackupManifest:
    """The manifest of a backup. Raises BackupRefused where there is none, or it is damaged or newer. Digests are compared by who copies."""
    path = folder / NAME
    try:
        document = json.loads(path.read_bytes())
        found = document["format"]
        if type(found) is int and found > FORMAT:
            raise BackupRefused(f"{folder} was made by a newer Tidegate (format {found}, not {FORMAT}).", "Upgrade, then restore.")
        manifest = BackupManifest.model_validate(document)
    except FileNotFoundError:
        raise BackupRefused(f"{folder} is no backup: it has no {NAME}.", "Name the folder that `tidegate backup` wrote.") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError):
        raise damaged(folder, NAME) from None
    for name in (*manifest.files, *manifest.folders):
        pure = PurePosixPath(name)
        if not name or pure.is_absolute() or ".." in pure.parts or str(pure) != name:
            raise BackupRefused(f"{path} names a file outside the backup.", "It was tampered with: take another backup.")
    if LEDGER not in manifest.files or "home.json" not in manifest.files:
        raise damaged(folder, NAME)
    return manifest


def damaged(folder: Path, name: str) -> BackupRefused:
    """Say which file of a backup is not what was written."""
    return BackupRefused(f"The backup {folder} is damaged: {name} is missing or is not what was written.", "Take another backup.")
