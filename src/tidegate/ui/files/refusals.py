"""Why a row was refused, as the scoring API's CSV says it in one cell, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REASON = re.compile(r"(?P<column>[^:]*): (?P<rule>[^,]*), expected (?P<expects>.*), found (?P<found>[^,]*)", re.DOTALL)


@dataclass(frozen=True)
class Refusal:
    """Column (`line` where the row has another number of fields), rule, what was expected, and the kind of what was found."""

    column: str
    rule: str
    expects: str
    found: str


def refusal(text: str) -> Refusal:
    """The cell's parts; a cell of another form is all rule.

    >>> refusal("gender: level, expected one of F, M, found text")
    Refusal(column='gender', rule='level', expects='one of F, M', found='text')
    """
    parts = _REASON.fullmatch(text)
    return Refusal(**parts.groupdict()) if parts else Refusal("", text, "", "")
