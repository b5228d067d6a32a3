"""What a challenger would decide otherwise about a batch, for whom, and why; and how long it takes. Nothing is answered to anybody."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.reasons.customers import explain_rows
from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.rows import Rows
from tidegate.errors import TidegateError
from tidegate.renewal.segments import segments_of

MOST_EXPLAINED = 500
MOST_COLUMNS = 5
TIMED_ROWS = 60
ANSWER_SECONDS = 0.002
"""What an answer takes besides its model (contract, ledger, HTTP): twice a model of microseconds is not twice an answer."""
FEWEST_SHOWN = 5


@dataclass(frozen=True)
class Group:
    """Customers of a segment's group: how many, how many are newly flagged, and how many no longer."""

    column: str
    group: str
    customers: int
    newly_flagged: int
    no_longer_flagged: int


@dataclass(frozen=True)
class Replay:
    """A batch scored by both versions. `columns`: what moved the changed decisions most, by its share of all that moved; `errors`: rows
    without a probability from the challenger. Aggregates only: groups of fewer than 5 customers are left out.
    """

    customers: int
    errors: int
    newly_flagged: int
    no_longer_flagged: int
    groups: tuple[Group, ...]
    columns: tuple[tuple[str, float], ...]

    @property
    def changed(self) -> float:
        """Share of customers about whom the decision changes."""
        return (self.newly_flagged + self.no_longer_flagged) / self.customers if self.customers else 0.0

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        columns = [{"column": name, "share": share} for name, share in self.columns]
        return {**asdict(self), "groups": [asdict(one) for one in self.groups], "columns": columns, "changed": self.changed}

    def summary(self) -> str:
        """A few lines for a person."""
        lines = [
            f"Of {self.customers:,} customers of the newest batch {self.newly_flagged:,} would be newly flagged, "
            f"{self.no_longer_flagged:,} no longer ({self.changed:.1%} change decision)."
        ]
        touched = sorted(self.groups, key=lambda one: one.newly_flagged + one.no_longer_flagged, reverse=True)[:MOST_COLUMNS]
        lines += [
            f"  {one.column} = {one.group}: +{one.newly_flagged:,} −{one.no_longer_flagged:,} of {one.customers:,}"
            for one in touched
            if one.newly_flagged + one.no_longer_flagged
        ]
        if self.columns:
            lines.append("Moved most by " + ", ".join(f"{name} ({share:.0%})" for name, share in self.columns) + ".")
        return "\n".join(lines)


def replay(champion: Scorer, challenger: Scorer, rows: Rows) -> Replay:
    """Score valid rows with both versions. A challenger that fails on them is counted as errors, not raised."""
    before = score(champion, rows) >= champion.manifest.threshold
    try:
        said = score(challenger, rows)
    except (TidegateError, ValueError, ArithmeticError):
        return Replay(len(rows), len(rows), 0, 0, (), ())
    after = said >= challenger.manifest.threshold
    newly, no_longer = after & ~before, before & ~after
    errors = int((~((said >= 0) & (said <= 1))).sum())
    groups = _groups(champion, rows, newly, no_longer)
    changed = np.flatnonzero(newly | no_longer)[:MOST_EXPLAINED]
    return Replay(len(rows), errors, int(newly.sum()), int(no_longer.sum()), groups, _columns(champion, challenger, rows.take(changed)))


def latency_ratio(champion: Scorer, challenger: Scorer, rows: Rows) -> float | None:
    """Median time of an answer to one customer, challenger over champion; None where there are no rows to time."""
    if not len(rows):
        return None
    taken: dict[str, list[float]] = {"champion": [], "challenger": []}
    for place in range(TIMED_ROWS):
        one = rows.take(np.array([place % len(rows)]))
        for name, scorer in (("champion", champion), ("challenger", challenger)):  # in turns, so that a busy moment meets both
            began = time.perf_counter()
            score(scorer, one)
            taken[name].append(time.perf_counter() - began)
    theirs, ours = (statistics.median(taken[name]) for name in ("champion", "challenger"))
    return (ours + ANSWER_SECONDS) / (theirs + ANSWER_SECONDS)


def _groups(scorer: Scorer, rows: Rows, newly: NDArray[np.bool_], no_longer: NDArray[np.bool_]) -> tuple[Group, ...]:
    found = []
    for column, groups in segments_of(scorer.contract.spec, rows).items():
        for group in sorted(set(groups.tolist())):
            mine = groups == group
            if (count := int(mine.sum())) >= FEWEST_SHOWN:
                found.append(Group(column, str(group), count, int((newly & mine).sum()), int((no_longer & mine).sum())))
    return tuple(found)


def _columns(champion: Scorer, challenger: Scorer, rows: Rows) -> tuple[tuple[str, float], ...]:
    """By how much the reasons of the two versions differ, as shares of the whole difference."""
    if not len(rows):
        return ()
    moved: dict[str, float] = {}
    for sign, scorer in ((1, challenger), (-1, champion)):
        explained = explain_rows(scorer, rows)
        scale = float(np.abs(explained.contributions).sum()) or 1.0  # the two may speak of log-odds and of probabilities
        for place, source in enumerate(explained.sources):
            moved[source.name] = moved.get(source.name, 0.0) + sign * float(np.abs(explained.contributions[:, place]).sum()) / scale
    whole = sum(abs(one) for one in moved.values()) or 1.0
    largest = sorted(moved, key=lambda name: abs(moved[name]), reverse=True)[:MOST_COLUMNS]
    return tuple((name, abs(moved[name]) / whole) for name in largest if moved[name])
