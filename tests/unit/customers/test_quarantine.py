"""The file of refused rows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tidegate.customers.admit import Refusal
from tidegate.customers.quarantine import Quarantine
from tidegate.errors import InputRefused, TableRefused

REFUSAL = Refusal(7, "age", "limit", 'a whole number, "small"', "number")


def test_the_file_appears_with_the_first_refusal(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "q.csv"
    with Quarantine(path) as quarantine:
        quarantine.add([])
        assert not path.exists()
        quarantine.add([REFUSAL])
        quarantine.add(iter([REFUSAL, REFUSAL]))
    assert quarantine.count == 3
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["row", "column", "rule", "expected", "kind"]
    assert rows[1:] == [["7", "age", "limit", 'expected a whole number, "small"', "number"]] * 3


def test_a_clean_run_removes_the_file_of_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("old")
    with Quarantine(path):
        pass
    assert not path.exists()


def test_the_file_stays_as_evidence_after_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"

    def give_up() -> None:
        with Quarantine(path) as quarantine:
            quarantine.add([REFUSAL])
            raise TableRefused("too many")

    with pytest.raises(TableRefused):
        give_up()
    assert len(path.read_text().splitlines()) == 2


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "q.csv", tmp_path / "folder"):
        with pytest.raises(InputRefused, match="cannot be written"), Quarantine(path) as quarantine:
            quarantine.add([REFUSAL])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to stand for a full disk")
def test_a_full_disk_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    quarantine = Quarantine(path).__enter__()
    quarantine._part.symlink_to("/dev/full")
    with pytest.raises(InputRefused, match="No space left"):
        quarantine.add([REFUSAL] * 2_000)
