"""A labelled table in memory: what training learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidegate.customers.admit import Tally, admit, guard_share
from tidegate.customers.cells import repaired
from tidegate.customers.columns import as_text, numbers_of
from tidegate.customers.contract import Breach, compile_contract
from tidegate.customers.load import RawBatch, columns_of, open_table
from tidegate.customers.quarantine import Quarantine
from tidegate.customers.rows import Rows, concatenate
from tidegate.customers.spec import TableSpec
from tidegate.errors import SpecRefused, TableRefused

UNLABELLED, STRANGE = -1, -2


@dataclass(frozen=True)
class History:
    """Valid, labelled customers in file order, and what was left out.

    `label`: int8 (n,), 1 left, 0 stayed. `ids`, `groups`: object (n,) of text or None, absent where the spec names no such column.
    `times`: float64 (n,). `row_numbers`: int64 (n,) from 1. `unlabelled` rows are valid but say nothing yet: they are not "stayed".
    """

    rows: Rows
    label: NDArray[np.int8]
    ids: NDArray[np.object_] | None
    groups: NDArray[np.object_] | None
    times: NDArray[np.float64] | None
    row_numbers: NDArray[np.int64]
    unlabelled: int
    tally: Tally
    sha256: str
    warnings: tuple[str, ...]


def load_history(path: Path, spec: TableSpec, quarantine: Path, most_bad: float, progress: Callable[[int], None] | None = None) -> History:
    """Every valid labelled row of a file; refused ones go to the quarantine file. Raises TableRefused or SpecRefused."""
    if spec.label is None:
        raise SpecRefused(f"The spec {spec.name!r} names no label.", "Add `label` and `positive` to train with it.")
    table, contract = open_table(path), compile_contract(spec)
    roles = tuple(name for name in (spec.label, spec.id, spec.time, spec.group) if name)
    positions = columns_of(table, spec, (*(column.name for column in spec.feature_columns), *roles))
    tally, parts = Tally(), _Parts()
    with Quarantine(quarantine) as refused:
        for batch in table.batches():
            label = label_codes(batch, positions, spec)
            admitted = admit(contract, batch, positions, tally, _label_breaches(label, spec))
            refused.add(admitted.refusals)
            guard_share(tally, most_bad, path.name)
            parts.add(admitted.rows, label[admitted.kept], batch, admitted.kept, positions, spec)
            if progress:
                progress(tally.read)
        if not tally.read:
            raise TableRefused(f"{path.name} has a header and no rows.", "Give a table with one row a customer.")
        guard_share(tally, most_bad, path.name, final=True)
    return parts.history(concatenate(parts.rows, contract.layout), tally, table.sha256)


def label_codes(batch: RawBatch, positions: Mapping[str, int], spec: TableSpec) -> NDArray[np.int8]:
    """int8 (n,): 1 left, 0 stayed, UNLABELLED missing, STRANGE neither of the values that the spec names."""
    column = as_text(batch.table.column(positions[str(spec.label)]))
    encoded = pc.dictionary_encode(column)
    declared = spec.columns.get(str(spec.label))
    meanings = [_label(cell if declared is None else repaired(cell, declared), spec) for cell in encoded.dictionary.to_pylist()]
    codes = np.array([*meanings, UNLABELLED], np.int8)
    return codes[np.asarray(pc.fill_null(encoded.indices, len(codes) - 1).to_numpy(zero_copy_only=False), np.int64)]


def _label(text: str, spec: TableSpec) -> int:
    if text == spec.positive:
        return 1
    if text in spec.missing or not text.strip():
        return UNLABELLED
    return 0 if spec.negative is None or text == spec.negative else STRANGE


def _label_breaches(label: NDArray[np.int8], spec: TableSpec) -> list[Breach]:
    strange = np.flatnonzero(label == STRANGE)
    return [Breach(str(spec.label), "label", f"{spec.positive!r} or {spec.negative!r}", strange)] if strange.size else []


class _Parts:
    """Columns of the batches so far."""

    def __init__(self) -> None:
        self.rows: list[Rows] = []
        self.columns: dict[str, list[NDArray[np.generic]]] = {}

    def add(
        self, rows: Rows, label: NDArray[np.int8], batch: RawBatch, kept: NDArray[np.bool_], positions: Mapping[str, int], spec: TableSpec
    ) -> None:
        self.rows.append(rows)
        self._append("label", label)
        self._append("row_numbers", batch.row_numbers[kept])
        for role in ("id", "group"):
            name = getattr(spec, role)
            if name:
                self._append(role, _texts(batch.table.column(positions[name]), spec)[kept])
        if spec.time:
            self._append("time", numbers_of(batch.table.column(positions[spec.time]), spec.columns[spec.time], spec)[kept])

    def _append(self, name: str, values: NDArray[np.generic]) -> None:
        self.columns.setdefault(name, []).append(values)

    def history(self, rows: Rows, tally: Tally, sha256: str) -> History:
        joined = {name: np.concatenate(parts) for name, parts in self.columns.items()}
        label = joined["label"]
        known = label != UNLABELLED
        ids = joined["id"][known] if "id" in joined else None
        return History(
            rows=rows.take(known),
            label=label[known].astype(np.int8),
            ids=ids,
            groups=joined["group"][known] if "group" in joined else None,
            times=joined["time"][known].astype(np.float64) if "time" in joined else None,
            row_numbers=joined["row_numbers"][known].astype(np.int64),
            unlabelled=int((~known).sum()),
            tally=tally,
            sha256=sha256,
            warnings=tuple(_duplicates(ids, label[known])) if ids is not None else (),
        )


def _texts(array: pa.Array, spec: TableSpec) -> NDArray[np.object_]:
    return np.array([None if cell is None or cell in spec.missing else cell for cell in as_text(array).to_pylist()], dtype=object)


def _duplicates(ids: NDArray[np.object_], label: NDArray[np.generic]) -> list[str]:
    """What is odd about ids: missing ones, repeated ones, and ids whose rows disagree about the label."""
    found: dict[str, set[int]] = {}
    repeated = missing = 0
    for customer, outcome in zip(ids, label.tolist(), strict=True):
        if customer is None:
            missing += 1
            continue
        outcomes = found.setdefault(customer, set())
        repeated += bool(outcomes)
        outcomes.add(outcome)
    conflicting = sum(len(outcomes) > 1 for outcomes in found.values())
    notes = []
    if missing:
        notes.append(f"{missing:,} rows have no id.")
    if repeated:
        notes.append(f"{repeated:,} rows repeat an id; {conflicting:,} ids have rows that disagree about the label.")
    return notes
