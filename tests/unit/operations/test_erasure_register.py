from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.errors import HomeRefused, InputRefused
from tidegate.home import open_home
from tidegate.operations.erasure_register import CUSTOMER, PREDICTION, erasing, prediction_hash, read_register, write_register

KEY, OTHER = bytes(32), bytes(31) + b"\x01"
ENTRIES = {(CUSTOMER, "a" * 32): "2026-01-01", (PREDICTION, prediction_hash(KEY, "p1")): "2026-01-02"}


def test_what_is_written_is_read_by_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "erasures.jsonl"
    assert read_register(path, KEY) == {}
    write_register(path, KEY, ENTRIES)
    assert read_register(path, KEY) == ENTRIES
    assert path.stat().st_mode & 0o777 == 0o600
    assert "p1" not in path.read_text()


def test_another_key_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "erasures.jsonl"
    write_register(path, KEY, ENTRIES)
    with pytest.raises(InputRefused, match="another customer key"):
        read_register(path, OTHER)


@pytest.mark.parametrize("change", ["", "[]", "{}", '{"format": 1}', "cut", "word", "\x00", '{"format": 2, "key": ""}'])
def test_a_damaged_register_is_refused_and_not_taken_for_an_empty_one(tmp_path: Path, change: str) -> None:
    path = tmp_path / "erasures.jsonl"
    write_register(path, KEY, ENTRIES)
    text = path.read_text()
    path.write_text({"cut": text[:-9], "word": text.replace('"customer"', '"anybody"')}.get(change, change))
    with pytest.raises(InputRefused):
        read_register(path, KEY)


def test_one_at_a_time(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    with erasing(home), pytest.raises(HomeRefused, match="erases or restores"), erasing(home):
        raise AssertionError
