"""Cells that a spreadsheet would run: neutralised in everything Tidegate writes for people, numbers untouched."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.customers.columns import as_text

_TEXTS = (
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
_STARTS = r"^[=+\-@\t\r\x00]"
# Digits with points and commas hold no reference and no function, and a lone sign is a common word for "missing".
_NUMBER = r"^[+-]?([.,]?\d[\d.,]*([eE][+-]?\d+)?%?)?$"


def neutralised(array: pa.Array) -> pa.Array:
    """Text with a `'` before every cell that starts like a formula and is no number; other types as they are.

    Text may be plain, large, dictionary-coded or bytes; it comes out plain.

    >>> neutralised(pa.array(["=1+1", "-5", "+x", "plain", None])).to_pylist()
    ["'=1+1", '-5', "'+x", 'plain', None]
    """
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if not (pa.types.is_string(kind) or any(is_kind(kind) for is_kind in _TEXTS)):
        return array
    array = as_text(array.cast(kind))
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
