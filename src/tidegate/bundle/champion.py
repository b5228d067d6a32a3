"""From the champion pointer to a scorer that was verified first, also while the storage is away."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import asdict

from tidegate.bundle.check import check_bundle
from tidegate.bundle.local import local_bundle
from tidegate.bundle.memory import give_back
from tidegate.bundle.scorer import Scorer, open_scorer
from tidegate.errors import BundleRefused, NoChampion, StorageUnavailable
from tidegate.home import write_whole
from tidegate.storage.objects import Storage
from tidegate.storage.pointer import KEY, Pointer, parse_pointer, read_pointer
from tidegate.storage.s3 import Bucket

logger = logging.getLogger("tidegate.bundle")


def champion_pointer(storage: Storage) -> Pointer:
    """The pointer. Raises NoChampion where nothing was promoted yet, BundleRefused where it is damaged, and StorageUnavailable."""
    pointer = read_pointer(storage)
    if pointer is None:
        raise NoChampion("This home has no champion yet.", "Train one: tidegate train DATA --label COLUMN.")
    return pointer


def open_champion(storage: Storage) -> Scorer:
    """The champion's scorer, checked in a child process first. Raises NoChampion, BundleRefused or StorageUnavailable.

    A bucket's champion is remembered in the cache beside its bundle, for `open_last_champion`.
    """
    pointer = champion_pointer(storage)
    scorer = open_version(storage, pointer.version, pointer.digest)
    if isinstance(storage, Bucket):
        _remember(storage, pointer)
    return scorer


def open_last_champion(storage: Storage) -> Scorer:
    """The champion's scorer or, where the storage is away or what it holds is refused, that of the last one that was verified here.

    For a server, which is to start whatever else is down. Raises what `open_champion` raises where nothing verified is kept.
    """
    try:
        return open_champion(storage)
    except (StorageUnavailable, BundleRefused) as error:
        pointer = _remembered(storage) if isinstance(storage, Bucket) else None
        if pointer is None:
            if isinstance(storage, Bucket):
                raise type(error)(f"{error.detail} No champion of it was kept in {storage.cache} yet.", error.remedy) from error
            raise
        logger.warning("version %s serves from the cache, the last champion that was verified here: %s", pointer.version, error)
        return open_version(storage, pointer.version, pointer.digest)


def open_version(storage: Storage, version: str, digest: str) -> Scorer:
    """The scorer of a stored version, checked in a child process first. Raises BundleRefused, StorageUnavailable."""
    folder = local_bundle(storage, version, digest)
    check_bundle(folder, digest)
    scorer = open_scorer(folder, version, digest)
    give_back()
    return scorer


def _remember(bucket: Bucket, pointer: Pointer) -> None:
    if _remembered(bucket) == pointer:
        return
    with suppress(OSError):  # a disk without room keeps no champion for later, and stops none that serves now
        write_whole(bucket.cache / KEY, json.dumps({"storage": bucket.url, "pointer": asdict(pointer)}, indent=1).encode())


def _remembered(bucket: Bucket) -> Pointer | None:
    """The last champion of this very bucket and prefix whose bundle was verified here; None where none is kept, or it is damaged."""
    try:
        found = json.loads((bucket.cache / KEY).read_bytes())
        return parse_pointer(found["pointer"]) if found["storage"] == bucket.url else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
