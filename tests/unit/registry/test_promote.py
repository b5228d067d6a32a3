from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.errors import BundleRefused
from tidegate.home import Home, open_home
from tidegate.ledger.events import list_events, verify_events
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.measures.intervals import Interval
from tidegate.registry.promote import first_champion_gates, promote, store_bundle
from tidegate.registry.store import open_registry
from tidegate.storage.files import Folder
from tidegate.storage.pointer import read_pointer


@pytest.mark.parametrize(
    ("low", "against", "passes"),
    [
        (0.30, None, True),
        (0.16, None, False),
        (0.10, None, False),
        (0.30, Interval(0.0, -0.1, 0.1), True),
        (0.30, Interval(-0.2, -0.3, 0.0), True),
        (0.30, Interval(-0.2, -0.3, -0.1), False),
    ],
)
def test_the_first_champion_beats_chance_and_is_not_worse_than_logistic_regression(
    low: float, against: Interval | None, passes: bool
) -> None:
    gates = first_champion_gates(Interval(0.7, 0.6, 0.8), Interval(0.5, low, 0.7), 0.16, against)
    assert all(gate.passed for gate in gates) is passes
    chance = first_champion_gates(Interval(0.5, 0.49, 0.8), Interval(0.5, low, 0.7), 0.16, against)
    assert not all(gate.passed for gate in chance)


def test_training_promoted_with_evidence_and_an_event(own_home: Home) -> None:
    ledger = open_ledger(sqlite_url(own_home.ledger))
    events = list_events(ledger)
    assert [event.what for event in events] == ["promoted", "trained"]
    assert '"passed":true' in events[0].evidence.replace(" ", "")
    assert verify_events(ledger) == "ok"
    close_ledger(ledger)


def test_a_damaged_bundle_is_not_promoted(own_home: Home) -> None:
    pointer = read_pointer(Folder(own_home.storage))
    assert pointer is not None
    model = next(own_home.storage.glob("bundles/1/model.*"))
    model.write_bytes(b"x" + model.read_bytes()[1:])
    ledger = open_ledger(sqlite_url(own_home.ledger))
    with pytest.raises(BundleRefused):
        promote(own_home, open_registry(own_home, "bank"), ledger, "1", pointer.digest, "test", (), datetime.now(UTC))
    assert read_pointer(Folder(own_home.storage)) == pointer
    assert len(list_events(ledger)) == 2
    close_ledger(ledger)


def test_a_version_is_never_overwritten_by_another_content(own_home: Home) -> None:
    folder = own_home.storage / "bundles" / "1"
    store_bundle(Folder(own_home.storage), "1", folder)
    other = own_home.root / "other"
    other.mkdir()
    (other / "manifest.json").write_text("{}")
    with pytest.raises(BundleRefused, match="already"):
        store_bundle(Folder(own_home.storage), "1", other)


def test_a_database_that_was_being_made_when_its_maker_was_killed_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.tracking import MlflowClient

    home = open_home(tmp_path / "home")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "search_registered_models", killed)
    with pytest.raises(KeyboardInterrupt):
        open_registry(home, "bank")
    monkeypatch.undo()
    assert list(home.tracking.iterdir()) == []
    assert open_registry(home, "bank").experiment
