"""Cells that a spreadsheet would run: neutralised in everything Tidegate writes for people, numbers untouched."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_STARTS = r"^[=+\-@\t\r\x00]"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def neutralised(array: pa.Array) -> pa.Array:
    """Text with a `'` before every cell that starts like a formula and is no number; other types as they are.

    >>> neutralised(pa.array(["=1+1", "-5", "+x", "plain", None])).to_pylist()
    ["'=1+1", '-5', "'+x", 'plain', None]
    """
    if not pa.types.is_string(array.type):
        return array
    suspicious = pc.match_substring_regex(array, _STARTS)
    if not pc.any(suspicious).as_py():
        return array
    dangerous = pc.and_(suspicious, pc.invert(pc.match_substring_regex(array, _NUMBER)))
    return pc.if_else(dangerous, pc.binary_join_element_wise("'", array, ""), array)


def neutralised_header(header: str) -> str:
    """A header as a cell.

    >>> neutralised_header("@SUM(A1)")
    "'@SUM(A1)"
    """
    return str(neutralised(pa.array([header]))[0].as_py())
