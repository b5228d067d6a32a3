"""A customer table through a scorer, batch by batch in flat memory: what `score` writes and `/predict-csv` streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.admit import Admitted, Tally, admit, guard_share
from tidegate.customers.formulas import neutralised, neutralised_header
from tidegate.customers.load import Table, columns_of
from tidegate.errors import TableRefused

VERSION = "model_version"
ADDED = ("churn_probability", "churn_prediction", VERSION, "refused")


@dataclass(frozen=True)
class ScoredBatch:
    """One batch: what the gate admitted, and for each admitted row (kept,) its probability, prediction (0 or 1) and version."""

    admitted: Admitted
    probability: NDArray[np.float64]
    prediction: NDArray[np.int64]
    versions: tuple[str, ...]


def score_batches(scorer: Scorer, table: Table, tally: Tally, most_bad: float | None) -> Iterator[ScoredBatch]:
    """Score a table. Raises TableRefused for a table that does not fit, has no rows, or (with `most_bad`) too many bad ones."""
    spec = scorer.contract.spec
    positions = columns_of(table, spec, tuple(column.name for column in spec.feature_columns))
    for batch in table.batches():
        if not len(batch.table) and not batch.ragged:
            continue
        admitted = admit(scorer.contract, batch, positions, tally)
        if most_bad is not None:
            guard_share(tally, most_bad, table.path.name)
        probability = score(scorer, admitted.rows)
        flagged = (probability >= scorer.manifest.threshold).astype(np.int64)
        yield ScoredBatch(admitted, probability, flagged, (scorer.version,) * len(probability))
    if not tally.read:
        raise TableRefused(f"{table.path.name} has a header and no rows.", "Give a table with one row a customer.")
    if most_bad is not None:
        guard_share(tally, most_bad, table.path.name, final=True)


def output_schema(table: Table) -> tuple[list[int], list[str]]:
    """Positions of the input's columns that are kept (not those a former scoring added) and their headers, safe for spreadsheets."""
    former = _former_reasons(table.headers)
    kept = [position for position, header in enumerate(table.headers) if header not in ADDED and position not in former]
    return kept, [neutralised_header(table.headers[position]) for position in kept]


def _former_reasons(headers: Sequence[str]) -> range:
    """Where a former scoring wrote reasons: `reason_1`, `reason_2` … right behind the version. Elsewhere such a name is the table's own."""
    first = headers.index(VERSION) + 1 if VERSION in headers else len(headers)
    count = 0
    while first + count < len(headers) and headers[first + count] == reason_header(count + 1):
        count += 1
    return range(first, first + count)


def reason_header(number: int) -> str:
    """The header of the `number`-th strongest reason, from 1."""
    return f"reason_{number}"


def scored_columns(scored: ScoredBatch, table: Table, with_refused: bool = False) -> pa.RecordBatch:
    """The input's columns and the answer: probability, prediction, version. `with_refused` keeps refused rows, marked with their rule."""
    kept, names = output_schema(table)
    arrays = [neutralised(_plain(scored.admitted.batch.table.column(position), table, position)) for position in kept]
    if with_refused:
        return _with_refused(scored, arrays, names)
    mask = scored.admitted.kept
    arrays = [array if mask.all() else array.filter(pa.array(mask)) for array in arrays]
    version = pa.array(scored.versions, pa.string())
    return _named([*arrays, pa.array(scored.probability), pa.array(scored.prediction), version], [*names, *ADDED[:3]])


def _with_refused(scored: ScoredBatch, arrays: list[pa.Array], names: list[str]) -> pa.RecordBatch:
    """Every line in the file's order: lines of another number of fields have no cells, only the reason."""
    mask, batch = scored.admitted.kept, scored.admitted.batch
    lines = np.concatenate([batch.row_numbers, np.array([line.row for line in batch.ragged], np.int64)])
    order = pa.array(np.argsort(lines, kind="stable"))
    spread_probability, spread_prediction = np.zeros(len(mask)), np.zeros(len(mask), np.int64)
    spread_probability[mask], spread_prediction[mask] = scored.probability, scored.prediction
    named = iter(scored.versions)
    version = pa.array([next(named) if keep else None for keep in mask.tolist()], pa.string())
    cells = [*arrays, pa.array(spread_probability, mask=~mask), pa.array(spread_prediction, mask=~mask), version]
    padded = [pa.concat_arrays([cell, pa.nulls(len(batch.ragged), cell.type)]).take(order) for cell in cells]
    return _named([*padded, _reasons(scored, lines).take(order)], [*names, *ADDED])


def _plain(array: pa.Array, table: Table, position: int) -> pa.Array:
    if pa.types.is_nested(array.type):
        raise TableRefused(
            f"{table.path.name}: the column {table.headers[position]!r} holds lists or structures.", "Drop it, or spread it over columns."
        )
    return array


def _named(arrays: list[pa.Array], names: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([(name, array.type) for name, array in zip(names, arrays, strict=True)]))


def _reasons(scored: ScoredBatch, lines: NDArray[np.int64]) -> pa.Array:
    """For each line (its number, int64) the first rule that refused it, or null."""
    first: dict[int, str] = {}
    for refusal in scored.admitted.refusals:
        first.setdefault(refusal.row, f"{refusal.column or 'line'}: {refusal.rule}, expected {refusal.expects}, found {refusal.kind}")
    return pa.array([first.get(number) for number in lines.tolist()], pa.string())
