"""Files become numbered rows: every row once, in order, or a refusal that names the place and shows no value."""

from __future__ import annotations

import csv
import io
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tidegate.customers import csv_stream, load
from tidegate.customers.load import Ragged, columns_of, open_table
from tidegate.customers.spec import parse_spec
from tidegate.errors import TableRefused, TooLarge

SECRET = "Erika Mustermann"
SPEC = parse_spec('name = "t"\nid = "who"\n[columns.a]\nkind = "number"\n[columns.b]\nkind = "number"\n')


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path) -> tuple[dict[int, list[str]], dict[int, tuple[int, int]]]:
    """Rows by number, ragged lines (fields expected, found) by number; no number occurs twice."""
    rows: dict[int, list[str]] = {}
    ragged: dict[int, tuple[int, int]] = {}
    for batch in open_table(path).batches():
        assert batch.row_numbers.dtype == np.int64
        for number, row in zip(batch.row_numbers.tolist(), batch.table.to_pylist(), strict=True):
            assert number not in rows
            rows[number] = list(row.values())
        for line in batch.ragged:
            assert line.row not in ragged
            ragged[line.row] = (line.expected, line.found)
    assert not rows.keys() & ragged.keys()
    return rows, ragged


def refused(path: Path) -> str:
    with pytest.raises(TableRefused) as caught:
        read(path)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.detail


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,é\n3,4\n",
        "a,b\n1,é\n3,4",
        "a,b\r\n1,é\r\n3,4\r\n",
        "a,b\r1,é\r3,4\r",
        "a,b\r1,é\r3,4",
        "\ufeffa,b\n1,é\n3,4\n",
        "a;b\n1;é\n3;4\n",
        "a\tb\n1\té\n3\t4\n",
        "a|b\n1|é\n3|4\n",
        '"a","b"\n"1","é"\n"3","4"\n',
        "a,b\n\n1,é\n\n\n3,4\n\n",
        b"\xff\xfe" + "a,b\n1,é\n3,4\n".encode("utf-16-le"),
        b"\xfe\xff" + "a,b\r\n1,é\r\n3,4\r\n".encode("utf-16-be"),
        "a,b\n1,é\n3,4\n".encode("cp1252"),
    ],
)
def test_every_kind_of_csv_gives_the_same_rows(tmp_path: Path, content: str | bytes) -> None:
    assert read(write(tmp_path, content)) == ({1: ["1", "é"], 2: ["3", "4"]}, {})


def test_quoted_separators_line_ends_and_quotes_belong_to_the_cell(tmp_path: Path) -> None:
    path = write(tmp_path, 'a,b\n"x,y","p\nq"\n"d""q",""\n5" pipe,2\n')
    assert read(path) == ({1: ["x,y", "p\nq"], 2: ['d"q', ""], 3: ['5" pipe', "2"]}, {})


def test_a_trailing_empty_column_is_a_column_without_a_name(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,\n1,2,\n")
    assert open_table(path).names == ("a", "b", "")
    assert read(path) == ({1: ["1", "2", ""]}, {})


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "a,b\r\n", '"a","b"'])
def test_a_header_alone_is_a_table_without_rows(tmp_path: Path, content: str) -> None:
    assert read(write(tmp_path, content)) == ({}, {})


@pytest.mark.parametrize(
    ("content", "good", "ragged"),
    [
        ("a,b\n1\n3,4\n5,6,7\n8,9\n", [2, 4], {1: (2, 1), 3: (2, 3)}),
        ("a,b\n1,2\n3\n", [1], {2: (2, 1)}),
        ("a,b\n1,2\n3", [1], {2: (2, 1)}),
        ("a,b\n1\n2\n", [], {1: (2, 1), 2: (2, 1)}),
        ("a,b\n\n1,2\n\n3\n\n4,5\n", [1, 3], {2: (2, 1)}),
        ('"a\nx",b\n1,2\n3\n4,5\n', [1, 3], {2: (2, 1)}),
        ('a,b\n1,"2\n2"\n3\n4,5\n', [1, 3], {2: (2, 1)}),
        ('a,b\n"1\n1"\n3,4\n', [2], {1: (2, 1)}),
    ],
)
def test_ragged_lines_are_numbered_with_the_others(
    tmp_path: Path, content: str, good: list[int], ragged: dict[int, tuple[int, int]]
) -> None:
    rows, found = read(write(tmp_path, content))
    assert (list(rows), found) == (good, ragged)


@pytest.mark.parametrize("block_bytes", [16, 24, 40, 64, 1 << 20])
def test_numbers_are_right_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", block_bytes)
    ragged = {1, 2, 5, 17, 18, 19, 20, 21, 22, 23, 24, 40}
    lines = [f"{row}" if row in ragged else f"{row},{row}" for row in range(1, 41)]
    rows, found = read(write(tmp_path, "a,b\n" + "\n\n".join(lines)))
    assert rows == {row: [str(row), str(row)] for row in range(1, 41) if row not in ragged}
    assert found == dict.fromkeys(sorted(ragged), (2, 1))


