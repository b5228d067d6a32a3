"""What became of a customer, in the words of a label: left, stayed, or not known yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.customers.spec import TableSpec

UNREADABLE = -1
_WHOLE = re.compile(r"(-?\d+)\.0+")


@dataclass(frozen=True)
class Labels:
    """How to read one label. `words`: text → 1 left, 0 stayed. `other`: what every further word says, None where there is none."""

    words: Mapping[str, int]
    other: int | None
    missing: tuple[str, ...]


def spec_labels(spec: TableSpec) -> Labels:
    """The spec's own label column: its words alone; without `negative`, every word but `positive` says stayed."""
    return Labels(_spelt(spec), 0 if spec.negative is None else None, spec.missing)


def outcome_labels(spec: TableSpec) -> Labels:
    """A field named `outcome`: 1 left, 0 stayed, true and false alike, or the spec's words; nothing else.

    >>> from tidegate.customers.spec import load_spec
    >>> labels = outcome_labels(load_spec("bank"))
    >>> [read_label(labels, text) for text in ("1", "0.0", "true", "", "perhaps")]
    [1, 0, 1, None, -1]
    """
    return Labels(_spelt(spec) | {"1": 1, "0": 0, "true": 1, "false": 0}, None, spec.missing)


def read_label(labels: Labels, text: str) -> int | None:
    """1 left, 0 stayed, None not known yet, UNREADABLE for any other word. A whole float is its number: pandas writes 1 as 1.0."""
    if text not in labels.words and (whole := _WHOLE.fullmatch(text)):
        text = whole[1]
    if text in labels.words:
        return labels.words[text]
    if text in labels.missing or not text.strip():
        return None
    return UNREADABLE if labels.other is None else labels.other


def _spelt(spec: TableSpec) -> dict[str, int]:
    return {text: left for text, left in ((spec.positive, 1), (spec.negative, 0)) if text is not None}
