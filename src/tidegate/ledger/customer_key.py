"""Pseudonyms of customers: the ledger knows a customer only by a keyed hash."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from tidegate.errors import HomeRefused
from tidegate.home import sync

KEY_BYTES = 32


def load_or_create_key(path: Path) -> bytes:
    """Read the installation's secret key of 32 random bytes, creating the file (mode 0600) when it is absent.

    Of two processes that create it at the same time, one wins and both return its key. Raises `HomeRefused` when the
    file cannot be read or written, or has another length: a new key would cut every customer from their record.
    """
    try:
        if not path.exists():
            _create(path, secrets.token_bytes(KEY_BYTES))
        key = path.read_bytes()
    except OSError as error:
        raise HomeRefused("The customer key cannot be read or created.", f"Check that {path} and its folder are accessible.") from error
    if len(key) != KEY_BYTES:
        raise HomeRefused(
            f"The customer key has {len(key)} bytes instead of {KEY_BYTES}.", f"Restore {path} from a backup; a new key knows no customer."
        )
    return key


def keep_given_key(path: Path, given: Path) -> None:
    """Keep a copy (mode 0600) of a key that was made elsewhere, for an installation of several homes. Of the same key a copy stays.

    Raises HomeRefused where it cannot be read, has another length, or the home has another key already.
    """
    try:
        key = given.read_bytes()
        if len(key) != KEY_BYTES:
            raise HomeRefused(
                f"{given} has {len(key)} bytes instead of {KEY_BYTES}.", "TIDEGATE_CUSTOMER_KEY_FILE names a file of 32 bytes."
            )
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _create(path, key)
        present = path.read_bytes()
    except OSError as error:
        raise HomeRefused(
            f"The customer key of {given} cannot be kept in {path}: {error.strerror}.", "Check TIDEGATE_CUSTOMER_KEY_FILE and the home."
        ) from None
    if not hmac.compare_digest(present, key):
        raise HomeRefused(
            f"{path} is another customer key than {given}.", "A home stays with its key: name another home, or give the key it began with."
        )


def customer_hash(key: bytes, customer_id: str) -> str:
    """First 32 hex digits (128 bits) of HMAC-SHA256 over the id as UTF-8 (RFC 2104).

    Without the key an id can neither be recovered nor guessed from a list of ids. 128 bits keep the column short; two
    of a billion customers share a hash with a probability below 10^-20.

    >>> customer_hash(bytes(32), "C-1001")
    'b2038156c307496ed3c9a99d8b6bbbfd'
    """
    return keyed_digest(key, customer_id)[:32]


def keyed_digest(key: bytes, text: str) -> str:
    """HMAC-SHA256 (hex) of a text that holds an id: from a plain hash, trying all ids would find the one it stands for."""
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def _create(path: Path, key: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        try:
            # a link, unlike a rename, never replaces the key of a process that came first
            path.hardlink_to(draft)
        except FileExistsError:
            return
        sync(path.parent)
    finally:
        draft.unlink()
