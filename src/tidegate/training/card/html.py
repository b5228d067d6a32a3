"""Safe HTML: text is escaped where it enters, and a fragment is a type of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import NewType

Html = NewType("Html", str)


def text(value: object) -> Html:
    """Any text, escaped."""
    return Html(escape(str(value), quote=True))


def join(parts: Iterable[Html]) -> Html:
    """Fragments one after another."""
    return Html("".join(parts))


def element(tag: str, content: Html, **attributes: str) -> Html:
    """<tag>content</tag>; attribute values are escaped, `class_` is written `class`, an underscore a hyphen."""
    written = "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"' for name, value in attributes.items())
    return Html(f"<{tag}{written}>{content}</{tag}>")


def bullets(sentences: Iterable[str]) -> Html:
    """A list of sentences."""
    return element("ul", join(element("li", text(sentence)) for sentence in sentences))


@dataclass(frozen=True)
class Head:
    """A column's heading, whether it holds numbers (set to the right), and the heading that it shares with its neighbours."""

    name: str
    number: bool = False
    over: str = ""


def table(heads: Sequence[Head], rows: Iterable[Sequence[Html]], marked: Sequence[bool] = (), narrow: bool = False) -> Html:
    """A table; `marked` says which rows stand out, `narrow` that it is only as wide as its content."""
    kinds = ["number" if head.number else "text" for head in heads]
    names = join(element("th", text(head.name), scope="col", class_=kind) for head, kind in zip(heads, kinds, strict=True))
    lines = []
    for place, row in enumerate(rows):
        cells = join(element("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True))
        lines.append(element("tr", cells, class_="marked") if place < len(marked) and marked[place] else element("tr", cells))
    whole = join((element("thead", join((_shared(heads), element("tr", names)))), element("tbody", join(lines))))
    return element("div", element("table", whole, class_="narrow") if narrow else element("table", whole), class_="scroll")


def _shared(heads: Sequence[Head]) -> Html:
    """The row of shared headings, where there is one."""
    if not any(head.over for head in heads):
        return Html("")
    spans = [(over, len(list(run))) for over, run in groupby(heads, key=lambda head: head.over)]
    return element("tr", join(element("th", text(over), scope="colgroup", class_="over", colspan=str(span)) for over, span in spans))
