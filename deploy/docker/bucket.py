"""Buckets of any S3 store as streams: `make BUCKET…`, `save BUCKET` to stdout, `load BUCKET` from stdin.

What a backup needs of a store: every object with its content, its metadata and its tags, as a tar file in which each object is two
members, what it is (JSON) and its content. Address and account come from the usual AWS variables.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Iterator
from typing import IO, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def connected() -> Any:
    """A client that addresses buckets by path, as stores of one's own want it."""
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"total_max_attempts": 10, "mode": "standard"},
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client("s3", config=config)


def make(client: Any, bucket: str) -> None:
    """The bucket, where there is none."""
    try:
        client.create_bucket(Bucket=bucket)
    except (client.exceptions.BucketAlreadyExists, client.exceptions.BucketAlreadyOwnedByYou):
        return


def save(client: Any, bucket: str, to: IO[bytes]) -> int:
    """Every object into the stream; how many. One that goes meanwhile is left out."""
    count = 0
    with tarfile.open(fileobj=to, mode="w|") as archive:
        for key in keys(client, bucket):
            try:
                answer = client.get_object(Bucket=bucket, Key=key)
                content = answer["Body"].read()
                tags = client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
            except client.exceptions.NoSuchKey:
                continue
            said = {"key": key, "metadata": answer["Metadata"], "type": answer["ContentType"], "tags": tags}
            said["sha256"] = hashlib.sha256(content).hexdigest()
            for name, part in ((f"{count}.json", json.dumps(said).encode()), (f"{count}", content)):
                member = tarfile.TarInfo(name)
                member.size = len(part)
                archive.addfile(member, io.BytesIO(part))
            count += 1
    return count


def keys(client: Any, bucket: str) -> Iterator[str]:
    """Names of the objects; what stands for a folder is none."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (one["Key"] for one in page.get("Contents", []) if not one["Key"].endswith("/"))


def load(client: Any, bucket: str, source: IO[bytes]) -> int:
    """Put back what `save` wrote, each object compared with its digest; how many. Refuses a bucket that holds anything."""
    make(client, bucket)
    if next(keys(client, bucket), None) is not None:
        sys.exit(f"The bucket {bucket} is not empty. Restore into an empty store.")
    count, said = 0, {}
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for member in archive:
            file = archive.extractfile(member)
            content = b"" if file is None else file.read()
            if member.name.endswith(".json"):
                said = json.loads(content)
                continue
            if hashlib.sha256(content).hexdigest() != said["sha256"]:
                sys.exit(f"An object of {bucket} is not what was kept. Take another backup.")
            client.put_object(Bucket=bucket, Key=said["key"], Body=content, Metadata=said["metadata"], ContentType=said["type"])
            if said["tags"]:
                client.put_object_tagging(Bucket=bucket, Key=said["key"], Tagging={"TagSet": said["tags"]})
            count += 1
    return count


def main(words: list[str]) -> None:
    """One of the three; what was done goes to stderr."""
    client = connected()
    match words:
        case ["make", *buckets] if buckets:
            for bucket in buckets:
                make(client, bucket)
        case ["save", bucket]:
            sys.stderr.write(f"{bucket}: {save(client, bucket, sys.stdout.buffer)} objects kept\n")
        case ["load", bucket]:
            sys.stderr.write(f"{bucket}: {load(client, bucket, sys.stdin.buffer)} objects put back\n")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (ClientError, BotoCoreError) as error:
        sys.exit(f"The store refused or does not answer: {error}")
