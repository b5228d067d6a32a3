"""From a version and its digest to a folder on this machine: the storage's own, or a verified copy of what a bucket holds.

A copy appears whole or not at all, and only after every file had the SHA-256 that the manifest names, and the manifest the digest. It
is checked again whenever it is asked for, and fetched again where it is damaged.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from tidegate.bundle.manifest import FILES, LARGEST_FILE_BYTES, Manifest, read_manifest
from tidegate.disk import is_full
from tidegate.errors import BundleRefused, HomeFull, HomeRefused
from tidegate.storage.files import Folder
from tidegate.storage.objects import Storage, list_keys, tag_of
from tidegate.storage.s3 import Bucket, download

LARGEST_MANIFEST_BYTES = 4 << 20
LARGEST_BUNDLE_BYTES = 1 << 30
_DIGEST = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REMEDY = "Promote another version, or restore the bundle from a backup."


def bundle_key(version: str) -> str:
    """Where a version's bundle lies in storage."""
    return f"bundles/{version}"


def stored_versions(storage: Storage) -> list[str]:
    """Versions whose bundle is in storage, newest first. Raises StorageUnavailable."""
    found = [key.split("/")[1] for key in list_keys(storage, "bundles") if key.count("/") == 2 and key.endswith("/manifest.json")]
    return sorted(found, key=lambda version: (version.isdigit(), int(version) if version.isdigit() else 0, version), reverse=True)


def stored_digest(storage: Storage, version: str) -> str:
    """The digest of the manifest that is in storage now, which is nobody's word for what it should be. Raises BundleRefused."""
    found = tag_of(storage, f"{bundle_key(version)}/manifest.json")
    if found is None:
        raise BundleRefused(f"The bundle {version} has no manifest.", _REMEDY)
    return found


def bundle_place(storage: Storage, version: str, digest: str) -> Path:
    """Where the bundle is on this machine, or would be. Raises BundleRefused for a name that could lead elsewhere."""
    if isinstance(storage, Folder):
        return storage.root / bundle_key(version)
    if not _DIGEST.fullmatch(digest) or not _VERSION.fullmatch(version):
        raise BundleRefused("The version or the digest of a bundle is no name of one.", _REMEDY)
    return storage.cache / "bundles" / digest / version


def local_bundle(storage: Storage, version: str, digest: str) -> Path:
    """The bundle's folder on this machine. A bucket's is a copy that was verified now; a folder's own is for the caller to verify.

    Raises BundleRefused where what the bucket holds is not that bundle, StorageUnavailable, and HomeRefused where no copy can be kept.
    """
    place = bundle_place(storage, version, digest)
    if isinstance(storage, Folder) or _is_whole(place, digest):
        return place
    try:
        with _alone(storage.cache):
            if not _is_whole(place, digest):  # another process may have fetched it meanwhile
                _fetch(storage, version, digest, place)
    except OSError as error:
        why = f"No copy of bundle {version} can be kept in {storage.cache}: {error.strerror or 'it cannot be written'}."
        raise (HomeFull if is_full(error) else HomeRefused)(why, "Check the rights of the home and the room on its disk.") from None
    return place


def _is_whole(place: Path, digest: str) -> bool:
    try:
        read_manifest(place, digest)
    except (BundleRefused, OSError):
        return False
    return True


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One fetch at a time, so that whatever stands half-fetched in the cache was left by a process that was killed."""
    cache.mkdir(mode=0o700, exist_ok=True)
    with (cache / ".lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache.glob(".*.part"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _fetch(bucket: Bucket, version: str, digest: str, place: Path) -> None:
    part = bucket.cache / f".{digest}.{os.getpid()}.part"
    folder = part / version
    folder.mkdir(parents=True)
    try:
        for name, expected in _listed(bucket, version, digest, folder).items():
            _fetch_file(bucket, version, folder, name, expected)
            if sum(path.stat().st_size for path in folder.iterdir()) > LARGEST_BUNDLE_BYTES:
                raise BundleRefused(f"The bundle {version} is larger than {LARGEST_BUNDLE_BYTES:,} bytes.", _REMEDY)
        read_manifest(folder, digest)
        shutil.rmtree(place.parent, ignore_errors=True)
        place.parent.parent.mkdir(mode=0o700, exist_ok=True)
        part.rename(place.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _listed(bucket: Bucket, version: str, digest: str, folder: Path) -> dict[str, str]:
    """Fetch the manifest; the files that it names, with their digests. Names that no bundle has are refused before they are asked for."""
    with (folder / "manifest.json").open("wb") as file:
        found = download(bucket, f"{bundle_key(version)}/manifest.json", file, LARGEST_MANIFEST_BYTES)
    if found is None:
        raise BundleRefused(f"The bundle {version} has no manifest.", _REMEDY)
    if found != digest:
        raise BundleRefused(f"The manifest of bundle {version} is not the one that was promoted.", _REMEDY)
    try:
        files = Manifest.model_validate_json((folder / "manifest.json").read_bytes()).files
    except ValidationError:
        read_manifest(folder, digest)  # says of another format that it is one
        raise BundleRefused(f"The manifest of bundle {version} cannot be read.", _REMEDY) from None
    if strangers := set(files) - FILES:
        raise BundleRefused(f"The bundle names a file {sorted(strangers)[0]!r} that no bundle has.", _REMEDY)
    return files


def _fetch_file(bucket: Bucket, version: str, folder: Path, name: str, expected: str) -> None:
    with (folder / name).open("wb") as file:
        found = download(bucket, f"{bundle_key(version)}/{name}", file, LARGEST_FILE_BYTES)
    if found != expected:
        raise BundleRefused(f"The file {name} of bundle {version} is missing or changed.", _REMEDY)
