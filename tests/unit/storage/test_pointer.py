"""The champion pointer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidegate.errors import BundleRefused, HomeRefused
from tidegate.storage import pointer as module
from tidegate.storage.files import Folder, put_if_match
from tidegate.storage.pointer import KEY, Pointer, read_pointer, write_pointer

FIRST = Pointer("1", "ab" * 32, "2026-11-01T00:00:00+00:00")
SECOND = Pointer("2", "cd" * 32, "2026-11-02T00:00:00+00:00")


@pytest.fixture
def storage(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_nothing_promoted_is_no_pointer(storage: Folder) -> None:
    assert read_pointer(storage) is None


def test_a_pointer_moves(storage: Folder) -> None:
    for pointer in (FIRST, SECOND, FIRST):
        write_pointer(storage, pointer)
        assert read_pointer(storage) == pointer


def test_a_pointer_that_another_process_moved_is_not_overwritten(storage: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pointer(storage, FIRST)
    original = module.tag_of

    def moved_meanwhile(given: Folder, key: str) -> str | None:
        seen = original(given, key)
        (given.root / key).write_text("moved")
        return seen

    monkeypatch.setattr(module, "tag_of", moved_meanwhile)
    with pytest.raises(HomeRefused, match="changed while"):
        write_pointer(storage, SECOND)
    assert (storage.root / KEY).read_text() == "moved"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        json.dumps({"version": "1", "digest": "x"}).encode(),
        json.dumps({"version": 1, "digest": "x", "since": "y"}).encode(),
        json.dumps({"version": None, "digest": "x", "since": "y"}).encode(),
        json.dumps({"version": "", "digest": "x", "since": "y"}).encode(),
        json.dumps({"version": "1", "digest": "x", "since": "y", "more": 1}).encode(),
    ],
)
def test_a_damaged_pointer_is_refused_and_can_be_replaced(storage: Folder, content: bytes) -> None:
    put_if_match(storage, KEY, content, None)
    with pytest.raises(BundleRefused, match="damaged"):
        read_pointer(storage)
    write_pointer(storage, FIRST)
    assert read_pointer(storage) == FIRST
