"""Files → raw batches: CSV and Parquet, streamed in flat memory, every row numbered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from tidegate.customers import csv_stream
from tidegate.customers.csv_stream import CsvStream
from tidegate.customers.dialect import MOST_COLUMNS, Dialect, sniff, swallowing_row
from tidegate.customers.names import snake_case
from tidegate.customers.spec import TableSpec
from tidegate.errors import TableRefused, TooLarge

PARQUET_ROWS = 1 << 15
# Of one batch once it is unpacked; a Parquet file of kilobytes may unpack to any number of gigabytes.
_BATCH_BYTES = 1 << 23
# Column chunks that zeros fill reach ten thousandfold, customers hardly a hundred.
_LARGEST_EXPANSION, _EXPANSION_FROM_BYTES = 1_000, 1 << 26


@dataclass(frozen=True)
class Ragged:
    """A line whose number of fields is not the header's: row number (1 = first customer), fields expected and found."""

    row: int
    expected: int
    found: int


@dataclass(frozen=True)
class RawBatch:
    """Consecutive customers as the file has them: `table` with positional columns, `row_numbers` int64 (n,) from 1, ragged lines apart."""

    table: pa.RecordBatch
    row_numbers: NDArray[np.int64]
    ragged: tuple[Ragged, ...] = ()


@dataclass(frozen=True)
class Table:
    """An opened customer table. `names` are the headers in snake_case; `batches()` starts a fresh pass."""

    path: Path
    headers: tuple[str, ...]
    names: tuple[str, ...]
    encoding: str
    sha256: str
    batches: Callable[[], Iterator[RawBatch]] = field(repr=False)


