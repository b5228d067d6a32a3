"""Sentences that an API composed in English, said in the language of the person: each is known by its words, its figures move along."""

from __future__ import annotations

import re
from functools import cache

from tidegate.ui.known import FIGURES, FORMS, KNOWN, PARTS, SENTENCES
from tidegate.ui.words import ENGLISH, translated

_ASKED = "Asked for: "
_FIELD = re.compile(r"{(\w+)}")
_BETWEEN = re.compile(r"(?<=\.) (?=[A-Z])")
_AND_MORE = re.compile(r"(?P<names>.+) and (?P<count>[\d,]+) more")
_LONGEST, _DEEPEST = 2_000, 3


def retold(sentence: str, language: str) -> str:
    r"""The sentence in that language, or several one after the other; where one of them is not known, all as they are.

    >>> retold("P95 latency is 240 ms", "fr").replace("\N{NO-BREAK SPACE}", " ")
    'Latence P95 : 240 ms'
    """
    if language == ENGLISH or len(sentence) > _LONGEST:
        return sentence
    if sentence.startswith(_ASKED):  # what follows are a person's words
        return translated(_ASKED + "{asked}", language, asked=sentence.removeprefix(_ASKED))
    return _several(sentence, language, 0) or sentence


def _several(text: str, language: str, depth: int) -> str | None:
    told = [_known(one, "", language, depth) for one in _BETWEEN.split(text)]
    if None not in told:
        return " ".join(map(str, told))
    return _known(text, "", language, depth)


def _known(text: str, field: str, language: str, depth: int) -> str | None:
    """A sentence, or what a field of this name says; None where the pages do not know it, or not all of its parts."""
    for pattern, said in _patterns(field):
        if found := pattern.fullmatch(text):
            parts = {name: _part(name, value, language, depth) for name, value in found.groupdict().items()}
            if None not in parts.values():
                return translated(said, language, **parts)
    return None


@cache
def _patterns(field: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """How it is written and said; what leaves least open first."""
    known = PARTS[field] if field else {sentence: sentence for sentence in KNOWN}
    ordered = sorted(known.items(), key=lambda pair: -len(_FIELD.sub("", pair[0])))
    return tuple((re.compile(_pattern(written), re.DOTALL), said) for written, said in ordered)


def _pattern(known: str) -> str:
    parts = _FIELD.split(known)
    return "".join(f"(?P<{part}>{FORMS.get(part, '.+?')})" if place % 2 else re.escape(part) for place, part in enumerate(parts))


def _part(name: str, value: str, language: str, depth: int) -> str | None:
    if name in FIGURES or (name in ("low", "high") and re.fullmatch(FORMS["value"], value)):
        return value.replace(",", "\u202f").replace(".", ",").replace("%", "\u00a0%")
    if name in PARTS:
        return _known(value, name, language, depth)
    if name == "names" and (more := _AND_MORE.fullmatch(value)):
        return translated("{names} and {count} more", language, **more.groupdict())
    if name in SENTENCES:
        told = _several(value, language, depth + 1) if depth < _DEEPEST else None
        return told or (None if name == "rest" else value)
    return value
