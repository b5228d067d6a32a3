"""What kind of text a CSV file is: encoding, separator, header; decided from the bytes, before any row is read."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tidegate.errors import TableRefused, TooLarge

SEPARATORS = (",", ";", "\t", "|")
MOST_COLUMNS = 5_000
_CHUNK_BYTES = 1 << 20
# Control characters that text may hold; bytes that are no text decode to others.
_CONTROLS = {"cp1252": "\t\r\n\f", "utf-16": "".join(map(chr, range(1, 32)))}
_SAMPLE_CHARACTERS = 1 << 20


@dataclass(frozen=True)
class Dialect:
    """Encoding (a codec's name), separator, headers as written, how many quotes there are, and the SHA-256 of the bytes."""

    encoding: str
    separator: str
    headers: tuple[str, ...]
    quotes: int
    sha256: str


def sniff(path: Path) -> Dialect:
    """The dialect of a CSV file. Raises TableRefused for what is no text or has no header."""
    encoding, quotes, sha256 = _scan(path)
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(_SAMPLE_CHARACTERS)
    if not sample.strip():
        raise TableRefused(f"{path.name} is empty.", "Give a file with a header line and one line a customer.")
    separator = _separator(sample)
    try:
        headers = next(csv.reader(io.StringIO(sample, newline=None), delimiter=separator), [])
    except csv.Error:
        headers = []
    if not headers or (len(sample) == _SAMPLE_CHARACTERS and not any(end in sample for end in "\r\n")):
        raise TableRefused(f"{path.name} has no readable header line.", "Put the column names, separated by commas, on its first line.")
    if len(headers) > MOST_COLUMNS:
        raise TooLarge(f"{path.name} has {len(headers):,} columns; at most {MOST_COLUMNS:,} are read.", "Drop the columns not needed.")
    return Dialect(encoding, separator, tuple(headers), quotes, sha256)


def swallowing_row(path: Path, dialect: Dialect) -> int | None:
    """The first row (1 = first customer) whose quoted field runs over a line's end and is not properly closed; None where all are.

    A parser would take the lines up to the next quote for one cell, and customers would vanish without a trace.
    """
    lines: list[str] = []
    row = 0
    with path.open(encoding=dialect.encoding, newline="") as file:
        reader = csv.reader(_noted(file, lines), delimiter=dialect.separator)
        while True:
            lines.clear()
            try:
                record = next(reader)
            except StopIteration:
                return None
            except csv.Error:  # a field beyond the parser's limit: no cell of a customer
                return row
            if '"' in lines[0] and _badly_quoted(lines, dialect.separator):
                return row
            row += bool(record)


def _noted(file: TextIO, lines: list[str]) -> Iterator[str]:
    for line in file:
        lines.append(line)
        yield line


def _badly_quoted(lines: list[str], separator: str) -> bool:
    """Whether one record's lines hold a quote out of place that matters: over several lines, or open at the end of the file."""
    try:
        list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error as error:
        return len(lines) > 1 or "end of data" in str(error)
    return False


def _scan(path: Path) -> tuple[str, int, str]:
    """One pass over the bytes: encoding, number of quotes, digest."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", *_decodable(path, "utf-16")
    text, sha256, quotes = True, hashlib.sha256(), 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    for chunk in _chunks(path):
        if b"\x00" in chunk:
            raise TableRefused(f"{path.name} is neither text nor Parquet: it holds NUL bytes.", "Export it as CSV in UTF-8, or as Parquet.")
        sha256.update(chunk)
        quotes += chunk.count(b'"')
        if text:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                text = False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        text = False
    if text:
        return "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8", quotes, sha256.hexdigest()
    return "cp1252", *_decodable(path, "cp1252")


def _decodable(path: Path, encoding: str) -> tuple[int, str]:
    """Number of quotes and digest of a file in this encoding. Raises TableRefused where it is not."""
    decoder, sha256, quotes = codecs.getincrementaldecoder(encoding)(), hashlib.sha256(), 0
    try:
        for chunk in _chunks(path):
            sha256.update(chunk)
            decoded = decoder.decode(chunk)
            quotes += decoded.count('"')
            if any(ord(character) < 32 and character not in _CONTROLS[encoding] for character in set(decoded)):
                raise UnicodeError
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise TableRefused(
            f"{path.name} is not text in UTF-8, UTF-16 or Windows-1252.", "Export it as CSV in UTF-8, or as Parquet."
        ) from None
    return quotes, sha256.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _separator(sample: str) -> str:
    """The separator that gives the header most fields and the following lines the same number."""
    lines = sample.splitlines()[:50]
    if len(sample) == _SAMPLE_CHARACTERS:
        lines = lines[:-1] or lines
    best, best_score = ",", (0, 0)
    for separator in SEPARATORS:
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=separator)]
        except csv.Error:
            continue
        if not counts:
            continue
        score = (sum(count == counts[0] for count in counts) if counts[0] > 1 else 0, counts[0])
        if score > best_score:
            best, best_score = separator, score
    return best
