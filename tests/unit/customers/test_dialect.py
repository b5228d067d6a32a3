"""What kind of text a CSV file is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tidegate.customers.dialect import MOST_COLUMNS, sniff, swallowing_row
from tidegate.errors import TableRefused, TooLarge


def write(folder: Path, content: bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("a,b\n1,é\n".encode(), "utf-8"),
        ("\ufeffa,b\n1,é\n".encode(), "utf-8-sig"),
        (b"\xff\xfe" + "a,b\n1,é\n".encode("utf-16-le"), "utf-16"),
        (b"\xfe\xff" + "a,b\n1,é\n".encode("utf-16-be"), "utf-16"),
        ("a,b\n1,é€\n".encode("cp1252"), "cp1252"),
    ],
)
def test_the_encoding_is_found_from_the_bytes(tmp_path: Path, content: bytes, encoding: str) -> None:
    dialect = sniff(write(tmp_path, content))
    assert (dialect.encoding, dialect.headers) == (encoding, ("a", "b"))
    assert dialect.sha256 == hashlib.sha256(content).hexdigest()


def test_an_encoding_is_judged_over_the_whole_file(tmp_path: Path) -> None:
    lines = b"a,b\n" + b"1,plain\n" * 200_000
    assert sniff(write(tmp_path, lines + b"1,\xe9\n")).encoding == "cp1252"
    split = b"a\n" + b"x" * ((1 << 20) - 3) + "é\n".encode()
    assert split[(1 << 20) - 1 : (1 << 20) + 1] == "é".encode()
    assert sniff(write(tmp_path, split)).encoding == "utf-8"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_every_line_agrees_on(tmp_path: Path, separator: str) -> None:
    text = f'a{separator}b{separator}c\n1{separator}"x,y;z"{separator}3\n4{separator}5,5{separator}6\n'
    dialect = sniff(write(tmp_path, text.encode()))
    assert (dialect.separator, dialect.headers) == (separator, ("a", "b", "c"))


def test_decimal_commas_do_not_outvote_the_semicolon(tmp_path: Path) -> None:
    text = "a;b\n" + "1,5;2,5\n" * 40
    assert sniff(write(tmp_path, text.encode())).separator == ";"


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("a\n1\n", ("a",)),
        ("a,b", ("a", "b")),
        ("a,b,\n1,2,\n", ("a", "b", "")),
        ('"a\nx","b ""q"""\n1,2\n', ("a\nx", 'b "q"')),
        ("a,b\r1,2\r", ("a", "b")),
        ("a,b\r\n1,2\r\n", ("a", "b")),
        ("a,A,a\n1,2,3\n", ("a", "A", "a")),
    ],
)
def test_headers_are_kept_as_written(tmp_path: Path, text: str, headers: tuple[str, ...]) -> None:
    assert sniff(write(tmp_path, text.encode())).headers == headers


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n  \n",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\n\na,b\n1,2\n",
        b"a,b\n1,\x002\n",
        bytes(range(256)) * 10,
        b"a,b\n1,\x81\n",
        b"a,b\n1,\xe9\x07\n",
        b"a,b\n1,2\n".decode().encode("utf-16-le"),
        "a,b\n1,2\n".encode("utf-32"),
        b"\xff\xfea\x00,\x00b",
        b"\xff\xfe" + "a,b\n1,\x002\n".encode("utf-16-le"),
        b"x" * (1 << 20) + b"x",
        b"a," * 200_000,
    ],
)
def test_what_is_no_text_with_a_header_is_refused(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, content)
    if content == b"\xff\xfea\x00,\x00b":
        path.write_bytes(content + b"\x00\x01")
    with pytest.raises((TableRefused, TooLarge)) as caught:
        sniff(path)
    assert caught.value.remedy
    assert "table.csv" in caught.value.detail


def test_too_many_columns_are_refused_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, ",".join(f"c{number}" for number in range(100_000)).encode() + b"\n")
    with pytest.raises(TooLarge, match=f"100,000 columns; at most {MOST_COLUMNS:,}"):
        sniff(path)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("a,b\n1,2\n", None),
        ('a,b\n1,"x\ny"\n', None),
        ('a,b\n1,5" pipe\n2,"x\ny"\n', None),
        ('a,b\n1,"5" pipe"\n2,3\n', None),
        ('a,b\n1,2\n3,"x\n5,6\n', 2),
        ('a,b\n\n1,2\n\n3,"x', 2),
        ('a,b\n3,"x\n', 1),
        ('a,b\n1,"2\n3,4\n5,"6\n7,8\n', 1),
        ('a,b\r1,"2\r3,4\r5,"6\r', 1),
        ('"a,b\n1,2\n', 0),
        ('a,b\n1,"' + "x" * 200_000 + '"\n', 1),
    ],
)
def test_a_quote_that_swallows_lines_is_found_at_its_row(tmp_path: Path, text: str, row: int | None) -> None:
    path = write(tmp_path, b"a,b\n1,2\n")
    dialect = sniff(path)
    path.write_bytes(text.encode())
    assert swallowing_row(path, dialect) == row
