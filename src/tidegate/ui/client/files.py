"""A file through the scoring API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO

from tidegate.ui.client.http import Api


@dataclass(frozen=True)
class Serving:
    """The version that serves, and the probability from which on it flags a customer."""

    version: str
    threshold: float


def serving(api: Api) -> Serving:
    """What serves now."""
    said = api.get("/model-info")
    return Serving(said["model_version"], said["threshold"])


def identity(api: Api) -> str | None:
    """The name, in snake_case, of the column that names a customer; None where the table has none."""
    found = api.get("/features").get("id")
    return None if found is None else str(found)


def scored(api: Api, file: IO[bytes], once: str) -> AbstractContextManager[Iterator[bytes]]:
    """Pieces of the scored CSV, in the file's order, while they arrive: sent again with the same `once`, nothing is recorded twice.

    Raises ApiFault, also in the middle. The file's name stays here: it may name a person.
    """
    return api.upload("/predict-csv", "table", file, once)
