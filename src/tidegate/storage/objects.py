"""Storage, whichever kind it is: a folder or a bucket. What both can do, by one name."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.home import Home
from tidegate.storage import files, s3
from tidegate.storage.files import Folder
from tidegate.storage.s3 import Bucket

Storage = Folder | Bucket


def open_storage(home: Home) -> Storage:
    """Where this home's bundles and champion pointer live. Asks nothing of it yet. Raises SettingRefused and MissingDependency."""
    if not home.storage_url:
        return Folder(home.storage)
    from tidegate.storage.connect import connect

    return connect(home.storage_url, home.cache)


def get(storage: Storage, key: str) -> bytes | None:
    """The object's content, or None where there is none. Raises BundleRefused where it was changed, and StorageUnavailable."""
    return s3.get(storage, key) if isinstance(storage, Bucket) else files.get(storage, key)


def tag_of(storage: Storage, key: str) -> str | None:
    """What identifies the present content, even a damaged one; None where there is none. Raises StorageUnavailable."""
    return s3.tag_of(storage, key) if isinstance(storage, Bucket) else files.tag_of(storage, key)


def put_if_match(storage: Storage, key: str, content: bytes, expected: str | None) -> bool:
    """Write if the present content's tag is `expected` (None: if there is none); False where it is not. Raises StorageUnavailable."""
    if isinstance(storage, Bucket):
        return s3.put_if_match(storage, key, content, expected)
    return files.put_if_match(storage, key, content, expected)


def list_keys(storage: Storage, prefix: str) -> list[str]:
    """Keys below a prefix, sorted. Raises StorageUnavailable."""
    return s3.list_keys(storage, prefix) if isinstance(storage, Bucket) else files.list_keys(storage, prefix)


def label(storage: Storage, key: str, tags: Mapping[str, str]) -> None:
    """Tag an object where the storage knows tags; a folder knows none."""
    if isinstance(storage, Bucket):
        s3.label(storage, key, tags)
