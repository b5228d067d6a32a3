"""What a visit has on disk goes with the visit, with the process, or after a day."""

from __future__ import annotations

import fcntl
import gc
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.ui.files import folders
from tidegate.ui.files.folders import Folder, sweep


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folders._of_this_process.cache_clear()
    yield tmp_path
    folders._of_this_process.cache_clear()


def test_a_folder_goes_with_its_object(parent: Path) -> None:
    folder = Folder()
    path = folder.path
    (path / "rows").write_text("a customer")
    assert path.parent.parent == parent
    assert path.parent.stat().st_mode & 0o077 == 0
    del folder
    gc.collect()
    assert not path.exists()


def test_a_folder_goes_after_its_time_though_somebody_holds_it() -> None:
    folder = Folder(kept_seconds=0.05)
    until = time.monotonic() + 5
    while folder.path.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not folder.path.exists()


def test_what_a_process_left_is_removed_and_what_a_living_one_uses_stays(parent: Path) -> None:
    left, used, being_made, other = (parent / name for name in ("tidegate-pages-a", "tidegate-pages-b", "tidegate-pages-c", "else"))
    for folder in (left, used, being_made, other):
        folder.mkdir()
    (left / "in-use").touch()
    with (used / "in-use").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sweep(parent)
        assert (left.exists(), used.exists(), being_made.exists(), other.exists()) == (False, True, True, True)
    an_hour_ago = time.time() - 3600
    os.utime(being_made, (an_hour_ago, an_hour_ago))
    sweep(parent)
    assert not being_made.exists()


def test_a_folder_of_the_process_that_somebody_removed_is_made_again() -> None:
    first = Folder()
    first.path.rmdir()
    (first.path.parent / "in-use").unlink()
    first.path.parent.rmdir()
    assert Folder().path.parent != first.path.parent
