"""The file of keys: digests, names and roles; written whole, readable by its owner only, changed by one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tidegate.access.keys import NAME, ROLES, Key
from tidegate.errors import HomeRefused, SettingRefused
from tidegate.home import Home, write_whole

FORMAT = 1
MOST_BYTES = 1 << 20
_FIELDS = {"id", "name", "roles", "sha256", "created", "expires"}


def keys_file(home: Home, elsewhere: Path | None) -> Path:
    """Where the keys of a home are: the file that the setting `api_keys_file` names, else one among its secrets."""
    return elsewhere or home.secrets / "api-keys.json"


def required_keys_file(home: Home, elsewhere: Path | None) -> Path:
    """The same for a server. Raises SettingRefused where a file that the setting names is not there: it was meant to be asked for."""
    path = keys_file(home, elsewhere)
    if elsewhere is not None and not path.exists():
        raise SettingRefused(f"TIDEGATE_API_KEYS_FILE names {path}, which is not there.", "Mount it, or unset the variable.")
    return path


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys in the file. Raises FileNotFoundError where there is none, HomeRefused where it is damaged or anybody may write it."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & stat.S_IWOTH:
            raise HomeRefused(f"{path} can be written by every account, so by anybody who wants a key.", f"chmod 600 {path}")
        content = file.read(MOST_BYTES + 1)
    try:
        document = json.loads(content)
        if len(content) > MOST_BYTES or document["format"] != FORMAT:
            raise ValueError
        keys = tuple(_key(one) for one in document["keys"])
        if len({key.key_id for key in keys}) != len(keys) or len({key.name for key in keys}) != len(keys):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise HomeRefused(
            f"The API keys in {path} are damaged.", "Restore the file from a backup, or remove it and make new keys."
        ) from None
    return keys


def write_keys(path: Path, keys: Sequence[Key]) -> None:
    """Write the file whole, mode 0600. Raises HomeRefused where it cannot be written, and leaves it as it was."""
    document = {"format": FORMAT, "keys": [_document(key) for key in keys]}
    try:
        write_whole(path, json.dumps(document, indent=1).encode() + b"\n", 0o600)
    except OSError as error:
        raise HomeRefused(
            f"The API keys in {path} cannot be changed: {error.strerror}.", "A mounted file is changed where it comes from, not here."
        ) from None


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Only one process at a time reads, changes and writes the file; others wait. Raises HomeRefused where its folder cannot be written."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock").open("a+")
    except OSError as error:
        raise HomeRefused(
            f"The folder of {path} cannot be written: {error.strerror}.", "A mounted file is changed where it comes from."
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _document(key: Key) -> dict[str, Any]:
    expires = None if key.expires is None else key.expires.isoformat()
    told = {"id": key.key_id, "name": key.name, "roles": list(key.roles), "sha256": key.digest}
    return {**told, "created": key.created.isoformat(), "expires": expires}


def _key(found: dict[str, Any]) -> Key:
    if set(found) != _FIELDS:
        raise ValueError
    created = datetime.fromisoformat(found["created"])
    expires = None if found["expires"] is None else datetime.fromisoformat(found["expires"])
    roles = tuple(found["roles"])
    if not (_hex(found["id"], 12) and _hex(found["sha256"], 64) and NAME.fullmatch(found["name"]) and roles and set(roles) <= set(ROLES)):
        raise ValueError
    if created.tzinfo is None or (expires is not None and expires.tzinfo is None):
        raise ValueError
    return Key(found["id"], found["name"], roles, found["sha256"], created, expires)


def _hex(text: str, length: int) -> bool:
    return len(text) == length and not set(text) - set("0123456789abcdef")
