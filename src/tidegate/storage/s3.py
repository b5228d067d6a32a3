"""Storage in a bucket of any S3 store: objects written once or if unchanged, and compared with their SHA-256 when they are read.

The only place that talks S3. The store has to keep the conditions If-None-Match and If-Match of a write.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tidegate.errors import BundleRefused, StorageUnavailable
from tidegate.storage.failures import Place, code_of, explained, status_of
from tidegate.storage.files import tag

LARGEST_OBJECT_BYTES = 512 << 20
LONGEST_READ_SECONDS = 120.0
_CHUNK_BYTES = 1 << 18
_SHA256, _WRITER = "sha256", "writer"
_LOST_RACE = frozenset({412, 409})


@dataclass(frozen=True)
class Bucket:
    """A prefix of a bucket. `cache` is the folder that keeps verified copies of its bundles; it may be absent."""

    place: Place
    cache: Path
    client: Any = field(repr=False, compare=False)

    @property
    def url(self) -> str:
        """Which bucket and prefix it is, whatever address it is reached at."""
        return f"s3://{self.place.bucket}/{self.place.prefix}"


@dataclass(frozen=True)
class _Object:
    content: bytes
    etag: str
    metadata: Mapping[str, str]


def _key(bucket: Bucket, key: str) -> str:
    return f"{bucket.place.prefix}/{key}" if bucket.place.prefix else key


def _absent(error: Any) -> bool:
    return code_of(error) == "NoSuchKey"


def get(bucket: Bucket, key: str) -> bytes | None:
    """The object's content, or None where there is none.

    Raises BundleRefused where it is not what Tidegate wrote there, and StorageUnavailable.
    """
    found = _read(bucket, key)
    if found is None:
        return None
    if found.metadata.get(_SHA256) != tag(found.content):
        raise BundleRefused(
            f"The object {key} in {bucket.place} is not what was written: its SHA-256 differs or is absent.",
            "Someone or something else wrote it; restore it from a backup, or promote a version again.",
        )
    return found.content


def tag_of(bucket: Bucket, key: str) -> str | None:
    """The tag of the present content, whoever wrote it, or None where there is none. Raises StorageUnavailable."""
    found = _read(bucket, key)
    return None if found is None else tag(found.content)


def _read(bucket: Bucket, key: str) -> _Object | None:
    answer = _open(bucket, key)
    if answer is None:
        return None
    content = b"".join(_chunks(bucket, key, answer, LARGEST_OBJECT_BYTES))
    return _Object(content, answer["ETag"], answer.get("Metadata", {}))


def _open(bucket: Bucket, key: str) -> Any:
    from botocore.exceptions import ClientError

    with explained(bucket.place, "read"):
        try:
            return bucket.client.get_object(Bucket=bucket.place.bucket, Key=_key(bucket, key))
        except ClientError as error:
            if _absent(error):
                return None
            raise


def _chunks(bucket: Bucket, key: str, answer: Any, most_bytes: int) -> Iterator[bytes]:
    """The content in pieces. Raises BundleRefused where it is larger, and StorageUnavailable where it takes too long."""
    read, deadline = 0, time.monotonic() + LONGEST_READ_SECONDS
    with closing(answer["Body"]) as body:
        while True:
            with explained(bucket.place, "read"):
                chunk = body.read(_CHUNK_BYTES)
            if not chunk:
                return
            read += len(chunk)
            if read > most_bytes:
                raise BundleRefused(f"The object {key} in {bucket.place} is larger than {most_bytes:,} bytes.", "Promote another version.")
            if time.monotonic() > deadline:
                raise StorageUnavailable(f"The storage {bucket.place} is too slow: {key} took two minutes.", "Check the connection to it.")
            yield chunk


def download(bucket: Bucket, key: str, file: BinaryIO, most_bytes: int) -> str | None:
    """Write an object into a file; returns the SHA-256 of what was written, or None where there is no such object.

    In flat memory; it is for the caller to compare. Raises BundleRefused where it is larger than `most_bytes`, and StorageUnavailable.
    """
    answer = _open(bucket, key)
    if answer is None:
        return None
    digest = hashlib.sha256()
    for chunk in _chunks(bucket, key, answer, most_bytes):
        digest.update(chunk)
        file.write(chunk)
    return digest.hexdigest()


def put_if_match(bucket: Bucket, key: str, content: bytes, expected: str | None) -> bool:
    """Write if the present content's tag is `expected` (None: if there is none); False, with nothing changed, where it is not.

    The store compares and writes in one step, so that of several writers in several places one wins. Raises StorageUnavailable.
    """
    condition = {"IfNoneMatch": "*"}
    if expected is not None:
        present = _read(bucket, key)
        if present is None or tag(present.content) != expected:
            return False
        condition = {"IfMatch": present.etag}
    elif _exists(bucket, key):
        return False  # nor is a large content sent in vain
    return _put(bucket, key, content, condition)


def _put(bucket: Bucket, key: str, content: bytes, condition: Mapping[str, str]) -> bool:
    from botocore.exceptions import ClientError

    metadata = {_SHA256: tag(content), _WRITER: uuid.uuid4().hex}
    with explained(bucket.place, "write"):
        try:
            bucket.client.put_object(
                Bucket=bucket.place.bucket, Key=_key(bucket, key), Body=content, Metadata=metadata, ContentType=_kind(key), **condition
            )
        except ClientError as error:
            if status_of(error) not in _LOST_RACE and not _absent(error):
                raise
        else:
            return True
    # A request whose answer was lost is sent again by the client, and then meets what it wrote itself.
    present = _read(bucket, key)
    return present is not None and present.metadata.get(_WRITER) == metadata[_WRITER]


def _kind(key: str) -> str:
    kinds = {".json": "application/json", ".html": "text/html; charset=utf-8", ".toml": "application/toml"}
    return kinds.get(Path(key).suffix, "application/octet-stream")


def _exists(bucket: Bucket, key: str) -> bool:
    """Asked with GET and its body left unread: the answer to HEAD has none that could say why it is refused."""
    answer = _open(bucket, key)
    if answer is not None:
        answer["Body"].close()
    return answer is not None


def list_keys(bucket: Bucket, prefix: str) -> list[str]:
    """Keys below a prefix, sorted. Raises StorageUnavailable."""
    root = _key(bucket, "")
    with explained(bucket.place, "list"):
        pages = bucket.client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket.place.bucket, Prefix=_key(bucket, f"{prefix}/" if prefix else "")
        )
        return sorted(found["Key"].removeprefix(root) for page in pages for found in page.get("Contents", ()))


def label(bucket: Bucket, key: str, tags: Mapping[str, str]) -> None:
    """Tag an object for people and lifecycle rules, as far as the store and the account's rights allow: nothing depends on it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        bucket.client.put_object_tagging(
            Bucket=bucket.place.bucket,
            Key=_key(bucket, key),
            Tagging={"TagSet": [{"Key": name, "Value": value[:256]} for name, value in tags.items()]},
        )
    except (BotoCoreError, ClientError):
        return
