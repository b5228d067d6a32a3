"""The first pass over a table: what the cells of each column look like, counted in bounded memory, and a sample of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tidegate.customers.columns import as_text
from tidegate.customers.inspection.distinct import Distinct
from tidegate.customers.inspection.sample import RowSample
from tidegate.customers.inspection.texts import MISSING_WORDS, forms_of
from tidegate.customers.load import Table
from tidegate.errors import TableRefused

CHUNK_ROWS = 1 << 16
CHUNK_BYTES = 64 << 20
MOST_BLANKS = 8
Stored = Literal["text", "integer", "number", "boolean", "date", "empty", "unreadable"]


class ColumnScan:
    """What the cells of one column look like. Texts are trimmed and counted by form; a typed Parquet column is mostly known by its type."""

    def __init__(self) -> None:
        self.stored: Stored = "empty"
        self.cells = 0
        self.nulls = 0
        self.padded = 0
        self.blanks: Counter[str] = Counter()
        self.words: Counter[str] = Counter()
        self.forms: Counter[str] = Counter()
        self.distinct = Distinct()

    def present(self) -> int:
        """Cells that hold something other than blank, null or a word for missing."""
        return self.cells - self.nulls - self.blanks.total() - self.words.total()

    def add(self, array: pa.Array) -> None:
        """Add cells of any type."""
        self.stored = _stored(array.type)
        self.cells += len(array)
        self.nulls += array.null_count
        if self.stored not in ("text", "integer") or array.null_count == len(array):
            return
        counted = pc.value_counts(array.drop_null())
        values = as_text(counted.field("values"))
        counts = np.asarray(counted.field("counts").to_numpy(), np.int64)
        if self.stored == "integer":
            self.forms["integer"] += int(counts.sum())
            self.distinct.add(values, counts)
        else:
            self._add_texts(values, counts)

    def _add_texts(self, values: pa.Array, counts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        trimmed = pc.utf8_trim_whitespace(values)
        blank = _mask(pc.equal(trimmed, ""))
        self.padded += int(counts[_mask(pc.not_equal(trimmed, values)) & ~blank].sum())
        for text, count in zip(values.filter(pa.array(blank)).to_pylist(), counts[blank].tolist(), strict=True):
            # Beyond a handful of lengths only the number matters: `strip` reads them all.
            self.blanks[text if text in self.blanks or len(self.blanks) < MOST_BLANKS else ""] += count
        word = _mask(pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(MISSING_WORDS))))
        for text, count in zip(trimmed.filter(pa.array(word)).to_pylist(), counts[word].tolist(), strict=True):
            self.words[text] += count
        rest = ~blank & ~word
        texts = trimmed.filter(pa.array(rest))
        self.forms.update(forms_of(texts, counts[rest]))
        self.distinct.add(texts, counts[rest])


@dataclass(frozen=True)
class Scan:
    """A table after the first pass: rows read, lines of a wrong length, one ColumnScan a header, and sampled rows in file order."""

    rows: int
    ragged: int
    columns: tuple[ColumnScan, ...]
    sample: pa.RecordBatch


def scan_table(table: Table, label_position: int, progress: Callable[[int], None] | None = None) -> Scan:
    """Scan a table. The label is read as text whatever its type, as training will. Raises TableRefused where there are no rows."""
    columns, sample = tuple(ColumnScan() for _ in table.headers), RowSample()
    rows = ragged = 0
    for batch, wrong in chunks(table):
        ragged += wrong
        if not len(batch):
            continue
        rows += len(batch)
        for position, column in enumerate(columns):
            cells = batch.column(position)
            column.add(as_text(cells) if position == label_position else cells)
        sample.add(batch)
        if progress:
            progress(rows)
    if not rows:
        raise TableRefused(f"{table.path.name} has a header and no rows.", "Give a table with one row a customer.")
    return Scan(rows, ragged, columns, sample.rows())


def chunks(table: Table) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Batches joined to 65,536 rows or 64 MB, so that a wide table costs few calls, each with its number of ragged lines."""
    waiting: list[pa.RecordBatch] = []
    ragged = 0
    for batch in table.batches():
        waiting.append(batch.table)
        ragged += len(batch.ragged)
        if sum(map(len, waiting)) >= CHUNK_ROWS or sum(part.nbytes for part in waiting) >= CHUNK_BYTES:
            yield pa.concat_batches(waiting), ragged
            waiting, ragged = [], 0
    if waiting:
        yield pa.concat_batches(waiting), ragged


def _stored(kind: pa.DataType) -> Stored:
    if pa.types.is_string(kind):
        return "text"
    if pa.types.is_null(kind):
        return "empty"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind) and not pa.types.is_interval(kind):
        return "date"
    return "unreadable"


def _mask(array: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(array.to_numpy(zero_copy_only=False), bool)
