"""Arrow's threads have let go of what is Python's when a stream is closed: otherwise a process may abort as it ends, its work done."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tidegate.customers import csv_stream
from tidegate.customers.csv_stream import CsvStream
from tidegate.customers.dialect import sniff
from tidegate.customers.load import open_table
from tidegate.errors import TableRefused

ROWS = 200_000  # three blocks and more: there is something to read ahead


def file_in(folder: Path, encoding: str, rows: int = ROWS) -> Path:
    path = folder / "table.csv"
    path.write_bytes(("a,b\n" + "".join(f"{row},é\n" if row % 9 else f"{row},é,x\n" for row in range(rows))).encode(encoding))
    return path


@pytest.fixture(name="streams")
def made_streams(monkeypatch: pytest.MonkeyPatch) -> list[CsvStream]:
    made: list[CsvStream] = []
    construct = CsvStream.__init__

    def kept(self: CsvStream, *words: object) -> None:
        construct(self, *words)  # type: ignore[arg-type]
        made.append(self)

    monkeypatch.setattr(CsvStream, "__init__", kept)
    return made


def lent(stream: CsvStream) -> list[object]:
    return [thing() for thing in stream._loans.lent]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("end", ["read to the end", "left in the middle", "refused"])
def test_nothing_stays_lent(encoding: str, end: str, tmp_path: Path, streams: list[CsvStream]) -> None:
    path = file_in(tmp_path, encoding)
    if end == "refused":
        path.write_bytes(path.read_bytes() + "<<<<<<< HEAD,b,c\n".encode(encoding.replace("16", "16-le")))
    refused: TableRefused | None = None
    batches = open_table(path).batches()
    if end == "read to the end":
        assert sum(len(batch.row_numbers) for batch in batches) == ROWS - len(range(0, ROWS, 9))
    elif end == "left in the middle":
        assert len(next(batches).row_numbers)
        del batches
    else:
        with pytest.raises(TableRefused) as raised:
            list(batches)
        refused = raised.value  # its traceback holds every frame that it came through
    assert len(lent(streams[-1])) >= (1 if encoding == "utf-8" else 3)
    assert all(thing is None for stream in streams for thing in lent(stream))
    assert (refused is not None) == (end == "refused")


def closing_seconds(path: Path, let_go: Callable[[list[object]], object]) -> float:
    """How long a stream takes to close of which somebody still holds the row handler, as a thread of Arrow's may."""
    stream = CsvStream(path, sniff(path), lambda _: "skip")
    with stream:
        assert pa.Table.from_batches(list(stream)).num_rows == 1 + 1000 - 112
        held = [thing for thing in lent(stream) if thing is not None]
        assert held
        started = time.monotonic()
        let_go(held)
    return time.monotonic() - started


def test_closing_waits_for_a_thread_that_lets_go_late(tmp_path: Path) -> None:
    seconds = closing_seconds(file_in(tmp_path, "utf-16", 1000), lambda held: threading.Timer(0.3, held.clear).start())
    assert 0.2 < seconds < csv_stream.LONGEST_SECONDS


def test_closing_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_stream, "LONGEST_SECONDS", 0.2)
    assert 0.1 < closing_seconds(file_in(tmp_path, "utf-16", 1000), lambda held: None) < 3


def test_a_file_that_arrow_refuses_at_once_leaves_nothing_lent(tmp_path: Path, streams: list[CsvStream]) -> None:
    path = file_in(tmp_path, "utf-8", 10)
    dialect = sniff(path)
    path.write_bytes(b"")
    with pytest.raises(pa.ArrowInvalid), CsvStream(path, dialect, lambda _: "skip"):
        pass
    assert all(thing is None for thing in lent(streams[-1]))


def test_a_file_that_is_cut_while_it_is_read_is_refused_and_nothing_stays_lent(tmp_path: Path, streams: list[CsvStream]) -> None:
    path = file_in(tmp_path, "utf-16", 4 * ROWS)
    batches = open_table(path).batches()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 | 1])  # half of it, and half of a character
    with pytest.raises(TableRefused, match="is not utf-16 to its end") as refused:
        list(batches)
    assert refused.value.exit_code == 2
    assert all(thing is None for thing in lent(streams[-1]))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("last", ["9,é", "9,x,é"])
def test_a_file_that_is_cut_within_a_character_is_refused_also_on_a_ragged_line(last: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(f"a,b\n1,2\n{last}\n".encode())
    batches = open_table(path).batches()
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(TableRefused, match="is not utf-8 to its end"):
        list(batches)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_ctrl_c_on_a_ragged_line_is_no_fault_of_the_file(encoding: str, tmp_path: Path) -> None:
    path = file_in(tmp_path, encoding)

    def stop(_: object) -> str:
        raise KeyboardInterrupt

    stream = CsvStream(path, sniff(path), stop)
    with pytest.raises(KeyboardInterrupt), stream:
        list(stream)
    assert all(thing is None for thing in lent(stream))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("rows", [10, ROWS])
def test_ctrl_c_before_the_first_instruction_of_the_handler_is_no_fault_of_the_file_either(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(csv_stream, "_handler", lambda _, __: interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(open_table(file_in(tmp_path, "utf-8", rows)).batches())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_cycle_around_a_suspended_reading_is_collected_at_once(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_stream, "LONGEST_SECONDS", 60)
    holder: list[object] = [open_table(file_in(tmp_path, encoding)).batches()]
    next(holder[0])  # type: ignore[call-overload]
    holder.append(holder)
    del holder
    started = time.monotonic()
    gc.collect()
    assert time.monotonic() - started < csv_stream.LONGEST_SECONDS / 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_process_that_ends_in_the_middle_of_a_table_ends_at_once(encoding: str, tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom tidegate.customers.load import open_table\n"
        "batches = open_table(Path(sys.argv[1])).batches()\nnext(batches)\nprint(time.monotonic())\nraise LookupError"
    )
    command = [sys.executable, "-c", script, str(file_in(tmp_path, encoding))]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1, ended.stderr
    assert time.monotonic() - float(ended.stdout) < csv_stream.LONGEST_SECONDS
