"""Which file of the inbox is the newest: by the time or number in its name, then by content, never by the file's own time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tidegate.bundle.manifest import file_digest

PREFIX = "prod_batch_"
_SUFFIXES = frozenset({".csv", ".parquet"})
_DAY = r"(20\d\d)[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])"
_CLOCK = r"[T_-]?([01]\d|2[0-3])[-_]?([0-5]\d)(?:[-_]?([0-5]\d))?"
_DATE = re.compile(rf"(?<!\d){_DAY}(?:{_CLOCK})?(?!\d)")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, order=True)
class Place:
    """Where a batch stands: those with a date in their name after those with a number only, these after those with neither."""

    dated: bool
    numbers: tuple[int, ...]
    sha256: str


def named_time(name: str) -> datetime | None:
    """The date (and time) in a file's name, in UTC; None where it holds none.

    >>> named_time("prod_batch_2026-10-31.csv").isoformat(), named_time("prod_batch_20261031T0930.csv").isoformat()
    ('2026-10-31T00:00:00+00:00', '2026-10-31T09:30:00+00:00')
    >>> named_time("prod_batch_03_strong_drift.csv") is None
    True
    """
    found = _DATE.search(name)
    if found is None:
        return None
    try:
        return datetime(*(int(part or 0) for part in found.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None


def place_of(name: str, sha256: str) -> Place:
    """Where a file of this name and content stands among the others.

    >>> place_of("prod_batch_10.csv", "a") > place_of("prod_batch_9.csv", "b")
    True
    """
    at = named_time(name)
    if at is not None:
        return Place(True, (at.year, at.month, at.day, at.hour, at.minute, at.second), sha256)
    return Place(False, tuple(int(number) for number in _NUMBER.findall(Path(name).stem)), sha256)


def is_batch(name: str) -> bool:
    """Whether a file of the inbox is a batch: `prod_batch_…` and CSV or Parquet. A file that is still being copied begins with a dot."""
    return name.startswith(PREFIX) and Path(name).suffix.lower() in _SUFFIXES


def newest(folder: Path) -> Path | None:
    """The newest batch of a folder; None where it is absent or holds none."""
    if not folder.is_dir():
        return None
    found = [path for path in folder.iterdir() if path.is_file() and is_batch(path.name)]
    last = max((place_of(path.name, "") for path in found), default=None)
    # only what the names leave open is read: an inbox may hold years of batches
    open_still = [path for path in found if place_of(path.name, "") == last]
    return open_still[0] if len(open_still) == 1 else max(open_still, key=file_digest, default=None)


def newest_key(keys: Iterable[str]) -> str | None:
    """The newest batch among the keys of a bucket, by name alone; None where none is a batch."""
    named = {key: key.rsplit("/", 1)[-1] for key in keys}
    return max((key for key, name in named.items() if is_batch(name)), key=lambda key: place_of(named[key], key), default=None)
