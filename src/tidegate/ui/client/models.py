"""Versions of the model: who serves, what a card says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidegate.ui.client.http import Api


@dataclass(frozen=True)
class Champion:
    """Who serves, since when (ISO 8601)."""

    version: str
    since: str


@dataclass(frozen=True)
class Measured:
    """A measure on the holdout with its 95 % interval."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Card:
    """What a version's card says. `metrics` are empty where there is no card."""

    version: str
    algorithm: str
    created_at: str
    meaning: str
    metrics: tuple[Measured, ...]
    document: dict[str, Any] | None


def champion(api: Api) -> Champion | None:
    """Who serves; None where nothing was promoted yet."""
    found = api.get("/models")["champion"]
    return None if found is None else Champion(found["version"], found["since"])


def card(api: Api, version: str) -> Card:
    """A version's card."""
    said = api.get(f"/models/{version}")
    document = said.get("card") or {}
    metrics = tuple(Measured(name, **one) for name, one in document.get("metrics", {}).items())
    meaning = document.get("model", {}).get("meaning", "")
    return Card(version, said.get("algorithm", ""), said.get("created_at", ""), meaning, metrics, said.get("card"))
