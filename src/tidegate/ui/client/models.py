"""Versions of the model: which there are, who serves, what a card says, how it came about, and who shall serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tidegate.ui.client.http import Api

MOST_EVENTS = 200


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
class Version:
    """A version in storage. Of a damaged one (`damaged` says how) nothing else is known. `metrics`: those of its card."""

    version: str
    champion: bool
    damaged: str | None
    algorithm: str
    created_at: str
    threshold: float | None
    threshold_rule: str
    holdout_rows: int | None
    metrics: tuple[Measured, ...]


@dataclass(frozen=True)
class Versions:
    """All versions, newest first; `earlier` are those that one rollback after the other leads to."""

    champion: Champion | None
    all: tuple[Version, ...]
    earlier: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """What a version's card says. `metrics` are empty where there is no card, and of a damaged version (`damaged` says how)."""

    version: str
    damaged: str | None
    algorithm: str
    created_at: str
    meaning: str
    metrics: tuple[Measured, ...]
    document: dict[str, Any] | None


@dataclass(frozen=True)
class Event:
    """What became of a version, by whom and why. `instead_of`: the champion that it replaced, where there was one."""

    at: str
    who: str
    what: str
    version: str
    instead_of: str | None
    reason: str


@dataclass(frozen=True)
class Reign:
    """A version while it was champion; `until` is None while it is."""

    version: str
    since: str
    until: str | None
    by: str
    reason: str


@dataclass(frozen=True)
class History:
    """Events about versions and champions in turn, both newest first; what could not be read."""

    events: tuple[Event, ...]
    reigns: tuple[Reign, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Appointed:
    """Who serves now, by an act. `earlier`: where further rollbacks lead; `changed`: False where it served already."""

    version: str
    previous: str | None
    since: str
    changed: bool
    earlier: tuple[str, ...]
    warnings: tuple[str, ...]


def champion(api: Api) -> Champion | None:
    """Who serves; None where nothing was promoted yet."""
    found = api.get("/models")["champion"]
    return None if found is None else Champion(found["version"], found["since"])


def versions(api: Api) -> Versions:
    """All versions in storage."""
    said = api.get("/models")
    found = said["champion"]
    serving = None if found is None else Champion(found["version"], found["since"])
    return Versions(serving, tuple(_version(one) for one in said["models"]), tuple(said["earlier_versions"]))


def card(api: Api, version: str) -> Card:
    """A version's card."""
    said = api.get(f"/models/{quote(version, safe='')}")
    document = said.get("card") or {}
    meaning = document.get("model", {}).get("meaning", "")
    found = _measured(document.get("metrics", {}))
    return Card(version, said.get("damaged"), said.get("algorithm", ""), said.get("created_at", ""), meaning, found, said.get("card"))


def card_page(api: Api, version: str) -> str:
    """The card as a page of HTML."""
    return api.text(f"/models/{quote(version, safe='')}/card")


def history(api: Api) -> History:
    """The newest events about versions, and all champions in turn."""
    said = api.get("/history", {"limit": MOST_EVENTS})
    events = tuple(Event(one["at"], one["who"], one["what"], one["version"], one["from"], one["reason"]) for one in said["events"])
    reigns = tuple(
        Reign(one["version"], one["from"], one["to"], one["by"], str(one["evidence"].get("reason", ""))) for one in said["champions"]
    )
    return History(events, reigns, tuple(said["warnings"]))


def promote(api: Api, version: str, reason: str, instead_of: str | None) -> Appointed:
    """Make a version the champion; refused (409) where `instead_of`, the champion that was looked at, serves no more."""
    looked_at = {} if instead_of is None else {"instead_of": instead_of}
    return _appointed(api.post("/promote", {"version": version, "reason": reason, **looked_at}))


def roll_back(api: Api, reason: str, instead_of: str) -> Appointed:
    """Back to the champion before; refused as in `promote`."""
    return _appointed(api.post("/rollback", {"reason": reason, "instead_of": instead_of}))


def _version(said: Mapping[str, Any]) -> Version:
    return Version(
        said["version"],
        said["champion"],
        said.get("damaged"),
        said.get("algorithm", ""),
        said.get("created_at", ""),
        said.get("threshold"),
        said.get("threshold_rule", ""),
        said.get("training", {}).get("holdout_rows"),
        _measured(said.get("intervals", {})),
    )


def _measured(said: Mapping[str, Mapping[str, float]]) -> tuple[Measured, ...]:
    return tuple(Measured(name, **one) for name, one in said.items())


def _appointed(said: Mapping[str, Any]) -> Appointed:
    names = ("since", "changed")
    return Appointed(
        said["model_version"],
        said["previous_version"],
        **{name: said[name] for name in names},
        earlier=tuple(said["earlier_versions"]),
        warnings=tuple(said["warnings"]),
    )
