"""The keys that a running server goes by: they follow their file, and never open what was closed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tidegate.access.file import read_keys
from tidegate.access.keys import Key, find_key
from tidegate.errors import HomeRefused

EVERY_SECONDS = 1.0
logger = logging.getLogger("tidegate.access")


def _clock() -> datetime:
    return datetime.now(UTC)


class Keyring:
    """The keys in a file, looked at again at most once a second.

    `required` becomes true with the first sight of the file and stays so for the life of the process. A changed file takes effect; one
    that is damaged or cannot be read changes nothing, and is logged once; one that is gone leaves no key that opens anything.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = _clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the file, where there is one. Raises HomeRefused where it is damaged or cannot be read: a server must not start on that."""
        self.path = path
        self.required = False
        self._clock, self._monotonic = clock, monotonic
        self._keys: dict[str, Key] = {}
        self._unreadable = False
        try:
            self._seen = _signature(path)
            if self._seen is not None:
                self._take()
        except OSError as error:
            raise HomeRefused(f"The API keys in {path} cannot be read: {error.strerror}.", "Let this account read them.") from None
        self._look_at = monotonic() + EVERY_SECONDS

    def follow(self) -> None:
        """Look at the file again where a second has passed since the last time."""
        now = self._monotonic()
        if now >= self._look_at:
            self._look_at = now + EVERY_SECONDS
            self._look()

    def holder(self, text: bytes) -> Key | None:
        """The valid key whose text this is, or None."""
        return find_key(self._keys, text, self._clock())

    def has(self, role: str) -> bool:
        """Whether a valid key has this role."""
        now = self._clock()
        return any(role in key.roles and key.valid(now) for key in self._keys.values())

    def _look(self) -> None:
        try:
            signature = _signature(self.path)
            if signature == self._seen and not self._unreadable:
                return
            self._seen = signature
            if signature is not None:
                self._take()
                logger.info("API keys read again: %d", len(self._keys))
            elif self.required:
                self._keys = {}
                logger.error("the file of API keys is gone: no key is valid until it is back")
            self._unreadable = False
        except HomeRefused as refused:
            self._unreadable = False
            logger.error("API keys stay as they were: %s", refused)
        except OSError as error:
            # Tried again every second, because rights may come back without a change of the file; said once.
            if not self._unreadable:
                logger.error("API keys stay as they were, their file cannot be read: %s", error.strerror)
            self._unreadable = True

    def _take(self) -> None:
        self.required = True
        self._keys = {key.key_id: key for key in read_keys(self.path)}


def _signature(path: Path) -> tuple[int, ...] | None:
    """What changes with every change of a file, None where there is none. Links are followed: mounted secrets are links."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
