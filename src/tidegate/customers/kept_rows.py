"""Customers kept in the home: valid rows with what was said and is known of them, as one Parquet file.

Training keeps those a version learned from and was judged on (the reference of its drift), monitoring those of each batch until
their labels come. Erasure finds a person in both by `customer_id`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, Rows, layout_of
from tidegate.customers.spec import OTHER, Column, TableSpec
from tidegate.errors import HomeRefused
from tidegate.home import write_whole

UNKNOWN_LABEL = -1
TRAIN, HOLDOUT, BATCH = "train", "holdout", "batch"
# No column of a table can have these names: a dot is not snake_case, and `customer_id` is reserved.
_ID, _LABEL, _PART, _PROBABILITY = "customer_id", "tidegate.label", "tidegate.part", "tidegate.probability"
_ABOUT = b"tidegate"


@dataclass(frozen=True)
class KeptRows:
    """n customers as they were admitted.

    `ids`: object (n,) of text or None. `label`: int8 (n,), 1 left, 0 stayed, -1 not known. `part`: object (n,), `train`, `holdout` or
    `batch`. `probability`: float64 (n,) of leaving; for training rows out of fold, so that none was scored by a model that had seen it.
    `about`: what is known of all of them (text to text): version, digest, spec digest, `seen_at` of a batch.
    """

    rows: Rows
    ids: NDArray[np.object_]
    label: NDArray[np.int8]
    part: NDArray[np.object_]
    probability: NDArray[np.float64]
    about: Mapping[str, str]

    def __len__(self) -> int:
        """Number of customers."""
        return len(self.rows)

    def take(self, selection: NDArray[np.bool_] | NDArray[np.int64]) -> KeptRows:
        """Rows by mask or by position."""
        arrays = (self.ids[selection], self.label[selection], self.part[selection], self.probability[selection])
        return KeptRows(self.rows.take(selection), *arrays, self.about)


def write_kept(path: Path, spec: TableSpec, kept: KeptRows) -> None:
    """Write the file whole or not at all, readable by its owner only."""
    layout = layout_of(spec)
    columns: dict[str, pa.Array] = {
        _ID: pa.array(kept.ids, pa.string()),
        _LABEL: pa.array(kept.label, pa.int8()),
        _PART: pa.array(kept.part, pa.string()).dictionary_encode(),
        _PROBABILITY: pa.array(kept.probability, pa.float64()),
    }
    for place, column in enumerate(layout.number_columns):
        columns[column.name] = pa.array(kept.rows.numbers[place], pa.float64(), from_pandas=True)
    for place, column in enumerate(layout.category_columns):
        columns[column.name] = _texts(column, kept.rows.codes[place])
    about = {**kept.about, "spec_digest": spec.digest}
    table = pa.table(columns).replace_schema_metadata({_ABOUT: json.dumps(about).encode()})
    content = io.BytesIO()
    pyarrow.parquet.write_table(table, content, compression="zstd")
    write_whole(path, content.getvalue(), mode=0o600)


def read_kept(path: Path, spec: TableSpec) -> KeptRows:
    """The customers of a file, read with the spec they were written with. Raises HomeRefused where it is absent, damaged or of another."""
    remedy = "Restore it from a backup, or train again."
    try:
        table = pyarrow.parquet.read_table(path, use_threads=False)
        about = json.loads((table.schema.metadata or {})[_ABOUT])
    except (OSError, pa.ArrowException, KeyError, ValueError):
        raise HomeRefused(f"{path} is missing or cannot be read.", remedy) from None
    if about.get("spec_digest") != spec.digest:
        raise HomeRefused(f"{path} was written with another table spec.", remedy)
    layout, count = layout_of(spec), len(table)
    try:
        numbers = [_floats(table[column.name]) for column in layout.number_columns]
        codes = [_codes(column, table[column.name]) for column in layout.category_columns]
        return KeptRows(
            Rows(np.array(numbers).reshape(len(numbers), count), np.array(codes, np.int32).reshape(len(codes), count)),
            np.array(table[_ID].to_pylist(), object),
            table[_LABEL].to_numpy().astype(np.int8),
            np.array(table[_PART].to_pylist(), object),
            _floats(table[_PROBABILITY]),
            about,
        )
    except (KeyError, ValueError, pa.ArrowException):
        raise HomeRefused(f"{path} is not a file of kept customers.", remedy) from None


def about_kept(path: Path) -> Mapping[str, str]:
    """What is known of all customers of a file, without reading them; empty where it is no such file."""
    try:
        found = json.loads((pyarrow.parquet.read_schema(path).metadata or {})[_ABOUT])
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()}


def _texts(column: Column, codes: NDArray[np.int32]) -> pa.Array:
    levels = [*column.levels, OTHER]
    places = np.where(codes == OTHER_LEVEL, len(column.levels), codes)
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32(), mask=codes == MISSING_LEVEL), pa.array(levels, pa.string()))


def _codes(column: Column, cells: pa.ChunkedArray) -> NDArray[np.int32]:
    places: dict[str | None, int] = {OTHER: OTHER_LEVEL, None: MISSING_LEVEL}
    places.update((level, code) for code, level in enumerate(column.levels))
    joined = cells.combine_chunks()
    if not pa.types.is_dictionary(joined.type):
        joined = joined.dictionary_encode()
    meaning = np.array([*(places[level] for level in joined.dictionary.to_pylist()), MISSING_LEVEL], np.int32)
    return np.asarray(meaning[joined.indices.fill_null(len(meaning) - 1).to_numpy()], np.int32)


def _floats(cells: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(cells.to_numpy(), np.float64)
