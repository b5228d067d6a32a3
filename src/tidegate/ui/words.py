"""What the pages say, in the language of the person: English in the sources, French beside it in `french/`, a file for each page."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

ENGLISH, FRENCH = "en", "fr"
LANGUAGES = {ENGLISH: "English", FRENCH: "Français"}


@cache
def french() -> dict[str, str]:
    """English sentence → French sentence, with the same fields in braces; `shared` has what several pages say."""
    words: dict[str, str] = {}
    for file in sorted((resources.files("tidegate") / "ui" / "french").iterdir(), key=lambda one: one.name):
        words |= tomllib.loads(file.read_text(encoding="utf-8"))
    return {english: _spaced(other) for english, other in words.items()}


def _spaced(text: str) -> str:
    """No line begins with a sign: however it was typed, the space before one (Lexique de l'Imprimerie nationale) does not break."""
    narrow = re.sub("[ \u00a0\u202f]([;?!])", "\u202f\\1", text)
    return re.sub("[ \u00a0\u202f]([:»%])", "\u00a0\\1", re.sub("«[ \u00a0\u202f]", "«\u00a0", narrow))


def translated(text: str, language: str, **values: object) -> str:
    """The sentence in that language, its fields filled in; an unknown sentence stays English.

    >>> translated("Version {version}", "fr", version=3)
    'Version 3'
    """
    found = french().get(text, text) if language == FRENCH else text
    return found.format(**values) if values else found
