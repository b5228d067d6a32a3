"""The second pass: what training's own reading finds in each number column, and whether customers repeat."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tidegate.customers.columns import as_text, numbers_of
from tidegate.customers.contract import LARGEST_INTEGER, LARGEST_NUMBER
from tidegate.customers.inspection.distinct import text_hashes
from tidegate.customers.inspection.drafts import FEW_TEXTS, MOST_LEVELS, NAME_SHARE, UNIQUE_SHARE, Draft
from tidegate.customers.inspection.names import id_rank, names_a_person
from tidegate.customers.inspection.scan import ColumnScan, chunks
from tidegate.customers.load import Table
from tidegate.customers.spec import TableSpec

MOST_IDS = 20_000
CODE_DIGITS = 8  # whole numbers of one such length that never repeat are codes: amounts vary in length


@dataclass
class Measured:
    """Cells of one number column: finite ones and their range, missing ones, and those that are no such value."""

    low: float = math.inf
    high: float = -math.inf
    finite: int = 0
    missing: int = 0
    unreadable: int = 0

    def add(self, numbers: NDArray[np.float64]) -> None:
        """Add float64 (n,): NaN missing, infinite unreadable, as is what no float32 feature can hold."""
        absent = np.isnan(numbers)
        fine = numbers[np.abs(numbers) <= LARGEST_NUMBER]
        self.missing += int(absent.sum())
        self.finite += len(fine)
        self.unreadable += len(numbers) - len(fine) - int(absent.sum())
        if len(fine):
            self.low, self.high = min(self.low, float(fine.min())), max(self.high, float(fine.max()))


class Repeats:
    """Customers with several rows. Judged on all rows of those ids whose hash is below a limit, halved whenever 20,000 ids are held."""

    def __init__(self, periods: Sequence[int]) -> None:
        self._limit = 1 << 32
        self._rows: dict[str, int] = {}
        self._first: dict[int, dict[str, str | None]] = {period: {} for period in periods}
        self._varies: dict[int, set[str]] = {period: set() for period in periods}

    def add(self, ids: pa.Array, batch: pa.RecordBatch) -> None:
        """Add rows: their ids as text (n,), blank or null where unknown, and the batch they stand in."""
        encoded = ids.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        held = np.append((text_hashes(encoded.dictionary) < self._limit) & [bool(text.strip()) for text in texts], False)
        codes = np.asarray(encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False), np.int64)
        mine = np.flatnonzero(held[codes])
        keys = [texts[code] for code in codes[mine]]
        for key in keys:
            self._rows[key] = self._rows.get(key, 0) + 1
        for period, first in self._first.items():
            values = as_text(batch.column(period)).take(pa.array(mine)).to_pylist()
            self._varies[period].update(key for key, value in zip(keys, values, strict=True) if first.setdefault(key, value) != value)
        while len(self._rows) > MOST_IDS:
            self._halve()

    def share(self) -> float:
        """Share of customers with more than one row."""
        return sum(count > 1 for count in self._rows.values()) / max(len(self._rows), 1)

    def periods(self) -> list[int]:
        """Positions of columns that differ between the rows of most repeated customers."""
        repeated = {key for key, count in self._rows.items() if count > 1}
        return [period for period, keys in self._varies.items() if repeated and len(keys & repeated) >= len(repeated) / 2]

    def _halve(self) -> None:
        self._limit //= 2
        texts = list(self._rows)
        kept = {text for text, small in zip(texts, text_hashes(pa.array(texts)) < self._limit, strict=True) if small}
        self._rows = {text: count for text, count in self._rows.items() if text in kept}
        self._first = {period: {text: first[text] for text in first if text in kept} for period, first in self._first.items()}
        self._varies = {period: texts & kept for period, texts in self._varies.items()}


def measure(
    table: Table, drafts: Sequence[Draft], spec: TableSpec, id_position: int | None, periods: Sequence[int]
) -> tuple[Mapping[int, Measured], Repeats]:
    """Read the table again with the drafted columns: what each number column holds by position, and how the id repeats."""
    numeric = {draft.position: draft.column for draft in drafts if draft.column and draft.column.kind != "category"}
    measured, repeats = {position: Measured() for position in numeric}, Repeats(periods)
    for batch, _ in chunks(table):
        for position, column in numeric.items():
            measured[position].add(numbers_of(batch.column(position), column, spec))
        if id_position is not None:
            repeats.add(as_text(batch.column(id_position)), batch)
    return measured, repeats


def settle(draft: Draft, measured: Measured | None, scan: ColumnScan) -> Draft:
    """A number column's draft with its range; constant, empty and id-like ones are left out. Other drafts are returned as they are."""
    column = draft.column
    if column is None or measured is None:
        return draft
    if not measured.finite:
        return replace(draft, column=None, out="it is empty")
    if measured.low == measured.high and measured.finite == scan.cells:
        return replace(draft, column=None, out="it holds one value only")
    changes: dict[str, object] = {"nullable": measured.missing > 0}
    if column.kind == "integer" and max(-measured.low, measured.high) > LARGEST_INTEGER:
        changes["kind"] = "number"
    if column.kind in ("integer", "number"):
        changes["expected"] = (measured.low, measured.high)
    settled = replace(draft, column=column.model_copy(update=changes))
    if column.kind == "integer" and (reason := _id_like(draft.name, measured, len(scan.distinct))):
        return settled.left_out(reason)
    if measured.unreadable and not settled.out:
        what = "dates" if column.kind == "date" else "true or false" if column.kind == "boolean" else "numbers"
        warning = f"{draft.name}: {measured.unreadable:,} cells are not {what}; those rows will be quarantined."
        return replace(settled, warnings=(*settled.warnings, warning), why=(*settled.why, f"{measured.unreadable:,} cells are not {what}"))
    return settled


def _id_like(name: str, measured: Measured, distinct: int) -> str:
    """Why a whole-number column names rows rather than measures them; empty where it measures."""
    count, unique = measured.finite, distinct >= UNIQUE_SHARE * measured.finite
    if distinct <= FEW_TEXTS:
        return ""
    if id_rank(name) is not None and (unique or distinct > MOST_LEVELS):
        return "its name and its many values say that it numbers things"
    if names_a_person(name) and distinct > NAME_SHARE * count:
        return "it names people"
    if unique and measured.high - measured.low + 1 <= count / UNIQUE_SHARE:
        return "it counts the rows"
    if unique and measured.low > 0 and len(f"{measured.low:.0f}") == len(f"{measured.high:.0f}") >= CODE_DIGITS:
        return "it is a code: whole numbers of one length that do not repeat"
    return ""
