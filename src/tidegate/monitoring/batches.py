"""A batch: recent customers, admitted by the contract and scored by the champion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.admit import Tally, admit
from tidegate.customers.cells import rows_from_objects
from tidegate.customers.contract import breaches, outside_expected, refused_rows, warnings
from tidegate.customers.history import STRANGE, label_codes
from tidegate.customers.ids import customer_ids
from tidegate.customers.kept_rows import BATCH, UNKNOWN_LABEL, KeptRows
from tidegate.customers.load import RawBatch, columns_of, open_table
from tidegate.customers.quarantine import Quarantine
from tidegate.customers.rows import Rows, concatenate
from tidegate.customers.spec import TableSpec
from tidegate.errors import InputRefused, TableRefused
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.predictions import Prediction
from tidegate.monitoring.order import named_time


@dataclass(frozen=True)
class Batch:
    """Customers seen at one time. `kept` holds the valid ones with the champion's probability; `customers` their ids as the ledger knows
    them (object (n,), keyed hash or None); `strange_labels` counts labels that are neither of the spec's words, read as not known.
    """

    name: str
    sha256: str
    seen_at: datetime
    kept: KeptRows
    customers: NDArray[np.object_]
    tally: Tally
    strange_labels: int
    quarantine: Path | None


def read_batch(path: Path, title: str, scorer: Scorer, key: bytes, quarantine: Path, now: datetime) -> Batch:
    """A batch from a CSV or Parquet file; refused rows go to the quarantine file and are counted, however many they are.

    `key` turns ids into those of the ledger. It was seen at the time in its `title` (the file's name), else now. Raises TableRefused for
    a table of another kind or without rows, InputRefused for a time that is still to come.
    """
    spec = scorer.contract.spec
    seen_at = named_time(title) or now
    if seen_at > now:
        raise InputRefused(
            f"{title} is dated {seen_at:%Y-%m-%d %H:%M}, which is still to come.", "Correct its name, or this machine's clock."
        )
    table, tally = open_table(path), Tally()
    positions = columns_of(table, spec, tuple(column.name for column in spec.feature_columns))
    parts: list[Rows] = []
    ids: list[str | None] = []
    labels: list[NDArray[np.int8]] = []
    with Quarantine(quarantine) as refused:
        for batch in table.batches():
            admitted = admit(scorer.contract, batch, positions, tally)
            refused.add(admitted.refusals)
            parts.append(admitted.rows)
            labels.append(_labels(batch, positions, spec)[admitted.kept])
            ids += _ids(batch.table, positions, spec, admitted.kept)
        count = refused.count
    if not tally.read:
        raise TableRefused(f"{title} has a header and no rows.", "Give a batch with one row a customer.")
    rows = concatenate(parts, scorer.contract.layout)
    label = np.concatenate(labels)
    stem = Path(title).stem
    about = {"batch": stem, "sha256": table.sha256, "seen_at": seen_at.isoformat(), "version": scorer.version, "digest": scorer.digest}
    known = np.where(label == STRANGE, UNKNOWN_LABEL, label).astype(np.int8)
    kept = KeptRows(rows, np.array(ids, object), known, np.full(len(known), BATCH, object), score(scorer, rows), about)
    customers = np.array([None if one is None else customer_hash(key, one) for one in ids], object)
    return Batch(stem, table.sha256, seen_at, kept, customers, tally, int((label == STRANGE).sum()), quarantine if count else None)


def as_before(batch: Batch, name: str, sha256: str, seen_at: datetime) -> Batch:
    """A batch that came before, with the name, digest and time of then: judged anew it is kept once, and its labels' time runs on."""
    about = {**batch.kept.about, "batch": name, "sha256": sha256, "seen_at": seen_at.isoformat()}
    return replace(batch, name=name, sha256=sha256, seen_at=seen_at, kept=replace(batch.kept, about=about))


def window_batch(predictions: Sequence[Prediction], scorer: Scorer, since: datetime, until: datetime) -> Batch:
    """A batch from what the service scored from `since` to before `until`; scored again by the present champion."""
    contract, tally = scorer.contract, Tally(read=len(predictions))
    names = {column.name for column in contract.spec.feature_columns}
    decoded = [json.loads(one.row) for one in predictions]
    fitting = np.array([names <= row.keys() for row in decoded], bool) if decoded else np.zeros(0, bool)
    rows = rows_from_objects(contract, [row for row, fits in zip(decoded, fitting, strict=True) if fits])
    valid = ~refused_rows(breaches(contract, rows), len(rows))
    rows = rows.take(valid)
    tally.quarantined = tally.read - len(rows)
    tally.add(warnings(contract, rows), tally.warned)
    tally.add(outside_expected(contract, rows), tally.outside_expected)
    kept_places = np.flatnonzero(fitting)[valid]
    name = f"ledger-{since:%Y%m%dT%H%M%S}-{until:%Y%m%dT%H%M%S}"
    about = {"batch": name, "seen_at": until.isoformat(), "version": scorer.version, "digest": scorer.digest}
    count = len(rows)
    nobody, unknown = np.full(count, None, object), np.full(count, UNKNOWN_LABEL, np.int8)
    kept = KeptRows(rows, nobody, unknown, np.full(count, BATCH, object), score(scorer, rows), about)
    customers = np.array([predictions[place].customer for place in kept_places.tolist()], object)
    return Batch(name, "", until, kept, customers, tally, 0, None)


def _labels(batch: RawBatch, positions: Mapping[str, int], spec: TableSpec) -> NDArray[np.int8]:
    """As `label_codes`; all not known where the batch has no such column."""
    if spec.label is None or spec.label not in positions:
        return np.full(len(batch.table), UNKNOWN_LABEL, np.int8)
    return label_codes(batch, positions, spec)


def _ids(table: pa.RecordBatch, positions: Mapping[str, int], spec: TableSpec, kept: NDArray[np.bool_]) -> list[str | None]:
    if spec.id is None or spec.id not in positions:
        return [None] * int(kept.sum())
    return customer_ids(table.column(positions[spec.id]).filter(pa.array(kept)), spec)
