"""Where files of recent customers arrive: the home's folder or a bucket, and the newest of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.errors import InputRefused
from tidegate.home import Home, working
from tidegate.monitoring.order import PREFIX, newest, newest_key
from tidegate.settings import Settings

if TYPE_CHECKING:
    from tidegate.storage.s3 import Bucket

LARGEST_BATCH_BYTES = 4 << 30


@contextmanager
def newest_batch(home: Home, settings: Settings, path: Path | None) -> Iterator[Path]:
    """The batch as a file: the one named, else the newest of the inbox or of its bucket, fetched into a folder that goes afterwards.

    Raises InputRefused where there is none, StorageUnavailable, SettingRefused.
    """
    if path is not None:
        yield path
    elif not settings.inbox_url:
        found = newest(home.inbox)
        if found is None:
            raise InputRefused(f"There is no batch in {home.inbox}.", f"Put a file {PREFIX}….csv or .parquet there, or name one.")
        yield found
    else:
        with working(home, "inbox") as folder:
            yield _fetched(settings.inbox_url, home.cache, folder)


def inbox_holds_a_batch(home: Home, settings: Settings) -> bool:
    """Whether there is something to monitor, in the inbox or its bucket. Raises StorageUnavailable, SettingRefused."""
    if not settings.inbox_url:
        return newest(home.inbox) is not None
    return _newest_of_bucket(settings.inbox_url, home.cache)[1] is not None


def _newest_of_bucket(url: str, cache: Path) -> tuple[Bucket, str | None]:
    from tidegate.storage.connect import connect
    from tidegate.storage.s3 import list_keys

    bucket = connect(url, cache, "TIDEGATE_INBOX_URL")
    return bucket, newest_key(list_keys(bucket, ""))


def _fetched(url: str, cache: Path, folder: Path) -> Path:
    from tidegate.storage.s3 import download

    bucket, key = _newest_of_bucket(url, cache)
    if key is None:
        raise InputRefused(f"There is no batch in {bucket.url}.", f"Put an object {PREFIX}….csv or .parquet there, or name a file.")
    path = folder / key.rsplit("/", 1)[-1]
    with path.open("wb") as file:
        if download(bucket, key, file, LARGEST_BATCH_BYTES) is None:
            raise InputRefused(f"The object {key} in {bucket.url} went away while it was read.", "Try again.")
    return path
