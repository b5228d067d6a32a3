from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tidegate.bundle.manifest import file_digest
from tidegate.errors import BundleRefused, HomeRefused, InputRefused, LedgerUnavailable, NoChampion
from tidegate.home import Home, appointing, exclusive, open_home
from tidegate.ledger.events import append_event, list_events, verify_events
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations import champion as champion_verbs
from tidegate.operations.champion import Appointed, promote, rollback
from tidegate.operations.deliver import deliver_all
from tidegate.operations.history import history
from tidegate.registry import appoint as act
from tidegate.registry.store import Registry, aliases, open_registry
from tidegate.settings import read_settings
from tidegate.storage.files import Folder
from tidegate.storage.pointer import Pointer, read_pointer, write_pointer

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class Desk:
    """A home with versions 1 (champion), 2 and 3, and somebody at it."""

    def __init__(self, home: Home, ledger: Ledger) -> None:
        self.home, self.ledger, self.storage, self.moves = home, ledger, Folder(home.storage), 0

    def _now(self) -> datetime:
        self.moves += 1
        return NOW + timedelta(minutes=self.moves)

    def promote(self, version: str, reason: str = "looks better") -> Appointed:
        return promote(self.home, self.ledger, version, reason, "ada", self._now())

    def rollback(self, reason: str = "") -> Appointed:
        return rollback(self.home, self.ledger, reason, "bob", self._now())

    @property
    def champion(self) -> str:
        pointer = read_pointer(self.storage)
        assert pointer is not None
        return pointer.version

    def state(self) -> Any:
        return read_pointer(self.storage), [event.sequence for event in list_events(self.ledger)]

    def folder(self, version: str) -> Path:
        return self.home.storage / "bundles" / version


def no_registry(*_: object, **__: object) -> str:
    return "The registry's alias champion is behind: it is switched off in this test."


