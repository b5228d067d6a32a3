"""A scored file on disk: what is read a page at a time is what the file says, wherever its batches end."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.ui.files import scored
from tidegate.ui.files.refusals import Refusal
from tidegate.ui.files.scored import NotScored, Scored, counts, holding, prepare, rows_at, within, write_refused

WHY = "age: limit, expected a whole number from 16 to 120, found number"
LINES = 400


def lines() -> list[list[Any]]:
    """Id, name, note (with a separator, a quote and a line end), probability with ties; every seventh line is refused."""
    generator = np.random.default_rng(3)
    found: list[list[Any]] = []
    for place in range(LINES):
        own = [f"C{place:04d}", "Zoé" if place % 2 else "Bob", f'a "{place}", b\nc']
        probability = round(float(generator.random()), 2)
        rest = ["", "", "", WHY if place % 14 else "line: fields, expected 3 fields, found 2 fields"]
        found.append([*own, *(rest if place % 7 == 0 else [repr(probability), int(probability >= 0.5), "3" if place % 3 else "4", ""])])
    return found


def written(folder: Path, rows: list[list[Any]], headers: tuple[str, ...] = ("id", "name", "name")) -> Path:
    path = folder / "scored.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[*headers, *scored.ADDED], *rows])
    return path


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scored:
    """Read in blocks of a kilobyte, so that a page spans several batches."""
    monkeypatch.setattr(scored, "_BLOCK_BYTES", 1 << 10)
    found = prepare(written(tmp_path, lines()))
    assert len(found.starts) > 10
    return found


def probabilities() -> list[tuple[int, float]]:
    return [(place, float(line[3])) for place, line in enumerate(lines()) if line[3]]


def test_rows_versions_and_rules_are_counted(prepared: Scored) -> None:
    assert (prepared.rows, prepared.refused, prepared.headers) == (LINES, 58, ("id", "name", "name"))
    assert prepared.versions == {"3": sum(line[5] == "3" for line in lines()), "4": sum(line[5] == "4" for line in lines())}
    assert prepared.refusals == {
        Refusal("line", "fields", "3 fields", "2 fields"): 29,
        Refusal("age", "limit", "a whole number from 16 to 120", "number"): 29,
    }


def test_the_highest_come_first_and_equal_ones_in_the_files_order(prepared: Scored) -> None:
    expected = [place for place, _ in sorted(probabilities(), key=lambda one: -one[1])]
    assert within(prepared, [(0.0, np.inf)]).tolist() == expected


@pytest.mark.parametrize("ranges", [[(0.5, np.inf)], [(0.25, 0.5)], [(0.75, 1.0), (0.1, 0.2)], []])
def test_a_range_has_its_lower_end_and_not_its_upper_one(prepared: Scored, ranges: list[tuple[float, float]]) -> None:
    expected = {place for place, value in probabilities() if any(low <= value < high for low, high in ranges)}
    found = within(prepared, ranges).tolist()
    assert set(found) == expected
    assert len(found) == len(expected)


def test_a_page_is_the_lines_asked_for_in_that_order(prepared: Scored) -> None:
    places = np.array([399, 1, 250, 2, 398, 0])
    table = rows_at(prepared, places)
    expected = [lines()[place] for place in places]
    assert table.column("f0").to_pylist() == [line[0] for line in expected]
    assert table.column("f2").to_pylist() == [line[2] for line in expected]
    assert table.column("churn_probability").to_pylist() == [float(line[3]) if line[3] else None for line in expected]
    assert table.column("refused").to_pylist()[-1] == lines()[0][6]
    assert rows_at(prepared, places, [1]).column_names == ["f1", *scored.ADDED]
    assert len(rows_at(prepared, places[:0])) == 0


def test_a_search_finds_text_in_one_column(prepared: Scored) -> None:
    assert np.flatnonzero(holding(prepared, 0, "c001")).tolist() == list(range(10, 20))
    assert holding(prepared, 1, "ZOÉ").sum() == LINES / 2
    assert not holding(prepared, 1, "C0").any()
    assert not holding(prepared, 1, ".*").any()
    masked = within(prepared, [(0.0, np.inf)], holding(prepared, 0, "C001"))
    assert sorted(masked.tolist()) == [place for place in range(10, 20) if place % 7]


def test_bins_count_every_customer_once(prepared: Scored) -> None:
    edges = np.linspace(0, 1, 11)
    expected, _ = np.histogram([value for _, value in probabilities()], edges)
    assert counts(prepared, np.append(edges[:-1], np.inf)).tolist() == expected.tolist()


def test_the_refused_rows_alone_are_a_file_with_their_reasons_and_rows(prepared: Scored) -> None:
    for _ in range(2):
        with write_refused(prepared).open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        assert header == ["id", "name", "name", "refused", "row"]
        assert rows == [[*line[:3], line[6], str(place + 1)] for place, line in enumerate(lines()) if line[6]]


def test_where_all_were_refused_nobody_is_found(tmp_path: Path) -> None:
    found = prepare(written(tmp_path, [["1", "a", "b", "", "", "", WHY]]))
    assert (found.rows, found.refused, len(found.probability)) == (1, 1, 0)
    assert within(found, [(0.0, np.inf)]).tolist() == []


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"<html>not found</html>"])
def test_something_else_is_no_scored_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "scored.csv").write_bytes(content)
    with pytest.raises(NotScored):
        prepare(tmp_path / "scored.csv")


def test_a_damaged_file_is_refused_without_quoting_it(tmp_path: Path) -> None:
    path = written(tmp_path, [["Maria", "a", "b", "many", "1", "3", ""]])
    with pytest.raises(NotScored) as caught:
        prepare(path)
    assert "Maria" not in str(caught.value)
    assert "many" not in str(caught.value)
