"""Raw batch + contract → valid rows, and what was refused and why: the gate every file passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tidegate.customers.columns import Repairs, rows_from_arrow
from tidegate.customers.contract import Breach, Contract, breaches, outside_expected, refused_rows, warnings
from tidegate.customers.load import RawBatch
from tidegate.customers.rows import Rows
from tidegate.errors import TableRefused

EARLY_STOP_ROWS = 10_000


@dataclass(frozen=True)
class Refusal:
    """One refused cell: row number (from 1), column, rule, what was expected, and the kind of value found (never the value)."""

    row: int
    column: str
    rule: str
    expects: str
    kind: str


@dataclass
class Tally:
    """What the gate saw, for people and for `--json`."""

    read: int = 0
    quarantined: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, int] = field(default_factory=dict)
    warned: dict[str, int] = field(default_factory=dict)
    outside_expected: dict[str, int] = field(default_factory=dict)

    def add(self, counts: Mapping[str, int], to: dict[str, int]) -> None:
        """Add counts by name."""
        for name, count in counts.items():
            to[name] = to.get(name, 0) + count


@dataclass(frozen=True)
class Admitted:
    """Valid rows of one batch with their place in it: `kept` masks the batch (n,), `rows` holds its true entries."""

    batch: RawBatch
    kept: NDArray[np.bool_]
    rows: Rows
    refusals: tuple[Refusal, ...]


def admit(contract: Contract, batch: RawBatch, positions: Mapping[str, int], tally: Tally, extra: list[Breach] | None = None) -> Admitted:
    """Judge a batch. `positions` maps column names to places in it; `extra` adds breaches found elsewhere (labels). Updates the tally."""
    repairs = Repairs(tally.repaired)
    named = _named(contract, batch.table, positions)
    rows = rows_from_arrow(contract, named, repairs)
    found = breaches(contract, rows) + (extra or [])
    refused = refused_rows(found, len(rows))
    kept_rows = rows.take(~refused) if refused.any() else rows
    refusals = tuple(_refusals(found, batch, positions)) + tuple(
        Refusal(line.row, "", "fields", f"{line.expected} fields", f"{line.found} fields") for line in batch.ragged
    )
    tally.read += len(rows) + len(batch.ragged)
    tally.quarantined += int(refused.sum()) + len(batch.ragged)
    tally.add(warnings(contract, kept_rows), tally.warned)
    tally.add(outside_expected(contract, kept_rows), tally.outside_expected)
    for refusal in refusals:
        tally.add({f"{refusal.column or 'line'}: {refusal.rule}": 1}, tally.rules)
    return Admitted(batch, ~refused, kept_rows, refusals)


def guard_share(tally: Tally, most: float, place: str, final: bool = False) -> None:
    """Raise TableRefused once more than the share `most` of the rows was quarantined (judged after 10,000 rows and at the end)."""
    if (final or tally.read >= EARLY_STOP_ROWS) and tally.quarantined > most * tally.read:
        rule, count = max(tally.rules.items(), key=lambda item: item[1], default=("", 0))
        raise TableRefused(
            f"{place}: {tally.quarantined:,} of {tally.read:,} rows break the contract, most often {rule} ({count:,} rows); "
            f"at most {most:.0%} may.",
            "Look at the quarantine file, then correct the table or the spec, or raise TIDEGATE_MAX_BAD_SHARE.",
        )


def _named(contract: Contract, table: pa.RecordBatch, positions: Mapping[str, int]) -> pa.RecordBatch:
    names = [column.name for column in contract.spec.feature_columns]
    return pa.RecordBatch.from_arrays([table.column(positions[name]) for name in names], names=names)


def _refusals(found: list[Breach], batch: RawBatch, positions: Mapping[str, int]) -> Iterator[Refusal]:
    for breach in found:
        cells = batch.table.column(positions[breach.column]) if breach.column in positions else None
        for row in breach.rows:
            kind = _kind_in(cells, int(row)) if cells is not None else "row"
            yield Refusal(int(batch.row_numbers[row]), breach.column, breach.rule, breach.expects, kind)


def _kind_in(cells: pa.Array, row: int) -> str:
    """The kind of one cell. Only texts are converted: Python holds neither every time of Arrow nor every text of a damaged file."""
    kind = cells.type
    if not cells[row].is_valid:
        return "null"
    if pa.types.is_string(kind):
        return kind_of(cells[row].as_py())
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_temporal(kind):
        return "time" if pa.types.is_time(kind) or pa.types.is_duration(kind) else "date"
    return "object" if pa.types.is_struct(kind) or pa.types.is_map(kind) else "list" if pa.types.is_nested(kind) else "bytes"


def kind_of(value: object) -> str:
    """What a value is, for people, without saying the value.

    >>> kind_of(""), kind_of("many"), kind_of("-5"), kind_of(None), kind_of(True), kind_of([1])
    ('empty', 'text', 'number', 'null', 'boolean', 'list')
    """
    if isinstance(value, str):
        if not value.strip():
            return "empty"
        try:
            float(value)
        except ValueError:
            return "text"
        return "number"
    names = {bool: "boolean", int: "number", float: "number", type(None): "null", list: "list", dict: "object"}
    return names.get(type(value), type(value).__name__)
