"""Following the pointer: what is tried again, what is not, and what the log says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tidegate.errors import BundleRefused, StorageUnavailable
from tidegate.serving import follow
from tidegate.storage.files import Folder
from tidegate.storage.pointer import Pointer

ROUNDS = 12


def followed(monkeypatch: pytest.MonkeyPatch, steps: list[Callable[[], Pointer]], opened: Callable[[str], Any]) -> Any:
    """What a service that serves version 1 does with what each look at the pointer gives; the last look repeats."""
    service = SimpleNamespace(scorer=SimpleNamespace(version="1", digest="d1"), metrics=SimpleNamespace(serves=lambda _: None))
    looks: list[Pointer] = []
    left = len(steps) + ROUNDS

    def look(_: object) -> Pointer:
        nonlocal left
        left -= 1
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        looks.append(step())
        return looks[-1]

    monkeypatch.setattr(follow, "EVERY_SECONDS", 0.001)
    monkeypatch.setattr(follow, "read_pointer", look)
    monkeypatch.setattr(follow, "open_champion", lambda _: opened(looks[-1].version))

    async def for_a_while() -> None:
        task = asyncio.create_task(follow.follow_champion(service, Folder(Path("nowhere"))))  # type: ignore[arg-type]
        while left > 0 and not task.done():
            await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(for_a_while())
    return service


def to(version: str) -> Callable[[], Pointer]:
    return lambda: Pointer(version, f"d{version}", "now")


def away() -> Pointer:
    raise StorageUnavailable("The storage does not answer.")


def scorer(version: str) -> Any:
    return SimpleNamespace(version=version, digest=f"d{version}")


def test_a_storage_that_goes_away_and_returns_is_said_once_each_and_followed(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    service = followed(monkeypatch, [to("1"), *[away] * ROUNDS, to("2")], scorer)
    assert service.scorer.version == "2"
    assert caplog.text.count("the storage is away, version 1 serves on: The storage does not answer.") == 1
    assert caplog.text.count("the storage answers again") == 1


def test_a_champion_that_could_not_be_fetched_is_fetched_when_the_storage_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def opened(version: str) -> Any:
        tries.append(version)
        if len(tries) < 4:
            raise StorageUnavailable("The storage does not answer.")
        return scorer(version)

    assert followed(monkeypatch, [to("2")], opened).scorer.version == "2"
    assert len(tries) == 4


def test_a_broken_champion_is_tried_once_and_the_next_one_is_followed(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    tries = []

    def opened(version: str) -> Any:
        tries.append(version)
        if version == "2":
            raise BundleRefused("The file model.json of bundle 2 is missing or changed.")
        return scorer(version)

    service = followed(monkeypatch, [*[to("2")] * ROUNDS, to("3")], opened)
    assert service.scorer.version == "3"
    assert tries == ["2", "3"]
    assert caplog.text.count("the new champion is refused: The file model.json") == 1


def test_a_fault_of_ours_ends_no_following(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    tries = []

    def opened(version: str) -> Any:
        tries.append(version)
        if len(tries) < 4:
            raise RuntimeError("customer 4711 in an exception's text")
        return scorer(version)

    assert followed(monkeypatch, [to("2")], opened).scorer.version == "2"
    assert caplog.text.count("cannot be loaded") == 1
    assert "4711" not in caplog.text
