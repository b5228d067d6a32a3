"""The champion pointer: which bundle serves. `promote` writes it, servers follow it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from tidegate.errors import BundleRefused, HomeRefused
from tidegate.storage.files import Storage, get, put_if_match, tag

KEY = "champion.json"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Pointer:
    """Version and digest of the champion's bundle, and since when (ISO 8601, UTC)."""

    version: str
    digest: str
    since: str


def read_pointer(storage: Storage) -> Pointer | None:
    """The pointer, or None where nothing was promoted yet. Raises BundleRefused where it is damaged."""
    content = get(storage, KEY)
    if content is None:
        return None
    try:
        pointer = Pointer(**json.loads(content))
        parts = (pointer.version, pointer.digest, pointer.since)
        # The version names a folder: nothing that could lead elsewhere.
        if not all(isinstance(part, str) and part for part in parts) or not _VERSION.fullmatch(pointer.version):
            raise ValueError
        return pointer
    except (ValueError, TypeError, RecursionError):
        raise BundleRefused("The champion pointer is damaged.", "Run `tidegate promote VERSION`, or restore the storage.") from None


def write_pointer(storage: Storage, pointer: Pointer) -> None:
    """Move the pointer. Raises HomeRefused where another process moved it meanwhile."""
    present = get(storage, KEY)
    content = json.dumps(asdict(pointer), indent=1).encode()
    if not put_if_match(storage, KEY, content, None if present is None else tag(present)):
        raise HomeRefused("The champion changed while it was being promoted.", "Look at `tidegate history`, then try again.")
