"""The register of erasures: keyed hashes of who was erased and when, kept outside the ledger so that a restored backup forgets them again.

It is pseudonymous: without the home's customer key its hashes name nobody, and with another key they match nobody.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tidegate.errors import HomeRefused, InputRefused
from tidegate.home import Home, write_whole
from tidegate.ledger.customer_key import keyed_digest

FORMAT = 1
CUSTOMER, PREDICTION = "customer", "prediction"
_HASH = re.compile(r"[0-9a-f]{32}")
_LENGTH = 32

# (kind, keyed hash) → when it was erased last, as the ledger writes times
Register = Mapping[tuple[str, str], str]


def prediction_hash(key: bytes, prediction_id: str) -> str:
    """What the register knows an erased prediction by."""
    return keyed_digest(key, f"erased prediction\n{prediction_id}")[:_LENGTH]


def merged(*registers: Register) -> dict[tuple[str, str], str]:
    """All entries, each with its latest time.

    >>> merged({("customer", "a"): "2026-01-02"}, {("customer", "a"): "2026-01-01", ("customer", "b"): "2026-01-03"})
    {('customer', 'a'): '2026-01-02', ('customer', 'b'): '2026-01-03'}
    """
    found: dict[tuple[str, str], str] = {}
    for register in registers:
        for entry, at in register.items():
            found[entry] = max(at, found.get(entry, ""))
    return found


def read_register(path: Path, key: bytes) -> dict[tuple[str, str], str]:
    """What a register says; empty where there is none. Raises InputRefused where it is damaged, newer or belongs to another key."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeError):
        raise _damaged(path) from None
    try:
        head, *entries = [json.loads(line) for line in lines]
        if head["format"] != FORMAT:
            raise InputRefused(f"{path} is of format {head['format']}, and this Tidegate knows {FORMAT}.", "Upgrade Tidegate.")
        if head["key"] != _fingerprint(key):
            raise InputRefused(f"{path} was written with another customer key, so it names nobody here.", "Give the register of this home.")
        found = merged(*({(entry["kind"], entry["hash"]): entry["at"]} for entry in entries))
        if not all(kind in (CUSTOMER, PREDICTION) and _HASH.fullmatch(one) and isinstance(at, str) for (kind, one), at in found.items()):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _damaged(path) from None
    return found


def write_register(path: Path, key: bytes, register: Register) -> None:
    """Replace a register, whole and durable, readable by the owner only. Its folder exists."""
    head = {"format": FORMAT, "key": _fingerprint(key)}
    entries = [{"kind": kind, "hash": one, "at": at} for (kind, one), at in sorted(register.items())]
    write_whole(path, "".join(json.dumps(line) + "\n" for line in (head, *entries)).encode())
    path.chmod(0o600)


@contextmanager
def erasing(home: Home) -> Iterator[None]:
    """Only one process at a time erases in a home, or takes its place. Raises HomeRefused at once where another does."""
    with (home.root / ".erasure.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HomeRefused(f"Another process erases or restores in {home.root}.", "Try again when it is done.") from None
        yield


def _fingerprint(key: bytes) -> str:
    return keyed_digest(key, "register of erasures")[:_LENGTH]


def _damaged(path: Path) -> InputRefused:
    return InputRefused(f"{path} is damaged or is no register of erasures.", "Take it from a backup, or give the copy kept elsewhere.")
