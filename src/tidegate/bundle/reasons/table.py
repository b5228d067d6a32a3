"""Reasons in a scored file: columns of plain sentences behind the version, the strongest first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from tidegate.bundle.batches import output_schema, reason_header
from tidegate.bundle.reasons.customers import Explained, explain_rows, told
from tidegate.bundle.reasons.sources import sources_of
from tidegate.bundle.scorer import Scorer
from tidegate.customers.formulas import neutralised
from tidegate.customers.load import Table
from tidegate.customers.rows import Rows
from tidegate.errors import SettingRefused, TableRefused

ROWS_AT_ONCE = 4096


def require_reason_columns(scorer: Scorer, table: Table, most: int) -> None:
    """Raises SettingRefused where the model has no such number of reasons, TableRefused where a column of the table has their name."""
    sources = len(sources_of(scorer.contract))
    if not 0 <= most <= sources:
        raise SettingRefused(f"--reasons is not a whole number from 0 to {sources}, this model's columns and ratios.", "Give 3.")
    kept, _ = output_schema(table)
    taken = {table.headers[position] for position in kept} & {reason_header(number) for number in range(1, most + 1)}
    if taken:
        raise TableRefused(f"{table.path.name} already has a column {min(taken)!r}.", "Rename it, or score without --reasons.")


def with_reasons(columns: pa.RecordBatch, scorer: Scorer, rows: Rows, most: int) -> pa.RecordBatch:
    """The batch (n,) and behind it the `most` strongest reasons of `rows` (n,) as text; null where nothing more moved the answer."""
    sentences: list[list[str | None]] = [[] for _ in range(most)]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        explained = explain_rows(scorer, rows.take(np.arange(start, min(start + ROWS_AT_ONCE, len(rows)))))
        for row in range(len(explained.order)):
            for column, sentence in zip(sentences, _strongest(explained, row, most), strict=True):
                column.append(sentence)
    arrays = [*columns.columns, *(neutralised(pa.array(column, pa.string())) for column in sentences)]
    names = [*columns.schema.names, *(reason_header(number) for number in range(1, most + 1))]
    # By schema: two columns of a customer's table may share a name.
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([(name, one.type) for name, one in zip(names, arrays, strict=True)]))


def _strongest(explained: Explained, row: int, most: int) -> Iterator[str | None]:
    for place in explained.order[row, :most].tolist():
        yield told(explained, row, place) if explained.contributions[row, place] else None
