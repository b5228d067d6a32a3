"""A scored file on disk, so that a page of it is read in milliseconds however long it is: nothing here knows Streamlit or an API.

`prepare` reads the CSV that the scoring API answered once, in flat memory, and writes beside it:

table.arrow        every line in the file's order: the table's own cells as text, probability (float64), prediction, version, refused
probability.npy    float64 (scored,), falling
position.npy       int64 (scored,): the place in the file of each of these, equal ones in the file's order
refused.npy        int64 (refused,): the places of the refused lines
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from tidegate.errors import InputRefused
from tidegate.ui.files.refusals import Refusal, refusal

ADDED = ("churn_probability", "churn_prediction", "model_version", "refused")
# Above the longest line that the API reads (1 MiB) with every quote of it doubled.
_BLOCK_BYTES = 1 << 22
_TYPES = {"churn_probability": pa.float64(), "churn_prediction": pa.int8()}
_TABLE, _REFUSED_CSV = "table.arrow", "refused.csv"


class NotScored(InputRefused):
    """What was answered is no scored file."""


@dataclass(frozen=True)
class Scored:
    """A prepared file. `headers` are the table's own; `starts`, int64 (batches + 1,), says where each batch begins, and last the length.

    `versions` counts rows by the version that scored them; `refusals` counts rows by the first rule that refused them.
    """

    folder: Path
    headers: tuple[str, ...]
    starts: NDArray[np.int64]
    versions: Mapping[str, int]
    refusals: Mapping[Refusal, int]

    @property
    def rows(self) -> int:
        """All lines but the header."""
        return int(self.starts[-1])

    @property
    def refused(self) -> int:
        """Lines without a probability."""
        return sum(self.refusals.values())

    @property
    def probability(self) -> NDArray[np.float64]:
        """Falling, float64 (scored,), mapped from the disk."""
        found: NDArray[np.float64] = np.load(self.folder / "probability.npy", mmap_mode="r")
        return found

    @property
    def position(self) -> NDArray[np.int64]:
        """Where each probability stands in the file, int64 (scored,) from 0, mapped from the disk."""
        found: NDArray[np.int64] = np.load(self.folder / "position.npy", mmap_mode="r")
        return found

    @property
    def refused_position(self) -> NDArray[np.int64]:
        """Where the refused lines stand in the file, int64 (refused,) from 0, mapped from the disk."""
        found: NDArray[np.int64] = np.load(self.folder / "refused.npy", mmap_mode="r")
        return found


def prepare(answer: Path) -> Scored:
    """Read the API's answer once, and write what pages are read from into its folder. Raises NotScored, and OSError for a full disk."""
    headers, starts, probabilities = _headers(answer), [0], []
    versions: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    names = [f"f{place}" for place in range(len(headers))]
    schema = pa.schema([*((name, pa.string()) for name in names), *((name, _TYPES.get(name, pa.string())) for name in ADDED)])
    with pa.OSFile(str(answer.parent / _TABLE), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        for batch in _batches(answer, schema):
            writer.write_batch(batch)
            starts.append(starts[-1] + len(batch))
            probabilities.append(batch.column("churn_probability").to_numpy(zero_copy_only=False))
            versions.update(_counts(batch.column("model_version")))
            refused.update(_counts(batch.column("refused")))
    _write_order(answer.parent, np.concatenate([*probabilities, np.empty(0)]))
    reasons: Counter[Refusal] = Counter()
    for text, count in refused.items():
        reasons[refusal(text)] += count
    return Scored(answer.parent, headers, np.array(starts, np.int64), dict(versions), dict(reasons.most_common()))


def rows_at(scored: Scored, positions: NDArray[np.int64], columns: Sequence[int] | None = None) -> pa.Table:
    """The lines at these places, in this order: the table's columns (or those, rising) as f0, f1 …, then what was added."""
    own = range(len(scored.headers)) if columns is None else columns
    wanted = [*own, *range(len(scored.headers), len(scored.headers) + len(ADDED))]
    batch_of = np.searchsorted(scored.starts, positions, side="right") - 1
    parts, places = [], []
    with _reader(scored, wanted) as reader:
        for number in np.unique(batch_of):
            mine = np.flatnonzero(batch_of == number)
            parts.append(reader.get_batch(int(number)).take(pa.array(positions[mine] - scored.starts[number])))
            places.append(mine)
        found = pa.Table.from_batches(parts, reader.schema)
    return found.take(pa.array(np.argsort(np.concatenate(places)))) if parts else found


def within(scored: Scored, ranges: Sequence[tuple[float, float]], holding: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Places of the lines whose probability is in one of the ranges (from, below; falling), highest first; `holding` (rows,) masks them."""
    probability, position = scored.probability, scored.position
    found = [position[slice(*_slice(probability, *bounds))] for bounds in ranges]
    places = np.concatenate([*found, np.empty(0, np.int64)]) if len(found) != 1 else found[0]
    return places if holding is None else places[holding[places]]


def holding(scored: Scored, column: int, text: str) -> NDArray[np.bool_]:
    """Mask (rows,) of the lines whose cell of that column holds the text, in large or small letters."""
    with _reader(scored, [column]) as reader:
        batches = (reader.get_batch(number).column(0) for number in range(reader.num_record_batches))
        masks = [pc.fill_null(pc.match_substring(cells, text, ignore_case=True), False) for cells in batches]
    return np.concatenate([*(mask.to_numpy(zero_copy_only=False) for mask in masks), np.empty(0, bool)])


def counts(scored: Scored, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many probabilities lie between each two edges (rising, (n,)), the lower one included and the upper one not, int64 (n - 1,)."""
    found: NDArray[np.int64] = np.diff(np.searchsorted(scored.probability[::-1], edges, side="left"))
    return found


def write_refused(scored: Scored) -> Path:
    """A CSV of the refused lines alone, as the API answered them, with their rows (1 = the first customer). Written once."""
    path = scored.folder / _REFUSED_CSV
    if path.exists():
        return path
    names = [*scored.headers, *ADDED, "row"]
    kept = [*range(len(scored.headers)), len(names) - 2, len(names) - 1]
    schema = pa.schema([(names[place], pa.int64() if names[place] is names[-1] else pa.string()) for place in kept])
    half = path.with_suffix(".half")
    with (
        _reader(scored) as reader,
        pyarrow.csv.CSVWriter(half, schema, write_options=pyarrow.csv.WriteOptions(quoting_style="needed")) as sink,
    ):
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            lines = pa.array(np.arange(len(batch)) + scored.starts[number] + 1)
            chosen = pc.is_valid(batch.column("refused"))
            cells = [*batch.columns, lines]
            sink.write_batch(pa.RecordBatch.from_arrays([cells[place].filter(chosen) for place in kept], schema=schema))
    half.replace(path)
    return path


def _headers(answer: Path) -> tuple[str, ...]:
    try:
        with answer.open(encoding="utf-8", newline="") as file:
            found = tuple(next(csv.reader(file), ()))
    except (UnicodeDecodeError, csv.Error):
        found = ()
    if found[-len(ADDED) :] != ADDED:
        raise NotScored("What the scoring API answered is no scored file.", "Look at what answers at its address.")
    return found[: -len(ADDED)]


def _batches(answer: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Lines of text as they stand, the header left out, what was added in its type; empty cells are null."""
    first = True
    try:
        with pyarrow.csv.open_csv(
            answer,
            read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=schema.names, block_size=_BLOCK_BYTES),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={name: pa.string() for name in schema.names},
                null_values=[""],
                strings_can_be_null=True,
            ),
        ) as reader:
            for batch in reader:
                lines = batch.slice(1) if first else batch
                first = False
                if len(lines):
                    yield pa.RecordBatch.from_arrays(
                        [cells.cast(one.type) for cells, one in zip(lines.columns, schema, strict=True)], schema=schema
                    )
    except pa.ArrowInvalid:
        # Arrow's own sentence may quote the row that it stumbled over.
        raise NotScored("What the scoring API answered cannot be read as a scored file.", "Score it again.") from None


def _counts(texts: pa.Array) -> dict[str, int]:
    return {str(one["values"]): int(one["counts"]) for one in pc.value_counts(texts.drop_null()).to_pylist()}


def _write_order(folder: Path, probability: NDArray[np.float64]) -> None:
    """`probability` (rows,) has NaN where a line was refused."""
    scored = np.flatnonzero(~np.isnan(probability))
    order = scored[np.argsort(-probability[scored], kind="stable")]
    np.save(folder / "probability.npy", probability[order])
    np.save(folder / "position.npy", order.astype(np.int64))
    np.save(folder / "refused.npy", np.flatnonzero(np.isnan(probability)).astype(np.int64))


def _slice(falling: NDArray[np.float64], low: float, high: float) -> tuple[int, int]:
    """From and to in falling probabilities, of those in [low, high)."""
    rising = falling[::-1]
    start, stop = np.searchsorted(rising, [high, low], side="left")
    return len(falling) - int(start), len(falling) - int(stop)


def _reader(scored: Scored, columns: Sequence[int] | None = None) -> pa.ipc.RecordBatchFileReader:
    options = pa.ipc.IpcReadOptions(included_fields=None if columns is None else list(columns))
    return pa.ipc.open_file(pa.memory_map(str(scored.folder / _TABLE)), options=options)
