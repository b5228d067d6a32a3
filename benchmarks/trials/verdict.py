"""What a trial says in the end: one row a figure, and the table of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

REACHED, MISSED, SKIPPED = "reached", "MISSED", "skipped"


@dataclass(frozen=True)
class Row:
    """One figure: which test, what is wanted, what was measured, and whether that is reached."""

    test: str
    wanted: str
    measured: str
    verdict: str


def judged(test: str, wanted: str, measured: str, faults: Sequence[str]) -> Row:
    """A row that is missed where there are faults, the first three of which it names."""
    shown = "; ".join(faults[:3]) + (f" and {len(faults) - 3} more" if len(faults) > 3 else "")
    return Row(test, wanted, f"{measured}; {shown}" if faults else measured, MISSED if faults else REACHED)


def skipped(test: str, wanted: str, why: str) -> Row:
    """A row of a trial that this machine cannot run."""
    return Row(test, wanted, why, SKIPPED)


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [(row.test, row.wanted, row.measured, row.verdict) for row in rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in [_HEAD, _RULE, *lines])


_HEAD = ("test", "wanted", "measured", "verdict")
_RULE = ("---",) * 4
