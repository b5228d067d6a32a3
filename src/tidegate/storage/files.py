"""Storage in a folder: whole objects under keys, written once or if unchanged. Keys are relative paths with `/`."""

from __future__ import annotations

import glob
import hashlib
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import HomeRefused
from tidegate.home import write_whole


@dataclass(frozen=True)
class Folder:
    """A folder that holds objects."""

    root: Path


def _place(storage: Folder, key: str) -> Path:
    place = (storage.root / key).resolve()
    if not place.is_relative_to(storage.root.resolve()):
        raise HomeRefused(f"The storage key {key!r} leaves the storage.", "This object was tampered with; restore it from a backup.")
    return place


def tag(content: bytes) -> str:
    """What identifies a content: its SHA-256."""
    return hashlib.sha256(content).hexdigest()


def get(storage: Folder, key: str) -> bytes | None:
    """The object's content, or None where there is none."""
    try:
        return _place(storage, key).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def tag_of(storage: Folder, key: str) -> str | None:
    """The tag of the present content, or None where there is none."""
    content = get(storage, key)
    return None if content is None else tag(content)


def put_if_match(storage: Folder, key: str, content: bytes, expected: str | None) -> bool:
    """Write if the present content's tag is `expected` (None: if there is none); False, with nothing changed, where it is not.

    Writers of one folder are serialised by the home's lock, so compare and write are one step.
    """
    place = _place(storage, key)
    # A writer that was killed left this; in a bundle's folder it would be a file that the manifest does not name.
    for left in place.parent.glob(f".{glob.escape(place.name)}.*.part"):
        left.unlink(missing_ok=True)
    if tag_of(storage, key) != expected:
        return False
    write_whole(place, content)
    return True


def list_keys(storage: Folder, prefix: str) -> list[str]:
    """Keys below a prefix, sorted."""
    folder = _place(storage, prefix)
    return sorted(str(path.relative_to(storage.root.resolve())) for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
