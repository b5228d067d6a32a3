"""A list of customers' ids, one a line, as a person hands it in."""

from __future__ import annotations

from tidegate.errors import InputRefused


def read_ids(content: bytes, place: str) -> list[str]:
    r"""Ids from UTF-8 text, one a line; empty lines are skipped, spaces belong to the id. Raises InputRefused where it is no such text.

    >>> read_ids(b"K1\r\n\n K 2\n", "stdin")
    ['K1', ' K 2']
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefused(f"{place} is not UTF-8 text.", "Give one id a line.") from None
    return [line for line in text.replace("\r\n", "\n").split("\n") if line]