@pytest.fixture
def desk(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Versions 2 and 3 have the bundle of version 1; the registry is left alone, because its client costs seconds."""
    monkeypatch.setattr(champion_verbs, "told_registry", no_registry)
    ledger = open_ledger(sqlite_url(own_home.ledger))
    made = Desk(own_home, ledger)
    for version in ("2", "3"):
        shutil.copytree(made.folder("1"), made.folder(version))
        digest = file_digest(made.folder(version) / "manifest.json")
        append_event(ledger, "ada", "trained", {"version": version, "digest": digest, "stage": "challenger"}, NOW)
    yield made
    close_ledger(ledger)


def test_a_promotion_moves_the_pointer_and_says_who_why_from_and_to(desk: Desk) -> None:
    done = desk.promote("2", "  better on new customers ")
    assert (desk.champion, done.previous, done.changed, done.earlier) == ("2", "1", True, ("1",))
    event = list_events(desk.ledger)[0]
    digest = file_digest(desk.folder("2") / "manifest.json")
    assert (event.who, event.what) == ("ada", "promoted")
    assert json.loads(event.evidence) == {"version": "2", "digest": digest, "from": "1", "reason": "better on new customers"}
    assert read_pointer(desk.storage) == Pointer("2", digest, done.pointer.since)
    assert verify_events(desk.ledger) == "ok"
    assert (done.registry, len(done.warnings)) == ("behind", 1)


def test_the_present_champion_is_said_and_nothing_is_written(desk: Desk) -> None:
    before = desk.state()
    done = desk.promote("1")
    assert not done.changed
    assert "already" in done.summary()
    assert desk.state() == before


@pytest.mark.parametrize("version", ["9", "", "../bundles/2", "2/", "two\nlines", "."])
def test_an_unknown_version_is_refused_with_those_there_are(desk: Desk, version: str) -> None:
    before = desk.state()
    with pytest.raises(InputRefused, match=r"There are: 3, 2, 1\.") as refused:
        desk.promote(version)
    assert str(refused.value).isprintable()
    assert desk.state() == before


@pytest.mark.parametrize("reason", ["", "  \t", "two\nlines", "\x1b[2J", "x" * 501])
def test_a_reason_is_one_line_of_text(desk: Desk, reason: str) -> None:
    before = desk.state()
    with pytest.raises(InputRefused, match="--reason TEXT"):
        desk.promote("2", reason)
    assert desk.state() == before


def resealed(folder: Path) -> None:
    """Another model under the old name, with a manifest that fits it: only the digest that was recorded gives it away."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["threshold"] = 0.99
    (folder / "manifest.json").write_text(json.dumps(manifest))


def cut(folder: Path) -> None:
    model = next(folder.glob("model.*"))
    model.write_bytes(model.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [resealed, cut])
def test_a_bundle_that_is_not_the_one_trained_is_refused_on_record(desk: Desk, damage: Any) -> None:
    damage(desk.folder("2"))
    pointer, events = desk.state()
    with pytest.raises(BundleRefused):
        desk.promote("2", "trust me")
    assert read_pointer(desk.storage) == pointer
    new = list_events(desk.ledger)[0]
    assert (new.sequence, new.what, new.who) == (events[0] + 1, "refused", "ada")
    assert json.loads(new.evidence)["asked"] == "promoted"
    assert "trust me" in history(desk.home, desk.ledger, 1).table()


def test_rollbacks_go_back_one_by_one_and_then_refuse(desk: Desk) -> None:
    desk.promote("2")
    desk.promote("3")
    first = desk.rollback("alarms since midnight")
    assert (desk.champion, first.previous, first.earlier) == ("2", "3", ("1",))
    second = desk.rollback()
    assert (desk.champion, second.previous, second.earlier) == ("1", "2", ())
    before = desk.state()
    with pytest.raises(InputRefused, match="no champion before version 1"):
        desk.rollback()
    assert desk.state() == before
    event = list_events(desk.ledger, "rolled back")[-1]
    assert event.who == "bob"
    assert json.loads(event.evidence) == {
        "version": "2", "digest": first.pointer.digest, "from": "3", "reason": "alarms since midnight",
    }  # fmt: skip
    desk.promote("3")
    desk.rollback()
    assert desk.champion == "1"
    assert verify_events(desk.ledger) == "ok"


def test_a_rollback_imports_no_registry_client_and_asks_no_server(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.promote("2")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    for name in [name for name in sys.modules if name.split(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    done = desk.rollback()
    assert desk.champion == "1"
    assert done.registry == "behind"
    assert "version 2" in done.warnings[0]


def test_a_rollback_to_a_damaged_bundle_is_refused_and_names_the_next(desk: Desk) -> None:
    desk.promote("2")
    desk.promote("3")
    cut(desk.folder("2"))
    with pytest.raises(BundleRefused, match=r"Version 2 cannot serve again.*tidegate promote 1"):
        desk.rollback()
    assert desk.champion == "3"
    assert list_events(desk.ledger)[0].what == "refused"


def test_a_training_at_work_does_not_hold_up_a_rollback(desk: Desk) -> None:
    desk.promote("2")
    with exclusive(desk.home, "training"):
        desk.rollback()
    assert desk.champion == "1"


def test_who_comes_second_is_not_taken_two_versions_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people roll back at the same time: the second decided on a champion that is none any more."""
    desk.promote("2")
    desk.promote("3")
    check, inner = act.check_bundle, []

    def overtaken(folder: Path, digest: str | None) -> None:
        check(folder, digest)
        if not inner:
            inner.append(folder)
            desk.rollback()

    monkeypatch.setattr(act, "check_bundle", overtaken)
    with pytest.raises(HomeRefused, match="history"):
        desk.rollback()
    assert desk.champion == "2"
    assert len(list_events(desk.ledger, "rolled back")) == 1


def test_an_appointment_waits_for_another_that_takes_a_moment(desk: Desk) -> None:
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        with appointing(desk.home):
            held.set()
            time.sleep(2)
            released.set()

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(5)
    desk.promote("2")
    assert released.is_set()
    assert desk.champion == "2"
    other.join()


def test_without_an_event_there_is_no_promotion(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise LedgerUnavailable("The ledger's disk is full.")

    before = desk.state()
    monkeypatch.setattr(act, "append_event", full)
    with pytest.raises(LedgerUnavailable):
        desk.promote("2")
    assert desk.state() == before


def test_a_promotion_repairs_a_damaged_pointer(desk: Desk) -> None:
    (desk.home.storage / "champion.json").write_text("{")
    with pytest.raises(BundleRefused, match="damaged"):
        desk.rollback()
    found = history(desk.home, desk.ledger, 20)
    assert found.document()["champion"] is None
    assert "damaged" in found.warning
    assert desk.promote("2").previous is None
    assert desk.champion == "2"


def test_nothing_to_roll_back_in_a_new_home(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    ledger = open_ledger(sqlite_url(home.ledger))
    with pytest.raises(NoChampion):
        rollback(home, ledger, "", "bob", NOW)
    with pytest.raises(InputRefused, match="none yet"):
        promote(home, ledger, "1", "first", "bob", NOW)
    found = history(home, ledger, 20)
    assert found.document() == {"champion": None, "events": [], "champions": [], "warnings": []}
    assert "Nothing" in found.table()
    close_ledger(ledger)


def registered(desk: Desk, version: str) -> Registry:
    """The version in the home's own registry, as its training left it."""
    registry = open_registry(desk.home, "bank")
    tags = {"digest": file_digest(desk.folder(version) / "manifest.json"), "stage": "challenger"}
    assert registry.client.create_model_version("bank", "nowhere", None, tags=tags).version == int(version)
    return registry


def test_the_alias_follows_at_once_or_with_the_next_delivery(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    registry = registered(desk, "2")
    assert (desk.promote("2").registry, aliases(registry)["champion"]) == ("current", "2")
    desk.rollback()
    assert aliases(registry)["champion"] == "2"
    done = deliver_all(desk.home, read_settings(home=desk.home.root), NOW)
    assert (done.registry, done.warnings, aliases(registry)["champion"]) == ("current", (), "1")


def test_a_registry_that_is_down_or_absent_does_not_stop_a_promotion(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    done = desk.promote("2")
    assert (desk.champion, done.registry) == ("2", "behind")
    assert "refused" in done.warnings[0]
    for name in [name for name in sys.modules if name.split(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    done = desk.promote("3")
    assert (desk.champion, done.registry) == ("3", "behind")
    assert "not installed" in done.warnings[0]


def test_a_registry_that_holds_another_model_under_this_number_is_not_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    registry = registered(desk, "2")
    registry.client.set_model_version_tag("bank", "2", "digest", "0" * 64)
    done = desk.promote("2")
    assert (desk.champion, done.registry) == ("2", "behind")
    assert aliases(registry)["champion"] == "1"


def test_a_version_of_which_the_ledger_knows_nothing_is_held_to_the_registrys_digest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    shutil.copytree(desk.folder("1"), desk.folder("4"))
    for version in ("2", "3", "4"):
        registry = registered(desk, version)
    registry.client.set_model_version_tag("bank", "4", "digest", "0" * 64)
    with pytest.raises(BundleRefused):
        desk.promote("4")
    registry.client.delete_model_version_tag("bank", "4", "digest")
    with pytest.raises(BundleRefused, match=r"No event of the ledger.*the registry knows none"):
        desk.promote("4")
    registry.client.set_model_version_tag("bank", "4", "digest", file_digest(desk.folder("4") / "manifest.json"))
    assert desk.promote("4").registry == "current"
    assert desk.champion == "4"


def test_the_history_marks_the_champion_and_cannot_move_a_cursor(desk: Desk) -> None:
    desk.promote("2", "better")
    desk.rollback("worse")
    append_event(desk.ledger, "eve\x1b[2J", "promoted", {"version": "3", "digest": "0" * 64, "reason": "x\ny"}, NOW)
    found = history(desk.home, desk.ledger, 20)
    lines = found.table().splitlines()
    assert [line.split("  ")[0] for line in lines[1:3]] == ["2026-11-23 03:00:00", "2026-11-23 03:02:00"]
    assert [number for number, line in enumerate(lines) if "← champion" in line] == [2]
    assert found.table().replace("\n", "").isprintable()
    assert [event["what"] for event in found.document()["events"]] == [
        "promoted",
        "rolled back",
        "promoted",
        *["trained"] * 2,
        "promoted",
        "trained",
    ]
    assert [event["champion"] for event in found.document()["events"]].count(True) == 1
    assert "first champion; gates passed: roc_auc_above_chance" in lines[-2]
    assert len(history(desk.home, desk.ledger, 3).entries) == 3
    with pytest.raises(InputRefused, match="--limit"):
        history(desk.home, desk.ledger, 0)


def test_a_pointer_moved_by_another_hand_is_rolled_back_to_what_was_promoted_last(desk: Desk) -> None:
    desk.promote("2")
    write_pointer(desk.storage, Pointer("3", file_digest(desk.folder("3") / "manifest.json"), "now"))
    desk.rollback()
    assert desk.champion == "2"
