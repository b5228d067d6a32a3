"""Folders for what a visit has on disk: customers' rows, so they are gone when the visit is, the process is, or a day is over.

A process has one folder of its own, 0700, under the system's folder for temporary files (TMPDIR), and holds a lock in it. Whoever makes the
first folder of another process removes those whose process ended without doing so: their lock is free.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path

_PREFIX, _LOCK = "tidegate-pages-", "in-use"
KEPT_SECONDS = 24 * 3600.0
# Between a folder's making and its lock's.
_MAKING_SECONDS = 60.0


class Folder:
    """An empty folder that goes with this object, and after a day in any case. Raises OSError where there is no room."""

    def __init__(self, kept_seconds: float = KEPT_SECONDS) -> None:
        if not _of_this_process().is_dir():
            _of_this_process.cache_clear()
        made = tempfile.TemporaryDirectory(dir=_of_this_process(), ignore_cleanup_errors=True)
        self.path = Path(made.name)
        day = threading.Timer(kept_seconds, shutil.rmtree, (self.path,), {"ignore_errors": True})
        day.daemon = True
        day.start()
        self._end = weakref.finalize(self, _end, made, day)

    def remove(self) -> None:
        """Now."""
        self._end()


def _end(made: tempfile.TemporaryDirectory[str], day: threading.Timer) -> None:
    day.cancel()
    made.cleanup()


def sweep(parent: Path) -> None:
    """Remove what processes left that ended without removing it."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.stat().st_uid == os.getuid() and _is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    lock = folder / _LOCK
    if not lock.exists():
        return time.time() - folder.stat().st_mtime > _MAKING_SECONDS
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@cache
def _of_this_process() -> Path:
    parent = Path(tempfile.gettempdir())
    sweep(parent)
    made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    lock = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)  # open as long as the process lives
    fcntl.flock(lock, fcntl.LOCK_EX)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
