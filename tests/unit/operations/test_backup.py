"""`backup`: everything but scratch and locks, one moment of it, or nothing at all."""

from __future__ import annotations

import errno
import hashlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.errors import BackupRefused, HomeRefused
from tidegate.home import Home
from tidegate.ledger.events import list_events
from tidegate.ledger.store import Ledger
from tidegate.operations import backup_files
from tidegate.operations.backup import BackedUp, backup
from tidegate.operations.backup_manifest import read_backup
from unit.operations.kept_home import NOON, kept_home, opened


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return kept_home(tmp_path / "home")


def back_up(home: Home, to: Path) -> BackedUp:
    with opened(home) as ledger:
        return backup(home, ledger, to, "eva", NOON)


def test_everything_is_there_with_its_digest_and_readable_by_the_owner_alone(home: Home, tmp_path: Path) -> None:
    (home.root / "empty").mkdir()
    home.scratch.mkdir()
    (home.scratch / "x").touch()
    (home.root / ".lock").touch()
    home.studies.mkdir()
    with sqlite3.connect(home.studies / "s.db") as study:
        study.execute("PRAGMA journal_mode=WAL")
        study.execute("CREATE TABLE t AS SELECT 7 AS n")
        study.commit()
        done = back_up(home, tmp_path / "backup")
    manifest = read_backup(tmp_path / "backup")
    content = tmp_path / "backup" / "home"
    found = {str(path.relative_to(content)) for path in content.rglob("*") if path.is_file()}
    assert found == set(manifest.files)
    bundle = {str(path.relative_to(home.root)) for path in home.storage.rglob("*") if path.is_file()}
    assert found == bundle | {"home.json", "ledger.db", "data/t.csv", "secrets/customer.key", "studies/s.db"}
    assert "empty" in manifest.folders
    assert "scratch" not in manifest.folders
    for name, stored in manifest.files.items():
        assert hashlib.sha256((content / name).read_bytes()).hexdigest() == stored.sha256
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "backup").rglob("*")}
    assert modes == {0o600, 0o700}
    assert sqlite3.connect(content / "studies" / "s.db").execute("SELECT n FROM t").fetchall() == [(7,)]
    assert (manifest.rows["predictions"], manifest.events, manifest.newest_event.sequence) == (3, "ok", 1)  # type: ignore[union-attr]
    assert done.document()["newest_event"]["sequence"] == 1
    with opened(home) as ledger:
        event = list_events(ledger, limit=1)[0]
    assert (event.what, json.loads(event.evidence)["manifest"]) == ("backed up", done.sha256)


def test_a_place_that_is_taken_is_refused(home: Home, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for place, says in (
        (tmp_path / "full", "is there already"),
        (tmp_path / "file", "is there already"),
        (home.root / "backup", "lies in the home"),
        (home.root, "lies in the home"),
        (tmp_path / "no" / "backup", "is not there"),
        (Path("/proc"), "is there already"),
    ):
        with pytest.raises(BackupRefused, match=says):
            back_up(home, place)
    back_up(home, tmp_path / "empty")
    assert {path.name for path in tmp_path.iterdir()} == {"home", "full", "file", "empty"}


def test_a_full_disk_leaves_nothing(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backup_files.shutil, "copyfile", full)
    with pytest.raises(BackupRefused, match="is full; nothing is left there"):
        back_up(home, tmp_path / "backup")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_what_a_killed_backup_left_is_removed(home: Home, tmp_path: Path) -> None:
    (tmp_path / ".other.99999999.backup-part").mkdir()
    (tmp_path / ".other.1.backup-part").mkdir()
    back_up(home, tmp_path / "backup")
    assert {path.name for path in tmp_path.iterdir()} == {"home", "backup", ".other.1.backup-part"}


def test_files_that_change_meanwhile_are_copied_again(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pointer moves, a bundle comes and a parcel goes while the ledger is copied: the copy is of one moment."""
    copy, changes = backup_files.copy_to_file, iter(range(2))
    (home.outbox / "parcel").mkdir(parents=True)
    (home.outbox / "parcel" / "parcel.json").write_text("{}")

    def change(ledger: Ledger, path: Path) -> None:
        copy(ledger, path)
        if next(changes, None) == 0:
            (home.storage / "champion.json").write_text('{"version": "2"}')
            (home.storage / "bundles" / "2").mkdir()
            (home.storage / "bundles" / "2" / "manifest.json").write_text("{}")
            (home.outbox / "parcel" / "parcel.json").unlink()
            (home.outbox / "parcel").rmdir()

    monkeypatch.setattr(backup_files, "copy_to_file", change)
    back_up(home, tmp_path / "backup")
    content = tmp_path / "backup" / "home"
    assert json.loads((content / "storage" / "champion.json").read_bytes()) == {"version": "2"}
    assert (content / "storage" / "bundles" / "2" / "manifest.json").exists()
    assert list((content / "outbox").iterdir()) == []


def test_a_home_that_never_rests_is_refused(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = backup_files.copy_to_file

    def change(ledger: Ledger, path: Path) -> None:
        copy(ledger, path)
        (home.data / "t.csv").write_text(f"customer_id\n{datetime.now(UTC)}\n")

    monkeypatch.setattr(backup_files, "copy_to_file", change)
    with pytest.raises(HomeRefused, match="changes faster"):
        back_up(home, tmp_path / "backup")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_link_is_followed_once(home: Home, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "t.csv").write_text("n\n1\n")
    (home.root / "linked").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "back").symlink_to(home.root)
    (home.root / "nowhere").symlink_to(tmp_path / "none")
    back_up(home, tmp_path / "backup")
    assert (tmp_path / "backup" / "home" / "linked" / "t.csv").read_text() == "n\n1\n"
    assert not (tmp_path / "backup" / "home" / "linked").is_symlink()
