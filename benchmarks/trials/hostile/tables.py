"""Hostile customer tables, CSV and Parquet, made from a table that is none."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from trials.hostile.planted import Hostile, pickled

Make = Callable[[random.Random], Hostile]
UNPACKED_BYTES = 1 << 30


def hostile_makers(csv: bytes, marker: Path, seed: int) -> list[Make]:
    """One function for each kind, in an order by chance. What unpacks to a gigabyte is made once."""
    table = pyarrow.csv.read_csv(io.BytesIO(csv))
    parquet = _parquet(table)
    made = [*_texts(csv, marker), *_damaged(csv, "csv"), *_damaged(parquet, "parquet"), *_packed(csv, marker), *_parquets(table, marker)]
    random.Random(seed).shuffle(made)
    return made


def hostile_tables(makers: list[Make], seed: int, start: int, count: int) -> Iterator[Hostile]:
    """`count` files, of every kind in turn from the `start`-th; those of one kind differ by chance."""
    chance = random.Random(seed + start)
    return (make(chance) for make in islice(cycle(makers), start, start + count))


def _damaged(content: bytes, suffix: str) -> list[Make]:
    def truncated(chance: random.Random) -> Hostile:
        return Hostile(f"truncated {suffix}", f"cut.{suffix}", content[: chance.randrange(len(content))])

    def flipped(chance: random.Random) -> Hostile:
        changed = bytearray(content)
        for _ in range(chance.choice((1, 4, 64))):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        return Hostile(f"flipped {suffix}", f"flip.{suffix}", bytes(changed))

    def tail(chance: random.Random) -> Hostile:
        """The end, where Parquet keeps what it promises, in another order of magnitude."""
        changed = bytearray(content)
        for place in range(max(0, len(changed) - chance.choice((8, 64, 600))), len(changed) - 8 if suffix == "parquet" else len(changed)):
            if chance.random() < 0.1:
                changed[place] = chance.choice((0, 0xFF, 0x7F, 0x80))
        return Hostile(f"spoilt end of {suffix}", f"end.{suffix}", bytes(changed))

    return [truncated, flipped, tail]


def _texts(csv: bytes, marker: Path) -> list[Make]:
    header, _, rest = csv.partition(b"\n")
    first = rest.split(b"\n", 1)[0]
    run = f"=cmd|' /C touch {marker}'!A0".encode()
    fixed: dict[str, bytes] = {
        "formulas": header + b"\n" + b"\n".join(run + b"," + first.partition(b",")[2] for _ in range(20)) + b"\n",
        "an endless line": header + b"\n" + b"9" * (8 << 20),
        "an endless header": b"a" * (4 << 20),
        "an open quote": header + b'\n"' + rest,
        "quotes only": b'"' * 200_000,
        "a million columns": b",".join(b"c%d" % number for number in range(1_000_000)) + b"\n",
        "a million empty lines": header + b"\n" * 1_000_000,
        "NUL bytes": header + b"\n" + rest.replace(b",", b",\0", 50),
        "nothing": b"",
        "one byte": b"\xff",
        "no header": b"\n\n\n" + rest,
        "the same header twice": header + b"," + header + b"\n" + first + b"," + first + b"\n",
        "UTF-16": csv.decode().encode("utf-16"),
        "half of UTF-16": csv.decode().encode("utf-16")[:-1],
        "overlong UTF-8": header + b"\n\xc0\xaf\xe0\x80\xaf" + rest,
        "surrogates": header + b"\n\xed\xa0\x80" + rest,
        "numbers beyond a double": header + b"\n" + first.replace(b"0", b"1" + b"0" * 400) + b"\n",
        "NaN and infinity": header + b"\n" + first.replace(b"1", b"nan").replace(b"2", b"1e999") + b"\n",
        "a pickle": pickled(marker),
        "YAML": f"!!python/object/apply:os.system ['touch {marker}']\n".encode() * 3,
        "a script": f"#!/bin/sh\ntouch {marker}\n".encode(),
        "an XML bomb": b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>',
    }
    names = (
        "../../../../tmp/planted.csv",
        "/etc/passwd",
        "a\x00b.csv",
        "..",
        "x" * 3_000 + ".csv",
        "table.csv",
        "con.csv; rm -rf",
        "t.parquet",
    )

    def maker(kind: str, content: bytes) -> Make:
        return lambda chance: Hostile(kind, chance.choice(names), content)

    def noise(chance: random.Random) -> Hostile:
        return Hostile("noise", "noise.csv", chance.randbytes(chance.choice((1, 100, 10_000, 1_000_000))))

    return [*(maker(kind, content) for kind, content in fixed.items()), noise]


def _packed(csv: bytes, marker: Path) -> list[Make]:
    zeros = io.BytesIO()
    with gzip.GzipFile(fileobj=zeros, mode="wb") as file:
        for _ in range(256):
            file.write(bytes(1 << 20))
    archive, links = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as book:
        book.writestr("../../../../../../tmp/planted.csv", csv)
        book.writestr("xl/workbook.xml", f"<a>=touch {marker}</a>")
    with tarfile.open(fileobj=links, mode="w") as tar:
        link = tarfile.TarInfo("table.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    packed = {"gzip of zeros": zeros.getvalue(), "a zip that leaves its folder": archive.getvalue(), "a tar with a link": links.getvalue()}
    return [lambda _, kind=kind, content=content: Hostile(kind, "table.csv", content) for kind, content in packed.items()]  # type: ignore[misc]


def _parquets(table: pa.Table, marker: Path) -> list[Make]:
    """Parquet files that are valid, and unpack to a gigabyte, promise what is not there, or carry code."""
    rows = 2_000
    many = table.take(pa.array(np.arange(rows) % len(table)))
    zeros = pa.array(np.zeros(rows, np.int32))
    long = pa.DictionaryArray.from_arrays(zeros, pa.array(["A" * (UNPACKED_BYTES // rows)]))
    longest = pa.DictionaryArray.from_arrays(zeros, pa.array(["A" * (4 << 20)]))
    names = [name for name in table.column_names if pa.types.is_string(table.schema.field(name).type)]
    nested: Any = pa.array([0] * rows)
    for _ in range(40):
        nested = pa.StructArray.from_arrays([nested], ["x"])
    bombs = {
        "a gigabyte of one text": _with(many, {names[0]: long}),
        "a gigabyte in a column of its own": _with(many, {"extra": long}),
        "a gigabyte in each of five columns": _with(many, dict.fromkeys(names[:5], long)),
        "texts longer than a row may be": _with(many, {names[1]: longest}),
        "structures in structures": _with(many, {"nested": nested}),
        "lists": _with(many, {"lists": pa.array([["a" * 100] * 100] * rows)}),
        "binary where text is expected": _with(many, {names[0]: pa.array([b"\xff\xfe" * 50] * rows, pa.binary())}),
        "wide binary": _with(many, {"wide": pa.array([bytes(60_000)] * rows, pa.binary(60_000))}),
    }
    made = {kind: _parquet(content) for kind, content in bombs.items()}
    made["a gigabyte of zeros"] = _zeros(many)
    made["zeros in one page"] = _parquet(_with(many, {"page": pa.array(["0" * 250_000] * rows)}), dictionary=False, page=1 << 30)
    field = pa.field(
        "object", pa.int64(), metadata={"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": pickled(marker)}
    )
    column = pa.chunked_array([pa.array(range(rows))])
    made["a pickled extension type"] = _parquet(many.append_column(field, column))
    made["a pickle in the metadata"] = _parquet(many.replace_schema_metadata({b"pandas": pickled(marker), b"huge": b"x" * (1 << 20)}))
    made["a footer of two gigabytes"] = made["lists"][:-8] + (0x7FFFFFF0).to_bytes(4, "little") + b"PAR1"
    made["a footer alone"] = b"PAR1" + b"\x15" * 400 + (400).to_bytes(4, "little") + b"PAR1"
    return [lambda _, kind=kind, content=content: Hostile(kind, "table.parquet", content) for kind, content in made.items()]  # type: ignore[misc]


def _with(table: pa.Table, columns: dict[str, pa.Array]) -> pa.Table:
    for name, column in columns.items():
        table = table.drop_columns(name) if name in table.column_names else table
        table = table.append_column(name, column)
    return table


def _parquet(table: pa.Table, dictionary: bool = True, page: int | None = None) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink, compression="zstd", use_dictionary=dictionary, data_page_size=page)
    return sink.getvalue()


def _zeros(table: pa.Table) -> bytes:
    """A gigabyte of rows of zeros, in groups that are each the same."""
    sink = io.BytesIO()
    zeros = pa.array(np.zeros(1_000_000, np.int64))
    group = pa.table(dict.fromkeys(table.column_names, zeros))
    with pyarrow.parquet.ParquetWriter(sink, group.schema, compression="zstd") as writer:
        for _ in range(UNPACKED_BYTES // group.nbytes + 1):
            writer.write_table(group)
    return sink.getvalue()
