"""An API key: what is handed out once, and what is kept of it.

Kept is a plain SHA-256. A slow derivation (scrypt, Argon2) makes guessing a *chosen* secret expensive; this one is 256 bits from the
operating system, which nobody finds by guessing at any speed, and a slow one would cost every request its time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.errors import SettingRefused

SCORE, OPERATE, ERASE = "score", "operate", "erase"
ROLES = (SCORE, OPERATE, ERASE)
LONGEST_DAYS = 3650
SECRET_BYTES, ID_BYTES = 32, 6
FEWEST_DIGITS = 8  # 64 random digits have fewer different ones once in 10^17
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SHAPE = re.compile(rb"tg_([0-9a-f]{12})_[0-9a-f]{64}")
_NOBODY = "0" * 64


@dataclass(frozen=True)
class Key:
    """What is kept of one key. `digest` is the SHA-256 (hex) of the whole key; `expires` is None for one that never does.

    Times know their zone. `key_id` and `name` are no secrets: they stand in lists, in the audit trail and (the name) in logs.
    """

    key_id: str
    name: str
    roles: tuple[str, ...]
    digest: str
    created: datetime
    expires: datetime | None = None

    def valid(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now < self.expires


def make_key(name: str, roles: Sequence[str], days: int | None, now: datetime, given: str | None = None) -> tuple[Key, str]:
    """A new key and its text `tg_ID_SECRET`, which exists nowhere else; `given`: a text that somebody made elsewhere by the same rule.

    Raises SettingRefused for a bad name, role, number of days or text.
    """
    if not NAME.fullmatch(name):
        raise SettingRefused("A key's name is 1 to 64 letters, digits, dots, dashes and underscores.", "Name it after who will use it.")
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise SettingRefused("A key has one role at least, and no others than score, operate and erase.", "Give --role score, for example.")
    if days is not None and not 0 < days <= LONGEST_DAYS:
        raise SettingRefused(f"A key lives 1 to {LONGEST_DAYS} days.", "Leave --days out for one that does not expire.")
    text = given or f"tg_{secrets.token_hex(ID_BYTES)}_{secrets.token_hex(SECRET_BYTES)}"
    shape = SHAPE.fullmatch(text.encode())
    if shape is None or len(set(text[16:])) < FEWEST_DIGITS:
        raise SettingRefused("A given key is not tg_, 12 hex digits, _ and 64 random hex digits.", "Leave it out: one is made then.")
    key_id = shape[1].decode()
    ordered = tuple(role for role in ROLES if role in roles)
    expires = None if days is None else now + timedelta(days=days)
    return Key(key_id, name, ordered, digest_of(text.encode()), now, expires), text


def digest_of(text: bytes) -> str:
    """What is kept of a key's text.

    >>> digest_of(b"tg_00")[:16]
    '1dcec67acec7c300'
    """
    return hashlib.sha256(text).hexdigest()


def find_key(keys: dict[str, Key], text: bytes, now: datetime) -> Key | None:
    """The valid key (of `keys` by id) whose text this is, or None. Compared in constant time, an unknown id like a known one."""
    shape = SHAPE.fullmatch(text)
    if shape is None:
        return None
    key = keys.get(shape[1].decode())
    same = hmac.compare_digest(digest_of(text), _NOBODY if key is None else key.digest)
    return key if same and key is not None and key.valid(now) else None