def test_random_files_read_as_the_standard_library_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = random.Random(4)
    swallowed = 0
    for _ in range(400):
        end = generator.choice(["\n", "\r"])
        cells = ["1", "ab", "", "é", '"a,b"', f'"a{end}b"', '"a""b"', '""', '"q"', 'a"b', '"x"y', '"ab', '"']
        weights = [8] * 9 + [1] * 4
        lines = [",".join(generator.choices(cells, weights, k=generator.choice([3] * 9 + [1, 4]))) for _ in range(generator.randint(1, 9))]
        text = end.join(["h1,h2,h3", *lines]) + generator.choice([end, ""])
        monkeypatch.setattr(csv_stream, "BLOCK_BYTES", generator.choice([48, 64, 256, 1 << 20]))
        lenient = [row for row in csv.reader(io.StringIO(text, newline="")) if row][1:]
        try:
            rows, ragged = read(write(tmp_path, text))
        except TableRefused as error:
            swallowed += "quote" in error.detail
            with pytest.raises(csv.Error):
                list(csv.reader(io.StringIO(text, newline=""), strict=True))
            continue
        expected = dict(enumerate(lenient, 1))
        assert rows == {row: cells for row, cells in expected.items() if len(cells) == 3}
        assert ragged == {row: (3, len(cells)) for row, cells in expected.items() if len(cells) != 3}
    assert 0 < swallowed < 300


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize(
    ("content", "row"),
    [
        (f'a,b\n1,2\n3,"{SECRET}\n5,6\n7,é\n', 2),
        (f'a,b\n1,2\n3,"{SECRET}\n', 2),
        (f'a,b\n1,2\n3,"{SECRET}', 2),
        (f'a,b\n1,2\n"{SECRET},4\n5,6\n', 2),
        (f'a,b\n1,"{SECRET}\n3,4\n5,"6\n7,8\n', 1),
        (f'a,b\n1,"{SECRET}\n3\n5,"6\n7,8\n', 1),
        (f'a,b,c\n1,2,3\n1,"{SECRET}\n3,"4\n7,8,9\n', 2),
    ],
)
def test_an_unclosed_quote_is_refused_at_its_row_and_swallows_nobody(tmp_path: Path, content: str, row: int, encoding: str) -> None:
    assert f"a quote opened in row {row} " in refused(write(tmp_path, content.encode(encoding)))


def test_an_unclosed_quote_before_a_whole_block_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 64)
    assert "a quote opened in row 1 " in refused(write(tmp_path, f'a,b\n1,"{SECRET}\n' + "3,4\n" * 100))


def test_a_single_quote_in_one_cell_is_a_character(tmp_path: Path) -> None:
    assert read(write(tmp_path, 'a,b\n1,5" pipe\n2,"x\ny"\n3\n'))[0] == {1: ["1", '5" pipe'], 2: ["2", "x\ny"]}


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", ">>>>>>> branch"])
def test_a_merge_conflict_is_refused_at_its_row(tmp_path: Path, marker: str) -> None:
    assert "row 2 is a merge-conflict marker" in refused(write(tmp_path, f"a,b\n1,{SECRET}\n{marker}\n3,4\n"))


def test_a_cell_longer_than_a_block_is_refused_without_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 64)
    assert "longer than 64 bytes" in refused(write(tmp_path, "a,b\n1,2\n1," + SECRET * 50 + "\n2,3\n"))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a,b\n1,\x002\n", bytes(range(256)) * 10, b"\x89PNG\r\n\x1a\n" + b"\x00" * 50])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    assert "table.csv" in refused(write(tmp_path, content))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, says in (("absent", "does not exist"), (".", "is a folder"), ("pipe", "not a regular file"), ("loop", "cannot be read")):
        with pytest.raises(TableRefused, match=says):
            open_table(tmp_path / name)


def test_each_pass_over_a_table_starts_afresh(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, "a,b\n1,2\n3\n"))
    for _ in range(2):
        batches = list(table.batches())
        assert [batch.row_numbers.tolist() for batch in batches if len(batch.table)] == [[1]]
        assert [line for batch in batches for line in batch.ragged] == [Ragged(2, 2, 1)]


def test_columns_are_found_by_name_whatever_their_order_and_spelling(tmp_path: Path) -> None:
    assert columns_of(open_table(write(tmp_path, "B,Other,A\n1,2,3\n")), SPEC, ("a", "b")) == {"b": 0, "other": 1, "a": 2}


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("a,c", "lacks the column b"),
        ("c,d", "lacks columns a, b"),
        ("a,b,A", "has the column a more than once"),
        ("a,b,who,Who", "has the column who more than once"),
    ],
)
def test_absent_and_repeated_columns_are_refused_by_name(tmp_path: Path, header: str, says: str) -> None:
    with pytest.raises(TableRefused, match=says):
        columns_of(open_table(write(tmp_path, f"{header}\n1,2\n")), SPEC, ("a", "b"))


