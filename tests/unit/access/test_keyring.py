from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tidegate.access import file as file_module
from tidegate.access.file import read_keys, required_keys_file, write_keys
from tidegate.access.keyring import EVERY_SECONDS, Keyring
from tidegate.access.keys import Key, make_key
from tidegate.errors import HomeRefused, SettingRefused
from tidegate.home import Home

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Clock:
    """Both clocks of a keyring, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


def key(name: str, *roles: str, days: int | None = None) -> tuple[Key, bytes]:
    made, text = make_key(name, roles or ("score",), days, NOW)
    return made, text.encode()


def ring(path: Path) -> tuple[Keyring, Clock]:
    clock = Clock()
    return Keyring(path, clock.now, clock.monotonic), clock


def later(keyring: Keyring, clock: Clock) -> None:
    clock.seconds += EVERY_SECONDS
    keyring.follow()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "api-keys.json"


def test_a_file_comes_back_as_it_was_written_and_is_its_owners(path: Path) -> None:
    keys = (key("crm")[0], key("ops", "operate", "erase", days=30)[0])
    write_keys(path, keys)
    assert read_keys(path) == keys
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_a_file_nothing_is_required(path: Path) -> None:
    keyring, _ = ring(path)
    assert (keyring.required, keyring.has("score"), keyring.holder(key("crm")[1])) == (False, False, None)


def test_keys_are_added_and_revoked_while_it_runs(path: Path) -> None:
    (crm, crm_text), (desk, desk_text) = key("crm"), key("desk")
    keyring, clock = ring(path)
    write_keys(path, [crm])
    later(keyring, clock)
    assert keyring.required
    assert keyring.holder(crm_text) == crm
    write_keys(path, [crm, desk])
    later(keyring, clock)
    assert keyring.holder(desk_text) == desk
    write_keys(path, [desk])
    later(keyring, clock)
    assert (keyring.holder(crm_text), keyring.holder(desk_text)) == (None, desk)
    write_keys(path, [])
    later(keyring, clock)
    assert (keyring.holder(desk_text), keyring.required, keyring.has("score")) == (None, True, False)


def test_the_file_is_looked_at_once_a_second_at_most(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_keys(path, [])
    keyring, clock = ring(path)
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(keyring, "_look", look)
    for step in range(31):
        clock.seconds = step / 10
        keyring.follow()
    assert looks == 3


def test_a_file_that_is_gone_closes_and_never_opens(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    crm, text = key("crm")
    write_keys(path, [crm])
    keyring, clock = ring(path)
    path.unlink()
    later(keyring, clock)
    later(keyring, clock)
    assert (keyring.required, keyring.holder(text)) == (True, None)
    assert sum("gone" in record.message for record in caplog.records) == 1
    write_keys(path, [crm])
    later(keyring, clock)
    assert keyring.holder(text) == crm


DAMAGED: list[Any] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 100_000,
    {"format": 2, "keys": []},
    {"keys": []},
    {"format": 1, "keys": None},
    {"format": 1, "keys": [1]},
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_keeps_the_last_good_keys_and_stops_a_start(path: Path, content: Any, caplog: pytest.LogCaptureFixture) -> None:
    crm, text = key("crm")
    write_keys(path, [crm])
    keyring, clock = ring(path)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    later(keyring, clock)
    later(keyring, clock)
    assert keyring.holder(text) == crm
    assert sum("stay as they were" in record.message for record in caplog.records) == 1
    with pytest.raises(HomeRefused, match="damaged"):
        Keyring(path)


def test_a_damaged_file_closes_a_server_that_had_no_keys(path: Path) -> None:
    keyring, clock = ring(path)
    path.parent.mkdir()
    path.write_bytes(b"{")
    later(keyring, clock)
    assert keyring.required


@pytest.mark.parametrize(
    "change",
    [
        {"id": "zz" * 6},
        {"id": 1},
        {"name": 'a"b'},
        {"roles": []},
        {"roles": ["admin"]},
        {"roles": "score"},
        {"sha256": "0"},
        {"created": "soon"},
        {"created": "2026-01-01T00:00:00"},
        {"expires": "2026-01-01T00:00:00"},
        {"expires": 1},
        {"more": 1},
    ],
)
def test_every_field_of_a_key_is_checked(path: Path, change: dict[str, Any]) -> None:
    write_keys(path, [key("crm")[0]])
    document = json.loads(path.read_bytes())
    document["keys"][0].update(change)
    path.write_text(json.dumps(document))
    with pytest.raises(HomeRefused, match="damaged"):
        read_keys(path)


def test_two_keys_of_one_name_or_id_are_damage(path: Path) -> None:
    crm = key("crm")[0]
    for other in (crm, key("crm")[0]):
        write_keys(path, [crm, other])
        with pytest.raises(HomeRefused):
            read_keys(path)


def test_a_file_too_large_or_open_to_all_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_keys(path, [key("crm")[0]])
    path.chmod(0o666)
    with pytest.raises(HomeRefused, match="every account"):
        read_keys(path)
    path.chmod(0o644)
    assert read_keys(path)
    monkeypatch.setattr(file_module, "MOST_BYTES", 10)
    with pytest.raises(HomeRefused, match="damaged"):
        read_keys(path)


def test_a_file_that_cannot_be_read_is_tried_again_and_said_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (crm, crm_text), (desk, desk_text) = key("crm"), key("desk")
    write_keys(path, [crm])
    keyring, clock = ring(path)
    write_keys(path, [desk])

    def unreadable(_: Path) -> tuple[Key, ...]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tidegate.access.keyring.read_keys", unreadable)
    later(keyring, clock)
    later(keyring, clock)
    assert keyring.holder(crm_text) == crm
    assert sum("cannot be read" in record.message for record in caplog.records) == 1
    monkeypatch.undo()
    later(keyring, clock)
    assert (keyring.holder(crm_text), keyring.holder(desk_text)) == (None, desk)


def test_a_mounted_secret_is_followed_through_its_link(path: Path, tmp_path: Path) -> None:
    (crm, crm_text), (desk, desk_text) = key("crm"), key("desk")
    write_keys(tmp_path / "v1" / "keys", [crm])
    write_keys(tmp_path / "v2" / "keys", [desk])
    (tmp_path / "data").symlink_to(tmp_path / "v1")
    keyring, clock = ring(tmp_path / "data" / "keys")
    assert keyring.holder(crm_text) == crm
    (tmp_path / "new").symlink_to(tmp_path / "v2")
    (tmp_path / "new").replace(tmp_path / "data")
    later(keyring, clock)
    assert (keyring.holder(crm_text), keyring.holder(desk_text)) == (None, desk)


def test_a_valid_key_of_the_role_is_what_a_server_needs(path: Path) -> None:
    write_keys(path, [key("ops", "operate")[0], key("old", "score", days=1)[0]])
    keyring, clock = ring(path)
    assert (keyring.has("score"), keyring.has("operate"), keyring.has("erase")) == (True, True, False)
    clock.seconds = 86_400
    assert not keyring.has("score")


def test_a_file_that_the_setting_names_has_to_be_there(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert required_keys_file(home, None) == home.secrets / "api-keys.json"
    with pytest.raises(SettingRefused, match="TIDEGATE_API_KEYS_FILE"):
        required_keys_file(home, tmp_path / "none")
