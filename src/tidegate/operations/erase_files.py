"""Rows of erased customers in the tables that a home holds: each file is written again without them."""

from __future__ import annotations

import csv
import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from tidegate.customers.columns import as_text
from tidegate.customers.dialect import sniff
from tidegate.customers.names import snake_case
from tidegate.errors import TableRefused, TooLarge
from tidegate.home import Home, sync

Gone = Callable[[str], bool]
Rewriting = Callable[[Path, Path], None]
# No customer's row by construction: bundles and parcels are sealed with digests, the tracking server and the studies are databases.
_WITHOUT_ROWS = frozenset({"storage", "mlflow", "studies", "secrets", "scratch", "outbox"})
_TEXTS = frozenset({".csv", ".tsv", ".txt"})


@dataclass(frozen=True)
class FilesErased:
    """How many rows went, by the home's folder, and which tables could not be read (paths in the home)."""

    rows: dict[str, int]
    unread: tuple[str, ...]


def erase_from_files(home: Home, gone: Gone, rewriting: Rewriting | None = None) -> FilesErased:
    """Rewrite every table in the home that has a row whose id `gone` says yes to; the id column is the one a spec of the home names.

    `rewriting` is told of each table (its path, and the file that is about to take its place).
    """
    names = _id_names(home)
    rows: dict[str, int] = {}
    unread: list[str] = []
    for path in _tables(home):
        place = str(path.relative_to(home.root))
        try:
            count = (_parquet_without if path.suffix == ".parquet" else _text_without)(path, names, gone, rewriting)
        except (TableRefused, TooLarge, csv.Error, UnicodeError, pa.ArrowException, ValueError):
            unread.append(place)
            continue
        if count:
            rows[place.split("/")[0]] = rows.get(place.split("/")[0], 0) + count
    return FilesErased(rows, tuple(unread))


def _tables(home: Home) -> Iterator[Path]:
    for folder, folders, files in os.walk(home.root):
        if Path(folder) == home.root:
            folders[:] = [name for name in folders if name not in _WITHOUT_ROWS]
        paths = (Path(folder) / name for name in sorted(files) if not name.startswith("."))
        yield from (path for path in paths if path.suffix in _TEXTS | {".parquet"} and path.stat().st_size)


def _id_names(home: Home) -> frozenset[str]:
    found = {"customer_id"}
    for path in home.root.rglob("*.toml"):
        try:
            name = tomllib.loads(path.read_text(encoding="utf-8")).get("id")
        except (OSError, ValueError):
            continue
        if isinstance(name, str):
            found.add(snake_case(name))
    return frozenset(found)


def _text_without(path: Path, names: frozenset[str], gone: Gone, rewriting: Rewriting | None) -> int:
    dialect = sniff(path)
    positions = [place for place, header in enumerate(dialect.headers) if snake_case(header) in names]
    if not positions:
        return 0

    def condemned(row: list[str]) -> bool:
        return any(place < len(row) and gone(row[place]) for place in positions)

    with path.open(encoding=dialect.encoding, newline="") as file:
        count = sum(condemned(row) for row in csv.reader(file, delimiter=dialect.separator))
    if count:
        with path.open(encoding=dialect.encoding, newline="") as file, _replacing(path, rewriting) as part:
            end = "\r\n" if "\r\n" in file.readline() else "\n"
            file.seek(0)
            with part.open("w", encoding=dialect.encoding, newline="") as kept:
                writer = csv.writer(kept, delimiter=dialect.separator, lineterminator=end)
                writer.writerows(row for row in csv.reader(file, delimiter=dialect.separator) if not condemned(row))
    return count


def _parquet_without(path: Path, names: frozenset[str], gone: Gone, rewriting: Rewriting | None) -> int:
    with pyarrow.parquet.ParquetFile(path) as file:
        positions = [place for place, header in enumerate(file.schema_arrow.names) if snake_case(header) in names]
        if not positions:
            return 0
        table = file.read(use_threads=False)
    stays = pa.array([True] * len(table))
    for place in positions:
        column = pa.chunked_array([as_text(_plain(chunk)) for chunk in table.column(place).chunks], pa.string())
        stays = pc.and_(stays, pa.array([cell is None or not gone(cell) for cell in column.to_pylist()], pa.bool_()))
    kept = table.filter(stays)
    if len(kept) < len(table):
        with _replacing(path, rewriting) as part:
            pyarrow.parquet.write_table(kept, part)
    return len(table) - len(kept)


def _plain(array: pa.Array) -> pa.Array:
    return array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array


@contextmanager
def _replacing(path: Path, rewriting: Rewriting | None) -> Iterator[Path]:
    """A file beside `path` that takes its place, with its mode, when the block succeeds, and goes when it does not."""
    part = path.with_name(f".{path.name[-200:]}.{os.getpid()}.part")
    try:
        part.touch(mode=0o600)
        part.chmod(path.stat().st_mode & 0o777)
        yield part
        sync(part)
        if rewriting is not None:
            rewriting(path, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
