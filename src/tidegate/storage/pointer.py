"""The champion pointer: which bundle serves. `promote` writes it, servers follow it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from tidegate.errors import BundleRefused, HomeRefused
from tidegate.storage.objects import Storage, get, put_if_match, tag_of

KEY = "champion.json"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Pointer:
    """Version and digest of the champion's bundle, and since when (ISO 8601, UTC)."""

    version: str
    digest: str
    since: str


def read_pointer(storage: Storage) -> Pointer | None:
    """The pointer, or None where nothing was promoted yet. Raises BundleRefused where it is damaged, and StorageUnavailable."""
    content = get(storage, KEY)
    if content is None:
        return None
    try:
        return parse_pointer(json.loads(content))
    except (ValueError, TypeError, RecursionError):
        raise BundleRefused("The champion pointer is damaged.", "Run `tidegate promote VERSION`, or restore the storage.") from None


def parse_pointer(found: object) -> Pointer:
    """The pointer of a JSON object. Raises ValueError or TypeError where it is none."""
    if not isinstance(found, dict):
        raise TypeError
    pointer = Pointer(**found)
    parts = (pointer.version, pointer.digest, pointer.since)
    # The version names a folder: nothing that could lead elsewhere.
    if not all(isinstance(part, str) and part for part in parts) or not _VERSION.fullmatch(pointer.version):
        raise ValueError
    return pointer


def pointer_tag(storage: Storage) -> str | None:
    """What identifies the pointer as it stands, damaged or not; None where there is none. Raises StorageUnavailable."""
    return tag_of(storage, KEY)


def move_pointer(storage: Storage, pointer: Pointer, seen: str | None) -> None:
    """Move the pointer from where `pointer_tag` saw it. Raises HomeRefused where another process moved it since, and StorageUnavailable."""
    if not put_if_match(storage, KEY, json.dumps(asdict(pointer), indent=1).encode(), seen):
        raise HomeRefused("The champion changed while it was being promoted.", "Look at `tidegate history`, then try again.")


def write_pointer(storage: Storage, pointer: Pointer) -> None:
    """Move the pointer from wherever it stands now; as `move_pointer`."""
    move_pointer(storage, pointer, pointer_tag(storage))
