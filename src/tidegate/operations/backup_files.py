"""The files of a home as they are at one moment, copied without a lock: again until nothing changed meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tidegate.bundle.manifest import file_digest
from tidegate.errors import HomeRefused
from tidegate.home import Home
from tidegate.ledger.copy import copy_database, copy_to_file
from tidegate.ledger.store import Ledger
from tidegate.operations.backup_manifest import LEDGER, StoredFile

ROUNDS = 8
_SQLITE = b"SQLite format 3\0"
_BESIDE_DATABASE = ("-wal", "-shm", "-journal")

# device, number, size and last change: the same as long as nobody wrote or replaced the file
Stamp = tuple[int, int, int, int]


def copy_home(home: Home, ledger: Ledger, to: Path) -> None:
    """Copy files, then databases each by its own means, until no file changed between the two: one moment of both.

    Files are written once and renamed into place in a home, so that a copy is seldom repeated. Scratch and hidden names (locks, work in
    progress) stay behind. Raises HomeRefused where the home changes all the time, OSError, sqlite3.Error, LedgerUnavailable.
    """
    to.mkdir(mode=0o700)
    copied: dict[str, Stamp] = {}
    taken: set[str] = set()
    for _ in range(ROUNDS):
        files, databases, folders = _scan(home)
        _copy_changed(home, to, files, folders, copied)
        for name in taken - set(databases):
            (to / name).unlink(missing_ok=True)
        taken = set(databases)
        for name in databases:
            (to / name).unlink(missing_ok=True)
            copy_database(home.root / name, to / name)
        copy_to_file(ledger, to / LEDGER)
        if _scan(home) == (files, databases, folders) and copied == files:
            return
    raise HomeRefused(f"{home.root} changes faster than it can be copied.", "Back it up again when no training is at work.")


def stored(content: Path) -> tuple[list[str], dict[str, StoredFile]]:
    """Folders and files of a copied home, the files with their digests; paths relative to it."""
    paths = {str(path.relative_to(content)): path for path in sorted(content.rglob("*"))}
    files = {name: StoredFile(sha256=file_digest(path), bytes=path.stat().st_size) for name, path in paths.items() if path.is_file()}
    return [name for name, path in paths.items() if path.is_dir()], files


def _scan(home: Home) -> tuple[dict[str, Stamp], list[str], list[str]]:
    """Files with their stamps, databases other than the ledger, and folders; paths relative to the home."""
    files: dict[str, Stamp] = {}
    databases: list[str] = []
    folders: list[str] = []
    for path in _visible(home.root):
        name = str(path.relative_to(home.root))
        try:
            if path.is_dir():
                folders.append(name)
                continue
            found = path.stat()
            if not path.is_file() or name == LEDGER or _belongs_to_database(path):
                continue
            with path.open("rb") as file:
                if file.read(len(_SQLITE)) == _SQLITE:
                    databases.append(name)
                    continue
        except FileNotFoundError:
            continue
        files[name] = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    return files, databases, folders


def _visible(root: Path) -> Iterator[Path]:
    seen = {(root.stat().st_dev, root.stat().st_ino)}
    for folder, folders, names in os.walk(root, followlinks=True):
        kept = []
        for name in sorted(folders):
            path = Path(folder, name)
            if name.startswith(".") or path == root / "scratch" or not path.exists():
                continue
            identity = (path.stat().st_dev, path.stat().st_ino)
            if identity not in seen:  # a link to a folder above would lead in a circle
                seen.add(identity)
                kept.append(name)
        folders[:] = kept
        yield from (Path(folder, name) for name in kept)
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _belongs_to_database(path: Path) -> bool:
    for ending in _BESIDE_DATABASE:
        if path.name.endswith(ending):
            base = path.with_name(path.name.removesuffix(ending))
            return base.name == LEDGER or base.exists()
    return False


def _copy_changed(home: Home, to: Path, files: dict[str, Stamp], folders: list[str], copied: dict[str, Stamp]) -> None:
    for name in [name for name in copied if copied[name] != files.get(name)]:
        (to / name).unlink(missing_ok=True)
        del copied[name]
    for path in sorted((path for path in to.rglob("*") if path.is_dir()), reverse=True):
        if str(path.relative_to(to)) not in folders:
            shutil.rmtree(path)
    for name in folders:
        (to / name).mkdir(mode=0o700, exist_ok=True)
    for name, stamp in files.items():
        if name in copied:
            continue
        try:
            shutil.copyfile(home.root / name, to / name)
            found = (home.root / name).stat()
            (to / name).chmod(0o600)
        except FileNotFoundError:
            continue
        # what changed under the copying is copied again
        copied[name] = stamp if stamp == (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) else (0, 0, 0, 0)
