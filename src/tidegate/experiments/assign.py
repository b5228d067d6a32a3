"""Who is in the treatment: a salted hash of the customer, so that every replica agrees and nothing has to be remembered."""

from __future__ import annotations

import hashlib


def position(salt: str, unit: str) -> float:
    """Where a unit (a customer's keyed hash) stands in [0, 1): the first 53 of 64 bits of BLAKE2b (RFC 7693), keyed with the salt.

    Uniform over units, the same in every process, and independent of the positions under another salt. `salt` has up to 64 characters.

    >>> position("a", "b2038156c307496ed3c9a99d8b6bbbfd") == position("a", "b2038156c307496ed3c9a99d8b6bbbfd")
    True
    """
    digest = hashlib.blake2b(unit.encode(), digest_size=8, key=salt.encode()).digest()
    # The highest 53 bits are all that a double holds: rounded up, the last ones could reach 1.
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def treated(salt: str, unit: str, share: float) -> bool:
    """Whether a unit is in a treatment of this share (0 to 1). Who is treated at a share is treated at every higher one.

    >>> treated("a", "unit", 0.0), treated("a", "unit", 1.0)
    (False, True)
    """
    return position(salt, unit) < share
