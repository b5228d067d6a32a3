"""`restore`: from sound files only, whole or not at all, and whoever was erased stays erased."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import BackupRefused, HomeRefused, InputRefused, TidegateError
from tidegate.home import Home, exclusive
from tidegate.ledger.events import list_events, verify_events
from tidegate.operations import restore_places
from tidegate.operations.backup import backup
from tidegate.operations.erase import erase
from tidegate.operations.restore import Restored, restore
from tidegate.operations.verify import verify
from unit.operations.kept_home import NOON, add, kept_home, opened, predictions


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return kept_home(tmp_path / "home")


@pytest.fixture
def kept(home: Home, tmp_path: Path) -> Path:
    with opened(home) as ledger:
        backup(home, ledger, tmp_path / "backup", "eva", NOON)
    return tmp_path / "backup"


def again(kept: Path, to: Path, replace: bool = False, erasures: Path | None = None) -> Restored:
    return restore(kept, to, "", replace, erasures, "eva", NOON)


def forget(home: Home, *customers: str, named: tuple[str, ...] = ()) -> None:
    with opened(home) as ledger:
        erase(home, ledger, customers, named, "", "eva", lambda: NOON)


def test_a_new_home_is_the_old_one_with_one_more_event(home: Home, kept: Path, tmp_path: Path) -> None:
    done = again(kept, tmp_path / "new")
    new = Home(tmp_path / "new")
    assert (done.aside, done.events, done.erasures) == (None, "ok", 0)
    assert predictions(new) == predictions(home)
    with opened(new) as ledger:
        assert verify(new, ledger).sound
        assert [event.what for event in list_events(ledger)] == ["restored", "made"]
    assert {path.stat().st_mode & 0o777 for path in new.root.rglob("*")} == {0o600, 0o700}
    assert not (new.root / ".restoring").exists()


def test_who_was_erased_since_is_erased_again_by_every_register(home: Home, kept: Path, tmp_path: Path) -> None:
    forget(home, "ana", named=("p2",))
    copy = tmp_path / "kept.jsonl"
    copy.write_bytes(home.erasures.read_bytes())
    done = again(kept, tmp_path / "new", erasures=copy)
    assert predictions(Home(tmp_path / "new")) == {"p1"}
    assert (tmp_path / "new" / "data" / "t.csv").read_text() == "customer_id\nben\n"
    assert (done.erasures, done.erased["predictions"], done.erased["data"]) == (2, 2, 1)
    done = again(kept, home.root, replace=True)
    assert predictions(home) == {"p1"}
    assert done.aside is not None
    assert predictions(Home(done.aside)) == {"p1"}
    assert home.erasures.read_text().count("hash") == 2, "and a later restore erases them once more"


def test_who_came_back_after_an_erasure_stays(home: Home, tmp_path: Path) -> None:
    forget(home, "ana")
    add(home, 8, "ana", "2026-03-01T12:00:00.000001+00:00")
    with opened(home) as ledger:
        backup(home, ledger, tmp_path / "backup", "eva", NOON)
    again(tmp_path / "backup", tmp_path / "new")
    assert predictions(Home(tmp_path / "new")) == {"p1", "p2", "p8"}


def edit_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(kept: Path) -> None:
        document = json.loads((kept / "backup.json").read_bytes())
        change(document)
        (kept / "backup.json").write_text(json.dumps(document))

    return edit


def flip(kept: Path) -> None:
    path = kept / "home" / "ledger.db"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def link(kept: Path) -> None:
    path = kept / "home" / "data" / "t.csv"
    path.rename(kept.parent / "t.csv")
    path.symlink_to(kept.parent / "t.csv")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "one bit": (flip, "ledger.db is missing or is not what was written"),
    "a file gone": (lambda kept: (kept / "home" / "data" / "t.csv").unlink(), "data/t.csv is missing"),
    "a link": (link, "data/t.csv is missing"),
    "no manifest": (lambda kept: (kept / "backup.json").unlink(), "is no backup"),
    "half a manifest": (lambda kept: os.truncate(kept / "backup.json", 300), "backup.json is missing or is not"),
    "not an object": (lambda kept: (kept / "backup.json").write_text("[]"), "backup.json is missing or is not"),
    "newer": (edit_manifest(lambda document: document.update(format=2)), "newer Tidegate"),
    "outside": (edit_manifest(lambda document: document["files"].update({"../x": document["files"]["home.json"]})), "outside"),
    "absolute": (edit_manifest(lambda document: document["folders"].append("/x")), "outside"),
    "no ledger": (edit_manifest(lambda document: document["files"].pop("ledger.db")), "backup.json is missing or is not"),
    "another end": (edit_manifest(lambda document: document["newest_event"].update(hash="0" * 64)), "does not end where"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_changes_nothing(home: Home, kept: Path, tmp_path: Path, damage: str) -> None:
    harm, says = DAMAGES[damage]
    harm(kept)
    with pytest.raises(BackupRefused, match=says):
        again(kept, tmp_path / "new")
    with pytest.raises(BackupRefused, match=says):
        again(kept, home.root, replace=True)
    assert {path.name for path in tmp_path.iterdir()} - {"t.csv"} == {"home", "backup"}
    assert len(predictions(home)) == 3


def test_a_place_that_is_taken_or_at_work_is_refused(home: Home, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "x").touch()
    for place, says in ((home.root, "--replace"), (tmp_path / "files", "not a Tidegate home"), (tmp_path / "no" / "home", "is not there")):
        with pytest.raises(HomeRefused, match=says):
            again(kept, place)
    with exclusive(home, "training"), pytest.raises(HomeRefused, match="Another process works"):
        again(kept, home.root, replace=True)
    (home.scratch / "serve.1.x").mkdir(parents=True)
    with pytest.raises(HomeRefused, match=r"Process 1 \(serve\) works in"):
        again(kept, home.root, replace=True)
    (tmp_path / "empty").mkdir()
    again(kept, tmp_path / "empty")
    assert len(predictions(Home(tmp_path / "empty"))) == 3


def test_a_register_of_another_home_is_refused_or_said(home: Home, kept: Path, tmp_path: Path) -> None:
    other = kept_home(tmp_path / "other")
    forget(other, "ana")
    with pytest.raises(InputRefused, match="another customer key"):
        again(kept, tmp_path / "new", erasures=other.erasures)
    with pytest.raises(BackupRefused, match="does not exist"):
        again(kept, tmp_path / "new", erasures=tmp_path / "none")
    assert "another customer key" in again(kept, other.root, replace=True).warnings[0]


class Killed(BaseException):
    """Stands for a SIGKILL: nothing after it runs."""


@pytest.mark.parametrize("moment", ["before the exchange", "before the name", "before the end"])
def test_killed_at_the_swap_the_home_is_the_old_or_the_new_one(
    home: Home, kept: Path, tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(home, 9, "ben")
    exchange = restore_places._exchange

    def stop(*paths: Path) -> None:
        if moment == "before the name":
            exchange(*paths)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(restore_places, "_finish" if moment == "before the end" else "_exchange", stop)
        patch.setattr(restore_places.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            again(kept, home.root, replace=True)
    assert len(predictions(home)) == (4 if moment == "before the exchange" else 3)
    for left in tmp_path.glob("home.restoring-*"):
        left.rename(left.with_name("home.restoring-99999999"))
    done = again(kept, home.root, replace=True)
    assert not list(tmp_path.glob("home.restoring-*"))
    assert not (home.root / ".restoring").exists()
    assert len(predictions(home)) == 3
    if moment == "before the name":
        assert len(predictions(Home(tmp_path / "home.before-killed-99999999"))) == 4, "the old home is never thrown away"
    assert done.aside is not None
    with opened(home) as ledger:
        assert verify_events(ledger) == "ok"


def test_a_file_system_without_exchange_does_it_in_two_steps(home: Home, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: Path) -> None:
        raise OSError(22, "Invalid argument")

    add(home, 9, "ben")
    monkeypatch.setattr(restore_places, "_exchange", cannot)
    done = again(kept, home.root, replace=True)
    assert done.aside is not None
    assert (len(predictions(home)), len(predictions(Home(done.aside)))) == (3, 4)


def test_into_a_database_elsewhere_that_has_to_be_empty(home: Home, kept: Path, tmp_path: Path) -> None:
    forget(home, "ana")
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"

    def there(name: str) -> Restored:
        return restore(kept, tmp_path / name, url, False, home.erasures, "eva", NOON)

    there("new")
    assert not (tmp_path / "new" / "ledger.db").exists()
    # a restore that was killed between the database and the home is finished by the same command
    there("again")
    add(home, 9, "ben")
    with opened(home) as ledger:
        backup(home, ledger, tmp_path / "other", "eva", NOON)
    with pytest.raises(TidegateError, match="holds rows already"):
        restore(tmp_path / "other", tmp_path / "third", url, False, None, "eva", NOON)
    assert not (tmp_path / "third").exists()
