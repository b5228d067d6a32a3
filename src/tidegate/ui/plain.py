"""A text that came from a table or a person, made safe for what Streamlit reads as Markdown."""

from __future__ import annotations

_MARKS = frozenset("\\`*_{}[]<>()#+-.!|$~:")


def plain(text: str) -> str:
    """The text, every mark of Markdown in it as the character that it is.

    >>> print(plain("[a](javascript:x) *b*"))
    \\[a\\]\\(javascript\\:x\\) \\*b\\*
    """
    return "".join(f"\\{character}" if character in _MARKS else character for character in text)