def open_table(path: Path) -> Table:
    """A table from a CSV or Parquet file, told apart by content. Raises TableRefused with the place and the remedy."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise TableRefused(f"{path} is not a regular file, and a table is read more than once.", "Save it to a file first.")
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start == b"PAR1":
            return _open_parquet(path)
        return _open_csv(path)
    except FileNotFoundError:
        raise TableRefused(f"{path} does not exist.", "Give the path of a CSV or Parquet file.") from None
    except IsADirectoryError:
        raise TableRefused(f"{path} is a folder.", "Give the path of a CSV or Parquet file.") from None
    except OSError as error:
        raise TableRefused(f"{path} cannot be read: {error.strerror or 'input/output error'}.", "Check the file and its rights.") from None


def columns_of(table: Table, spec: TableSpec, needed: tuple[str, ...]) -> Mapping[str, int]:
    """Position of each column by snake_case name. Raises TableRefused where a needed one is absent or two headers collide."""
    absent = [name for name in needed if name not in table.names]
    if absent:
        shown = ", ".join(absent[:8]) + (f" and {len(absent) - 8} more" if len(absent) > 8 else "")
        raise TableRefused(
            f"{table.path.name} lacks {'the column' if len(absent) == 1 else 'columns'} {shown}.",
            f"Give a table that fits the spec {spec.name!r}, or another spec.",
        )
    for name in {*needed, *(role for role in (spec.id,) if role)}:
        if table.names.count(name) > 1:
            twins = " and ".join(repr(h) for h, n in zip(table.headers, table.names, strict=True) if n == name)
            raise TableRefused(f"{table.path.name} has the column {name} more than once ({twins}).", "Rename or drop one of them.")
    return {name: position for position, name in reversed(list(enumerate(table.names))) if name}


def _open_csv(path: Path) -> Table:
    dialect = sniff(path)
    names = tuple(snake_case(header) for header in dialect.headers)
    return Table(path, dialect.headers, names, dialect.encoding, dialect.sha256, lambda: _csv_batches(path, dialect))


def _csv_batches(path: Path, dialect: Dialect) -> Iterator[RawBatch]:
    ragged: list[Ragged] = []
    notes: list[str] = []
    long_cells: list[bool] = []

    def on_ragged(row: pyarrow.csv.InvalidRow) -> str:
        if row.text.startswith(("<<<<<<< ", ">>>>>>> ", "=======")):
            notes.append(f"row {row.number - 1} is a merge-conflict marker")
        if dialect.quotes and ("\n" in row.text or "\r" in row.text):
            long_cells.append(True)
        ragged.append(Ragged(row.number - 1, row.expected_columns, row.actual_columns))
        return "skip"

    if dialect.quotes % 2:
        _refuse_swallowing(path, dialect)
    try:
        with CsvStream(path, dialect, on_ragged) as stream:
            checked = False
            for batch in _numbered(stream, ragged, path, notes, dialect):
                if dialect.quotes and not checked and (long_cells or _holds_line_end(batch.table)):
                    _refuse_swallowing(path, dialect)
                    checked = True
                yield batch
    except UnicodeDecodeError:
        fault = f"{path.name} is not {dialect.encoding} to its end, which it was a moment ago"
        raise TableRefused(f"{fault}: it is being written, or was cut.", "Read it again once it is whole.") from None
    except pa.ArrowInvalid as error:
        # Arrow's own sentence may quote the row that it stumbled over.
        if "Empty CSV" in str(error):
            return
        if dialect.quotes:
            _refuse_swallowing(path, dialect)
        too_long = f"one of its lines is longer than {csv_stream.BLOCK_BYTES:,} bytes"
        fault = too_long if "straddl" in str(error) else "its quotes are out of place"
        raise TableRefused(f"{path.name} cannot be read as CSV: {fault}.", "Check its quotes, or export it again.") from None


def _holds_line_end(batch: pa.RecordBatch) -> bool:
    return any(pc.any(pc.match_substring_regex(column, r"[\r\n]")).as_py() for column in batch.columns)


def _refuse_swallowing(path: Path, dialect: Dialect) -> None:
    row = swallowing_row(path, dialect)
    if row is not None:
        place = f"row {row}" if row else "the header"
        raise TableRefused(
            f"{path.name}: a quote opened in {place} is never properly closed.", "Close it, and double every quote inside a quoted cell."
        )


def _numbered(stream: CsvStream, ragged: list[Ragged], path: Path, notes: list[str], dialect: Dialect) -> Iterator[RawBatch]:
    following = 0  # the header is row 0
    last: pa.RecordBatch | None = None
    for batch in stream:
        stream.check()
        _refuse_noted(notes, path)
        if not len(batch):
            continue
        # The parser reads ahead: a ragged line may belong to a later batch.
        numbers = np.arange(following, following + len(batch) + len(ragged), dtype=np.int64)
        numbers = numbers[~np.isin(numbers, [line.row for line in ragged])][: len(batch)]
        mine = tuple(line for line in ragged if line.row < numbers[-1])
        ragged[:] = ragged[len(mine) :]
        if following == 0:
            batch, numbers = batch.slice(1), numbers[1:]
        following = int(numbers[-1]) + 1 if len(numbers) else 1
        last = batch if len(batch) else last
        yield RawBatch(batch, numbers, mine)
    stream.check()
    _refuse_noted(notes, path)
    if ragged:
        yield RawBatch(last.slice(0, 0) if last is not None else _no_rows(dialect), np.empty(0, np.int64), tuple(ragged))


def _no_rows(dialect: Dialect) -> pa.RecordBatch:
    names = [f"f{position}" for position in range(len(dialect.headers))]
    return pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in names], names=names)


def _refuse_noted(notes: list[str], path: Path) -> None:
    if notes:
        raise TableRefused(f"{path.name}: {notes[0]}.", "Repair the file at that row.")


def _open_parquet(path: Path) -> Table:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema, metadata = file.schema_arrow, file.metadata
            headers = tuple(schema.names)
            expands = any(_expands(metadata.row_group(group)) for group in range(metadata.num_row_groups))
    except (pa.ArrowException, OSError, ValueError):
        raise TableRefused(
            f"{path.name} is a damaged or truncated Parquet file.", "Write it again; its end is missing or broken."
        ) from None
    if len(schema) > MOST_COLUMNS:
        raise TooLarge(f"{path.name} has {len(schema):,} columns; at most {MOST_COLUMNS:,} are read.", "Drop the columns not needed.")
    if expands:
        raise TableRefused(f"{path.name} unpacks to more than {_LARGEST_EXPANSION:,} times its size.", "Write it without compression.")
    with path.open("rb") as raw:
        sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
    return Table(path, headers, tuple(snake_case(header) for header in headers), "parquet", sha256, lambda: _parquet_batches(path, schema))


def _expands(group: pyarrow.parquet.RowGroupMetaData) -> bool:
    chunks = (group.column(position) for position in range(group.num_columns))
    return any(one.total_uncompressed_size > max(_EXPANSION_FROM_BYTES, _LARGEST_EXPANSION * one.total_compressed_size) for one in chunks)


def _parquet_batches(path: Path, schema: pa.Schema) -> Iterator[RawBatch]:
    following = 1
    # Texts stay coded until their length is known: a dictionary of one long text and a million references to it is a small file.
    coded = [column.name for column in schema if _is_long(column.type)]
    rows = max(1, min(PARQUET_ROWS, _BATCH_BYTES // max(1, _fixed_width(schema))))
    try:
        with pyarrow.parquet.ParquetFile(path, read_dictionary=coded) as file:
            for batch in file.iter_batches(batch_size=rows, use_threads=False):
                for part in _small_enough(batch, path, following):
                    yield RawBatch(_plain(part), np.arange(following, following + len(part), dtype=np.int64))
                    following += len(part)
    except (pa.ArrowException, OSError, ValueError):
        raise TableRefused(f"{path.name} is damaged after row {following - 1:,}.", "Write the Parquet file again.") from None


def _fixed_width(schema: pa.Schema) -> int:
    """Bytes of one row in the columns whose values all have the same width."""
    width = 0
    for column in schema:
        try:
            width += column.type.bit_width // 8
        except ValueError:  # texts, lists
            continue
    return width


def _small_enough(batch: pa.RecordBatch, path: Path, following: int) -> Iterator[pa.RecordBatch]:
    """The batch in parts whose texts are short enough to be unpacked. Raises TableRefused for a row that is too long by itself."""
    texts = np.zeros(len(batch), np.int64)
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and _is_long(column.type.value_type):
            column.validate(full=True)
            lengths = pc.binary_length(column.dictionary).cast(pa.int64()).take(column.indices)
            texts += pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False)
    if len(texts) and texts.max() > csv_stream.BLOCK_BYTES:
        row = following + int(texts.argmax())
        raise TableRefused(f"{path.name}: row {row:,} is longer than {csv_stream.BLOCK_BYTES:,} bytes.", "Shorten its texts.")
    ends = np.flatnonzero(np.diff(np.cumsum(texts) // _BATCH_BYTES)) + 1
    for start, end in zip([0, *ends.tolist()], [*ends.tolist(), len(batch)], strict=True):
        yield batch.slice(start, end - start)


def _is_long(kind: pa.DataType) -> bool:
    """Whether a value may have any length."""
    return _is_text(kind) or bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Dictionary-coded and large strings as plain ones, so that one reading fits all."""
    arrays = []
    for array in batch.columns:
        array.validate(full=True)  # a damaged page may hold texts that are none
        kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
        arrays.append(array.cast(pa.string()) if _is_text(kind) else array.cast(kind) if kind != array.type else array)
    return pa.RecordBatch.from_arrays(arrays, names=[f"f{position}" for position in range(len(arrays))])
