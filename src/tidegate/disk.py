"""A disk without room, told from every other fault, whichever library met it first."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.errors import HomeFull, HomeRefused, InputRefused

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
# For the index of its write-ahead log SQLite takes room in advance, and calls the refusal of that an error of the disk.
_SQLITE_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})


def is_full(error: BaseException) -> bool:
    """Whether a disk without room, or a quota that is used up, led to this failure: its causes and what it was raised over are asked too.

    >>> is_full(OSError(errno.ENOSPC, "No space left on device")), is_full(OSError(errno.EACCES, "Permission denied"))
    (True, False)
    """
    found: BaseException | None = error
    while found is not None:
        if getattr(found, "errno", None) in _NO_ROOM or getattr(found, "sqlite_errorcode", None) in _SQLITE_NO_ROOM:
            return True
        # `shutil.copytree` keeps of what it met the text alone
        if isinstance(found, shutil.Error) and any(f"[Errno {number}]" in str(found) for number in _NO_ROOM):
            return True
        found = found.__cause__ or found.__context__
    return False


@contextmanager
def naming_full_disk(home: Path) -> Iterator[None]:
    """Say of what a full disk stops inside that it did, where, and what to do; for work that writes nowhere but in the home.

    Raises HomeFull. A ledger or a tracking server, which may lie elsewhere, speaks for itself.
    """
    try:
        yield
    except HomeFull:
        raise
    except (OSError, InputRefused, HomeRefused) as error:
        if not is_full(error):
            raise
        raise HomeFull(
            f"The disk of {home} is full.", "Make room there, then give the same command again: a search goes on where it was."
        ) from error
