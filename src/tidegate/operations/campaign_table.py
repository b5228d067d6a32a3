"""A scored file as a campaign reads it: ids, probabilities, values and who may not be contacted. It is used whole or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidegate.campaign.plan import Candidates
from tidegate.customers.columns import as_text, numbers_of
from tidegate.customers.ids import customer_ids
from tidegate.customers.load import RawBatch, Table, columns_of, open_table
from tidegate.customers.spec import Column, Money, TableSpec
from tidegate.errors import SpecRefused, TableRefused

PROBABILITY, VERSION, REFUSED = "churn_probability", "model_version", "refused"


@dataclass(frozen=True)
class ScoredTable:
    """n scored customers. `ids` as text, unique; `id_cells` as the file has them; `versions` the model that scored each, as text.

    `refused` rows of the file have no score, because scoring refused them; they are left out.
    """

    ids: list[str]
    id_cells: pa.ChunkedArray
    id_header: str
    candidates: Candidates
    versions: list[str]
    sha256: str
    refused: int


@dataclass(frozen=True)
class _Reading:
    """Which column of the file plays which part: number columns by the part they play."""

    table: Table
    spec: TableSpec
    positions: Mapping[str, int]
    numbers: Mapping[str, Column]


def read_scored(path: Path, spec: TableSpec, money: Money, progress: Callable[[int], None]) -> ScoredTable:
    """Every scored row of a scored file. Raises SpecRefused without an id, TableRefused with the row and column that cannot be used."""
    reading = _opened(path, spec, money)
    table, name = reading.table, str(spec.id)
    parts: dict[str, list[NDArray[np.float64]]] = {part: [] for part in (PROBABILITY, *reading.numbers)}
    ids: list[str] = []
    cells: list[pa.Array] = []
    versions: list[str] = []
    refused = 0
    for whole in table.batches():
        batch = _without_refused(reading, whole)
        refused += len(whole.table) - len(batch.table)
        for part, values in _numbers(reading, batch).items():
            parts[part].append(values)
        ids += _ids(reading, batch)
        cells.append(batch.table.column(reading.positions[name]))
        versions += _versions(reading, batch)
        progress(len(ids))
    if not ids:
        found = f"{refused:,} rows, all of them refused by scoring" if refused else "a header and no rows"
        raise TableRefused(f"{path.name} has {found}.", "Give a scored file with one row a customer.")
    _refuse_repeated(ids, path)
    candidates = _candidates({part: np.concatenate(values) for part, values in parts.items()}, money)
    return ScoredTable(ids, pa.chunked_array(cells), table.headers[reading.positions[name]], candidates, versions, table.sha256, refused)


def _opened(path: Path, spec: TableSpec, money: Money) -> _Reading:
    if spec.id is None:
        raise SpecRefused(f"The spec {spec.name!r} names no id, so nobody could be told apart.", "Add `id` to it, or give --spec FILE.")
    table = open_table(path)
    if PROBABILITY not in table.names:
        raise TableRefused(f"{path.name} lacks the column {PROBABILITY}.", "Score it first: tidegate score IN OUT.")
    named = {"value": money.customer_value_column, "opted_out": spec.opt_out, "last_contact": spec.last_contact}
    numbers = {part: spec.columns[name] for part, name in named.items() if name is not None}
    needed = (spec.id, PROBABILITY, *(column.name for column in numbers.values()))
    return _Reading(table, spec, columns_of(table, spec, needed), numbers)


def _without_refused(reading: _Reading, batch: RawBatch) -> RawBatch:
    """What `/predict-csv` marked as refused has no score and may have no id."""
    if REFUSED not in reading.positions:
        return batch
    marked = as_text(batch.table.column(reading.positions[REFUSED])).fill_null("")
    kept = pc.equal(pc.utf8_trim_whitespace(marked), "")
    return RawBatch(batch.table.filter(kept), batch.row_numbers[kept.to_numpy(zero_copy_only=False)], batch.ragged)


def _candidates(joined: Mapping[str, NDArray[np.float64]], money: Money) -> Candidates:
    probability = joined[PROBABILITY]
    value = joined["value"] if "value" in joined else np.full(len(probability), float(money.customer_value or 0.0))
    return Candidates(probability, value, joined.get("opted_out"), joined.get("last_contact"))


def _numbers(reading: _Reading, batch: RawBatch) -> dict[str, NDArray[np.float64]]:
    """The number columns of a batch by part. Raises TableRefused for the first cell that cannot be used."""
    for line in batch.ragged:
        raise TableRefused(
            f"{reading.table.path.name}: row {line.row:,} has {line.found} fields and the header {line.expected}.", "Repair that line."
        )
    # What means "missing" in the customers' table means nothing in a column that Tidegate wrote.
    plain = reading.spec.model_copy(update={"missing": ("",)})
    probability = numbers_of(batch.table.column(reading.positions[PROBABILITY]), Column(name=PROBABILITY, kind="number"), plain)
    usable = (probability >= 0) & (probability <= 1)
    _refuse_first(reading, batch, ~usable, PROBABILITY, "a number from 0 to 1")
    found = {PROBABILITY: probability}
    for part, column in reading.numbers.items():
        found[part] = numbers_of(batch.table.column(reading.positions[column.name]), column, reading.spec)
        kind = {"boolean": "true or false", "date": "a date like 2026-01-31"}.get(column.kind, "a number")
        _refuse_first(reading, batch, np.isinf(found[part]), column.name, kind)
    return found


def _ids(reading: _Reading, batch: RawBatch) -> list[str]:
    name = str(reading.spec.id)
    read = customer_ids(batch.table.column(reading.positions[name]), reading.spec)
    ids = [one for one in read if one is not None]
    if len(ids) < len(read):
        _refuse_first(reading, batch, np.array([one is None for one in read]), name, "an id")
    return ids


def _versions(reading: _Reading, batch: RawBatch) -> list[str]:
    if VERSION not in reading.positions:
        return ["unknown"] * len(batch.table)
    return [cell or "unknown" for cell in as_text(batch.table.column(reading.positions[VERSION])).to_pylist()]


def _refuse_first(reading: _Reading, batch: RawBatch, bad: NDArray[np.bool_], column: str, wanted: str) -> None:
    if bad.any():
        row = int(batch.row_numbers[np.flatnonzero(bad)[0]])
        raise TableRefused(f"{reading.table.path.name}: {column} of row {row:,} is not {wanted}.", "Correct it, or leave the row out.")


def _refuse_repeated(ids: list[str], path: Path) -> None:
    first: dict[str, int] = {}
    repeats = [row for row, one in enumerate(ids, 1) if first.setdefault(one, row) != row]
    if repeats:
        raise TableRefused(
            f"{path.name}: {len(repeats):,} rows repeat an id, row {repeats[0]:,} the first.", "Give one row a customer, the latest."
        )
