"""A store in memory with the four calls of the S3 client that Tidegate makes, for tests without a server."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


def refusal(status: int, code: str, call: str = "GetObject") -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, call)


@dataclass
class FakeStore:
    """`before[call]` is run before a call, with its arguments, and may raise or change what is there."""

    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    before: dict[str, Callable[..., None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def _begin(self, call: str, arguments: dict[str, Any]) -> None:
        self.calls.append(call)
        if call in self.before:
            self.before[call](**arguments)

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        self._begin("get", arguments)
        if arguments["Key"] not in self.objects:
            raise refusal(404, "NoSuchKey")
        content, metadata = self.objects[arguments["Key"]]
        return {"Body": io.BytesIO(content), "ETag": _etag(content), "Metadata": dict(metadata)}

    def put_object(self, **arguments: Any) -> None:
        self._begin("put", arguments)
        present = self.objects.get(arguments["Key"])
        if "IfNoneMatch" in arguments and present is not None:
            raise refusal(412, "PreconditionFailed", "PutObject")
        if "IfMatch" in arguments and (present is None or _etag(present[0]) != arguments["IfMatch"]):
            raise refusal(412, "PreconditionFailed", "PutObject")
        self.objects[arguments["Key"]] = (arguments["Body"], arguments["Metadata"])

    def put_object_tagging(self, **arguments: Any) -> None:
        self._begin("tag", arguments)
        self.tags[arguments["Key"]] = {one["Key"]: one["Value"] for one in arguments["Tagging"]["TagSet"]}

    def get_paginator(self, _: str) -> FakeStore:
        return self

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        self._begin("list", arguments)
        for key in self.objects:
            yield {"Contents": [{"Key": key}]} if key.startswith(arguments["Prefix"]) else {}


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
