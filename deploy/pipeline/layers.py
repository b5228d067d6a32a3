"""Archives of images as `docker save` and BuildKit write them: their layers' files, one after another."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    """What is in the archive: its layers in order, oldest first, and its configuration. Raises ValueError where it holds not one image."""
    try:
        listed = json.load(archive.extractfile("manifest.json") or ())
    except (KeyError, ValueError, AttributeError):
        raise ValueError("it has no manifest.json: it is no image") from None
    if len(listed) != 1:
        raise ValueError(f"it holds {len(listed)} images, where one was asked for")
    found: dict[str, Any] = listed[0]
    return found


def configuration(path: Path) -> bytes:
    """Environment, command, labels and history of the image, as JSON."""
    with tarfile.open(path) as archive:
        inner = archive.extractfile(manifest(archive)["Config"])
        if inner is None:
            raise ValueError("its configuration is no file")
        return inner.read()


def files(path: Path, largest: int) -> Iterator[tuple[int, str, bytes]]:
    """Number of the layer, name and content of each ordinary file of at most `largest` bytes, layer by layer.

    A file that a later layer replaced or removed is among them: who has the image has it. Whiteouts are given as what they are, empty files
    whose name begins with `.wh.`.
    """
    with tarfile.open(path) as archive:
        for number, name in enumerate(manifest(archive)["Layers"]):
            layer = archive.extractfile(name)
            if layer is None:
                raise ValueError(f"its layer {name} is no file")
            with tarfile.open(fileobj=layer, mode="r:*") as inner:
                for entry in inner:
                    if entry.isfile() and entry.size <= largest:
                        content = inner.extractfile(entry)
                        yield number, entry.name.removeprefix("./"), content.read() if content else b""