def test_columns_that_nobody_needs_may_repeat(tmp_path: Path) -> None:
    assert columns_of(open_table(write(tmp_path, "a,b,x,x\n1,2,3,4\n")), SPEC, ("a", "b"))["x"] == 2


def parquet(folder: Path, table: pa.Table, **options: object) -> Path:
    path = folder / "table.parquet"
    pyarrow.parquet.write_table(table, path, **options)
    return path


def test_parquet_rows_are_numbered_over_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PARQUET_ROWS", 7)
    batches = list(open_table(parquet(tmp_path, pa.table({"A b": range(30)}), row_group_size=11)).batches())
    assert np.concatenate([batch.row_numbers for batch in batches]).tolist() == list(range(1, 31))
    assert [value for batch in batches for value in batch.table.column(0).to_pylist()] == list(range(30))


def test_parquet_text_comes_plain_whatever_its_type(tmp_path: Path) -> None:
    text = ["x", None, "y", "x"]
    table = pa.table(
        {
            "plain": text,
            "large": pa.array(text, pa.large_string()),
            "view": pa.array(text, pa.string_view()),
            "coded": pa.array(text).dictionary_encode(),
            "coded_large": pa.array(text, pa.large_string()).dictionary_encode(),
        }
    )
    batch = next(open_table(parquet(tmp_path, table)).batches())
    assert set(batch.table.schema.types) == {pa.string()}
    assert all(column.to_pylist() == text for column in batch.table.columns)


def test_an_empty_parquet_file_has_no_rows(tmp_path: Path) -> None:
    assert sum(len(batch.table) for batch in open_table(parquet(tmp_path, pa.table({"a": pa.array([], pa.int64())}))).batches()) == 0


def test_a_wide_parquet_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="5,001 columns"):
        open_table(parquet(tmp_path, pa.table({f"c{number}": [1] for number in range(5_001)})))


def test_a_small_parquet_file_that_unpacks_to_a_gigabyte_is_read_in_small_parts(tmp_path: Path) -> None:
    rows, size = 4_000, 250_000
    coded = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["A" * size]))
    path = parquet(tmp_path, pa.table({"number": range(rows), "coded": coded, "text": pa.array(["b"] * rows)}), compression="zstd")
    assert path.stat().st_size < 100_000
    before, numbers, seen = pa.total_allocated_bytes(), [], 0
    for batch in open_table(path).batches():
        numbers.append(batch.row_numbers)
        assert (batch.table.column(0).to_numpy() + 1).tolist() == batch.row_numbers.tolist()
        seen = max(seen, pa.total_allocated_bytes() - before)
    assert np.concatenate(numbers).tolist() == list(range(1, rows + 1))
    assert seen < 50 << 20


@pytest.mark.parametrize(
    ("column", "options", "fault"),
    [
        (pa.array(["a", "b" * (csv_stream.BLOCK_BYTES + 1)]), {}, "row 2 is longer"),
        (pa.array(["0" * 1_000_000] * 100), {"use_dictionary": False}, "more than 1,000 times its size"),
    ],
)
def test_a_parquet_file_that_cannot_be_unpacked_in_small_parts_is_refused(
    tmp_path: Path, column: pa.Array, options: dict[str, object], fault: str
) -> None:
    path = parquet(tmp_path, pa.table({"a": column}), compression="zstd", **options)
    with pytest.raises(TableRefused, match=fault):
        list(open_table(path).batches())


def test_damaged_parquet_files_are_refused_or_read_and_never_crash(tmp_path: Path) -> None:
    generator = random.Random(3)
    texts = [f"{SECRET} {number % 40}" for number in range(600)]
    path = parquet(tmp_path, pa.table({"a": np.arange(600.0), "b": texts}), row_group_size=300, compression="none")
    whole = path.read_bytes()
    refusals: list[str] = []
    for attempt in range(150):
        damaged = bytearray(whole)
        if attempt % 3 == 0:
            damaged = damaged[: generator.randint(4, len(damaged) - 1)]
        else:
            for _ in range(generator.randint(1, 9)):
                damaged[generator.randrange(4, len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            for batch in open_table(path).batches():
                batch.table.column(batch.table.num_columns - 1).to_pylist()
        except TableRefused as error:
            refusals.append(str(error))
    assert 50 < len(refusals) < 150
    assert not any(SECRET in refusal for refusal in refusals)


def test_a_large_file_is_read_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write(",".join(f"c{number}" for number in range(20)) + "\n")
        block = (",".join(["12345.678"] * 20) + "\n") * 1_000
        for _ in range(600):
            file.write(block)
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom tidegate.customers.load import open_table\n"
        "table = open_table(Path(sys.argv[1]))\nfirst = next(table.batches())\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "rows = sum(len(batch.table) for batch in table.batches())\n"
        "print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    rows, grown_mib = map(int, done.stdout.split())
    assert rows == 600_000
    assert path.stat().st_size > 110 << 20
    assert grown_mib < 100
