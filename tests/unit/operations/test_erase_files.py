"""Tables in a home without the rows of some ids: every other byte that matters stays."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tidegate.home import Home, open_home
from tidegate.operations.erase_files import erase_from_files


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = open_home(tmp_path / "home")
    (made.root / "specs").mkdir()
    (made.root / "specs" / "t.toml").write_text('id = "clientnum"\n')
    (made.root / "specs" / "broken.toml").write_text("id = [")
    made.data.mkdir()
    return made


def gone(cell: str) -> bool:
    return cell in ("7", "K 1")


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (b"CLIENTNUM,n\n7,1\n8,7\nK 1,2\n", b"CLIENTNUM,n\n8,7\n"),
        (b"\xef\xbb\xbfCLIENTNUM;n\r\n7;1\r\n8;\"a;\"\"7\"\"\n7\"\r\n", b"\xef\xbb\xbfCLIENTNUM;n\r\n8;\"a;\"\"7\"\"\n7\"\r\n"),
        ("customer_id\tn\nK 1\tü\nK2\tü\n".encode("utf-16"), "customer_id\tn\nK2\tü\n".encode("utf-16")),
        ("clientnum,n\n7,Zoë\n9,Zoë\n".encode("cp1252"), "clientnum,n\n9,Zoë\n".encode("cp1252")),
    ],
)  # fmt: skip
def test_rows_of_a_text_table_go_and_its_kind_stays(home: Home, content: bytes, left: bytes) -> None:
    path = home.data / "t.csv"
    path.write_bytes(content)
    path.chmod(0o640)
    found = erase_from_files(home, gone)
    assert path.read_bytes() == left
    assert found.rows["data"] >= 1
    assert path.stat().st_mode & 0o777 == 0o640
    assert erase_from_files(home, gone).rows == {}


def test_a_table_without_such_rows_or_without_an_id_is_not_touched(home: Home) -> None:
    for name, content in (("a.csv", "CLIENTNUM,n\n8,7\n"), ("b.csv", "n,m\n7,7\n"), ("empty.csv", "")):
        (home.data / name).write_text(content)
    before = {path: path.stat().st_mtime_ns for path in home.data.iterdir()}
    found = erase_from_files(home, gone)
    assert (found.rows, found.unread) == ({}, ())
    assert {path: path.stat().st_mtime_ns for path in home.data.iterdir()} == before


@pytest.mark.parametrize("ids", [pa.array([7, 8, None]), pa.array([7.0, 8.0, None]), pa.array(["7", "8", None]).dictionary_encode()])
def test_rows_of_a_parquet_table_go_however_ids_are_typed(home: Home, ids: pa.Array) -> None:
    path = home.data / "t.parquet"
    pyarrow.parquet.write_table(pa.table({"CLIENTNUM": ids, "n": [7, 2, 3]}), path)
    assert erase_from_files(home, gone).rows == {"data": 1}
    assert pyarrow.parquet.read_table(path).column("n").to_pylist() == [2, 3]
    assert [one.name for one in home.data.iterdir()] == ["t.parquet"]


def test_a_table_that_cannot_be_read_is_named(home: Home) -> None:
    (home.data / "t.parquet").write_bytes(b"PAR1 and no more")
    (home.data / "u.csv").write_bytes(b"CLIENTNUM\x00\x01\x02,n\n7,1\n" * 3)
    found = erase_from_files(home, gone)
    assert "data/t.parquet" in found.unread
    assert found.rows == {}


def test_sealed_places_are_left_alone(home: Home) -> None:
    for place in ("storage", "outbox", "mlflow"):
        path = home.root / place / "x" / "t.csv"
        path.parent.mkdir(parents=True)
        path.write_text("CLIENTNUM\n7\n")
    assert erase_from_files(home, gone).rows == {}
