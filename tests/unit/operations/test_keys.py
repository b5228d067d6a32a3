from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tidegate.access.file import read_keys
from tidegate.errors import HomeRefused, InputRefused, LedgerUnavailable, SettingRefused
from tidegate.home import Home, open_home
from tidegate.ledger.events import list_events, verify_events
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.operations.keys import add_key, list_keys, revoke_key
from tidegate.settings import Settings

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SETTINGS = Settings()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def events(home: Home) -> list[tuple[str, str, dict[str, object]]]:
    ledger = open_ledger(sqlite_url(home.ledger))
    try:
        assert verify_events(ledger) == "ok"
        return [(event.who, event.what, json.loads(event.evidence)) for event in list_events(ledger)]
    finally:
        close_ledger(ledger)


def test_keys_come_and_go_on_record_and_their_secrets_are_nowhere(home: Home) -> None:
    made = add_key(home, SETTINGS, "crm", ["score", "erase"], 30, "ada", NOW)
    add_key(home, SETTINGS, "ops", ["operate"], None, "ada", NOW)
    assert made.document()["key"] == made.text
    assert made.text in made.summary()
    listed = list_keys(home, SETTINGS, NOW + timedelta(days=31))
    assert [(key["name"], key["valid"]) for key in listed.document()["keys"]] == [("crm", False), ("ops", True)]
    assert "(expired)" in listed.summary()
    gone = revoke_key(home, SETTINGS, "crm", "bob", NOW)
    assert [key.name for key in list_keys(home, SETTINGS, NOW).keys] == ["ops"]
    found = events(home)
    assert [(who, what, evidence["name"]) for who, what, evidence in found] == [
        ("bob", "key revoked", "crm"), ("ada", "key added", "ops"), ("ada", "key added", "crm"),
    ]  # fmt: skip
    assert found[2][2]["roles"] == ["score", "erase"]
    secret = made.text.split("_")[2].encode()
    assert secret.decode() not in json.dumps([gone.document(), listed.document()]) + gone.summary() + listed.summary()
    assert not any(secret in path.read_bytes() for path in home.root.rglob("*") if path.is_file())


def test_a_name_is_used_once_until_it_is_revoked(home: Home) -> None:
    add_key(home, SETTINGS, "crm", ["score"], None, "ada", NOW)
    with pytest.raises(SettingRefused, match="already"):
        add_key(home, SETTINGS, "crm", ["operate"], None, "ada", NOW)
    revoke_key(home, SETTINGS, "crm", "ada", NOW)
    add_key(home, SETTINGS, "crm", ["operate"], None, "ada", NOW)
    with pytest.raises(InputRefused, match="There are: crm"):
        revoke_key(home, SETTINGS, "desk", "ada", NOW)


def test_a_key_that_the_trail_cannot_take_is_not_made(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    add_key(home, SETTINGS, "crm", ["score"], None, "ada", NOW)
    before = (home.secrets / "api-keys.json").read_bytes()

    def failing(*_: object) -> int:
        raise LedgerUnavailable("The ledger is gone.", "Wait.")

    monkeypatch.setattr("tidegate.operations.keys.append_event", failing)
    with pytest.raises(LedgerUnavailable):
        add_key(home, SETTINGS, "ops", ["score"], None, "ada", NOW)
    assert (home.secrets / "api-keys.json").read_bytes() == before


def test_a_ledger_that_is_down_does_not_hold_up_a_revocation(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    add_key(home, SETTINGS, "crm", ["score"], None, "ada", NOW)
    away = Settings(ledger_url="postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(LedgerUnavailable, match="crm is revoked, but"):
        revoke_key(home, away, "crm", "ada", NOW)
    assert list_keys(home, SETTINGS, NOW).keys == ()


def test_the_file_that_the_setting_names_is_the_one_that_changes(home: Home, tmp_path: Path) -> None:
    elsewhere = Settings(api_keys_file=tmp_path / "mounted" / "keys.json")
    add_key(home, elsewhere, "crm", ["score"], None, "ada", NOW)
    assert [key.name for key in read_keys(tmp_path / "mounted" / "keys.json")] == ["crm"]
    assert not home.secrets.exists()


def test_a_damaged_file_is_neither_changed_nor_replaced(home: Home) -> None:
    home.secrets.mkdir()
    path = home.secrets / "api-keys.json"
    path.write_bytes(b"{")
    for change in (
        lambda: add_key(home, SETTINGS, "crm", ["score"], None, "ada", NOW),
        lambda: revoke_key(home, SETTINGS, "crm", "a", NOW),
    ):
        with pytest.raises(HomeRefused, match="damaged"):
            change()
    assert path.read_bytes() == b"{"


def test_a_key_that_was_made_elsewhere_is_taken_once(home: Home) -> None:
    text = "tg_0123456789ab_" + "0123456789abcdef" * 4
    assert add_key(home, SETTINGS, "crm", ["score"], None, "ada", NOW, text).text == text
    before = (home.secrets / "api-keys.json").read_bytes()
    add_key(home, SETTINGS, "crm", ["score"], None, "ada", NOW, text)
    assert (home.secrets / "api-keys.json").read_bytes() == before
    assert len(events(home)) == 1, "the same again is no event"
    with pytest.raises(SettingRefused, match="already"):
        add_key(home, SETTINGS, "crm", ["score"], None, "ada", NOW, text.replace("ab_0", "ab_f"))
    with pytest.raises(SettingRefused, match="already"):
        add_key(home, SETTINGS, "crm", ["operate"], None, "ada", NOW, text)
    for weak in ("password", "tg_0123456789ab_" + "0" * 64, text + "0"):
        with pytest.raises(SettingRefused, match="given key") as refused:
            add_key(home, SETTINGS, "weak", ["score"], None, "ada", NOW, weak)
        assert weak not in str(refused.value)
