"""The label: which column it is, which two values it has, and which of them means that the customer left."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from tidegate.customers.inspection.scan import ColumnScan
from tidegate.customers.load import Table
from tidegate.customers.names import snake_case
from tidegate.customers.spec import Normalisation
from tidegate.errors import NotEnoughData, TableRefused

_NOT = frozenset({"no", "not", "non", "never"})
_LEFT = frozenset(
    {"churn", "churned", "churner", "churners", "attrition", "attrited", "attriter", "exit", "exited", "left", "leave", "leaver", "gone"}
    | {"lost", "closed", "cancel", "cancelled", "canceled", "inactive", "lapsed", "terminated", "deactivated", "defected", "unsubscribed"}
)
_STAYED = frozenset(
    {"stay", "stayed", "staying", "existing", "exists", "retain", "retained", "active", "current", "loyal", "kept", "open", "renewed"}
    | {"remain", "remained", "remaining", "joined", "joiner", "subscribed"}
)
_SWITCHES = ({"yes", "no"}, {"y", "n"}, {"true", "false"}, {"t", "f"}, {"1", "0"}, {"1.0", "0.0"}, {"1", "-1"}, {"1.0", "-1.0"})
_ON = frozenset({"yes", "y", "true", "t", "1", "1.0"})


@dataclass(frozen=True)
class Label:
    """The label's two values as training reads them, the repairs that takes, counts of rows, and why `positive` was chosen."""

    positive: str
    negative: str
    normalise: tuple[Normalisation, ...]
    left: int
    stayed: int
    missing: int
    why: str
    sure: bool


def find_label(table: Table, label: str) -> int:
    """Position of the label among the headers, named as written or in snake_case. Raises TableRefused, with near matches, where absent."""
    if label in table.headers:
        position = table.headers.index(label)
    elif (name := snake_case(label)) and name in table.names:
        position = table.names.index(name)
    else:
        near = difflib.get_close_matches(snake_case(label), [name for name in table.names if name], n=3, cutoff=0.5)
        matches = " or ".join(repr(table.headers[table.names.index(name)][:60]) for name in near)
        remedy = f"Name the label as the header has it: did you mean {matches}?" if near else "Name the column that says who left."
        raise TableRefused(f"{table.path.name} has no column {label[:60]!r}.", remedy)
    if not table.names[position]:
        raise TableRefused(
            f"The label's header {table.headers[position][:60]!r} holds no letter from a to z and no digit.", "Rename that column."
        )
    return position


def read_label(scan: ColumnScan, name: str) -> Label:
    """The label's meaning from the scan of its column. Raises TableRefused or NotEnoughData where it does not tell two outcomes apart."""
    counts, normalise = _values(scan)
    if not counts:
        raise NotEnoughData(f"The label {name} is empty in every row.", "Give a table whose label is known for past customers.")
    if len(scan.distinct) > 2 and len(counts) > 2:
        raise TableRefused(
            f"The label {name} holds {max(len(counts), len(scan.distinct)):,} different values; a label says left or stayed.",
            "Give a column with two values, or map its values to two.",
        )
    if len(counts) == 1:
        raise NotEnoughData(
            f"All {sum(counts.values()):,} labelled rows of {name} hold the same value, so nothing tells who left.",
            "Give a table with both outcomes; an empty label means unknown, not stayed.",
        )
    positive, why, sure = _positive(counts, name)
    negative = next(value for value in counts if value != positive)
    missing = scan.cells - sum(counts.values())
    return Label(positive, negative, normalise, counts[positive], counts[negative], missing, why, sure)


def _values(scan: ColumnScan) -> tuple[dict[str, int], tuple[Normalisation, ...]]:
    """The label's texts with their counts, after the fewest repairs that leave two."""
    counts = scan.distinct.counts
    if counts is None:
        return {str(position): 1 for position in range(3)}, ()
    strip: tuple[Normalisation, ...] = ("strip",) if scan.padded else ()
    if len(counts) <= 2:
        return dict(counts), strip
    lowered: dict[str, int] = {}
    for text, count in counts.items():
        lowered[text.lower()] = lowered.get(text.lower(), 0) + count
    return (lowered, (*strip, "lower")) if len(lowered) <= 2 else (dict(counts), strip)


def _positive(counts: dict[str, int], name: str) -> tuple[str, str, bool]:
    """The value that means "left", the reason in words, and whether it is more than a guess."""
    plain = {value.lower(): value for value in counts}
    if set(plain) in _SWITCHES:
        on = next(value for key, value in plain.items() if key in _ON)
        words = set(name.split("_"))
        if words & _STAYED and not words & (_LEFT | _NOT):
            return next(value for value in counts if value != on), "the column's name says who stayed, so its negation means left", True
        return on, "the affirmative value means left", True
    left = [value for value in counts if _says(value, _LEFT, _STAYED)]
    if len(left) == 1:
        return left[0], "the value's words say that the customer left", True
    stayed = [value for value in counts if _says(value, _STAYED, _LEFT)]
    if len(stayed) == 1:
        return next(value for value in counts if value != stayed[0]), "the other value's words say that the customer stayed", True
    return min(counts, key=lambda value: (counts[value], value)), "no word says which value means left, so the rarer one is taken", False


def _says(value: str, these: frozenset[str], opposites: frozenset[str]) -> bool:
    words = set(snake_case(value).split("_"))
    negated = bool(words & _NOT)
    return bool(words & (opposites if negated else these)) and not (words & (these if negated else opposites))
