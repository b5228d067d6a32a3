"""`tidegate key`: keys are made, listed and revoked; each change is in the audit trail, the key itself nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidegate.access.file import changing, keys_file, read_keys, write_keys
from tidegate.access.keys import Key, make_key
from tidegate.errors import InputRefused, LedgerUnavailable, SettingRefused, TidegateError
from tidegate.home import Home
from tidegate.ledger.events import append_event
from tidegate.operations.places import opened_ledger
from tidegate.settings import Settings

ADDED, REVOKED = "key added", "key revoked"


@dataclass(frozen=True)
class AddedKey:
    """A new key with its text, which is shown once."""

    key: Key
    text: str

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {**_told(self.key), "key": self.text}

    def summary(self) -> str:
        """For a person."""
        until = f"until {self.key.expires:%Y-%m-%d %H:%M} UTC" if self.key.expires else "until it is revoked"
        return (
            f"{self.text}\n\nThis is the key {self.key.name} ({', '.join(self.key.roles)}), valid {until}. It is shown this once and kept "
            "nowhere.\nRunning servers know it within two seconds. Send it as Authorization: Bearer KEY."
        )


@dataclass(frozen=True)
class KeyList:
    """The keys there are, and which of them are valid at `now`."""

    keys: tuple[Key, ...]
    now: datetime

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {"keys": [{**_told(key), "valid": key.valid(self.now)} for key in self.keys]}

    def summary(self) -> str:
        """A table."""
        if not self.keys:
            return "There are no API keys. Make one: tidegate key add NAME --role score."
        rows = [("name", "roles", "id", "created", "expires")]
        for key in self.keys:
            expires = "never" if key.expires is None else f"{key.expires:%Y-%m-%d}" + ("" if key.valid(self.now) else " (expired)")
            rows.append((key.name, ",".join(key.roles), key.key_id, f"{key.created:%Y-%m-%d}", expires))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


@dataclass(frozen=True)
class RevokedKey:
    """A key that opens nothing any more."""

    key: Key

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {**_told(self.key), "revoked": True}

    def summary(self) -> str:
        """For a person."""
        return f"The key {self.key.name} is revoked. Running servers refuse it within two seconds."


def add_key(
    home: Home, settings: Settings, name: str, roles: Sequence[str], days: int | None, who: str, now: datetime, given: str | None = None
) -> AddedKey:
    """Make a key, or take a `given` one; the same key a second time changes nothing. Where the trail cannot take it, there is none.

    Raises SettingRefused for a bad or a used name, role, number of days or text, HomeRefused where the file is damaged or cannot be
    written, LedgerUnavailable.
    """
    key, text = make_key(name, roles, days, now, given)
    path = keys_file(home, settings.api_keys_file)
    with opened_ledger(home, settings) as ledger, changing(path):
        keys = _present(home, settings)
        same = next((one for one in keys if one.name == name), None)
        if given is not None and same is not None and (same.digest, same.roles) == (key.digest, key.roles):
            return AddedKey(same, text)
        if same is not None:
            raise SettingRefused(f"There is a key named {name} already.", "Take another name, or revoke that one first.")
        # The file first: a key whose event is missing would open doors on no record, and nobody has seen this one yet.
        write_keys(path, (*keys, key))
        try:
            append_event(ledger, who, ADDED, {"name": name, "id": key.key_id, "roles": list(key.roles), "expires": _expires(key)}, now)
        except TidegateError:
            write_keys(path, keys)
            raise
    return AddedKey(key, text)


def list_keys(home: Home, settings: Settings, now: datetime) -> KeyList:
    """The keys. Raises HomeRefused where their file is damaged."""
    return KeyList(_present(home, settings), now)


def revoke_key(home: Home, settings: Settings, name: str, who: str, now: datetime) -> RevokedKey:
    """Take a key away. A ledger that is down does not hold that up: the key is gone first, and the error says what is missing.

    Raises InputRefused where there is no such key, HomeRefused, LedgerUnavailable.
    """
    path = keys_file(home, settings.api_keys_file)
    with changing(path):
        keys = _present(home, settings)
        gone = next((key for key in keys if key.name == name), None)
        if gone is None:
            there = f"There are: {', '.join(key.name for key in keys)}." if keys else "There are none."
            raise InputRefused("There is no key of this name.", there)
        write_keys(path, [key for key in keys if key is not gone])
    try:
        with opened_ledger(home, settings) as ledger:
            append_event(ledger, who, REVOKED, {"name": name, "id": gone.key_id, "roles": list(gone.roles)}, now)
    except LedgerUnavailable as error:
        raise LedgerUnavailable(f"The key {name} is revoked, but the audit trail could not say so: {error.detail}", error.remedy) from None
    return RevokedKey(gone)


def _present(home: Home, settings: Settings) -> tuple[Key, ...]:
    try:
        return read_keys(keys_file(home, settings.api_keys_file))
    except FileNotFoundError:
        return ()


def _told(key: Key) -> dict[str, Any]:
    return {"name": key.name, "id": key.key_id, "roles": list(key.roles), "created": key.created.isoformat(), "expires": _expires(key)}


def _expires(key: Key) -> str | None:
    return None if key.expires is None else key.expires.isoformat()
