"""A CSV file as Arrow's streaming reader has it, whose threads have let go of what is Python's when it is closed.

Arrow reads ahead on threads of its own, and one of them may drop the last reference to the file or to the row handler after the last
batch has been handed out. For that it needs the interpreter; where that is being torn down by then, the thread is ended in the middle of
C++ code and the process aborts with its work done: exit code 134 instead of 0 (Python 3.11, Initialization, Finalization, and Threads;
apache/arrow issue 34314).
"""

from __future__ import annotations

import codecs
import re
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from tidegate.customers.dialect import Dialect

BLOCK_BYTES = 1 << 20
# A thread lets go within milliseconds. A read that hangs, on a network drive, is waited for by Arrow itself, however long it takes.
LONGEST_SECONDS = 5.0
_UNANSWERED = re.compile(r"CSV parse error: (Row #\d+: )?Expected \d+ columns, got \d+")


class CsvStream:
    """All columns as text, named by position; `on_ragged` is told each line whose number of fields is not the header's, and answers "skip".

    A context manager: iterate inside it, and call `check` after each batch and at the end. Raises pyarrow.ArrowInvalid, on entering or
    reading, where the file is no CSV.
    """

    def __init__(self, path: Path, dialect: Dialect, on_ragged: Callable[[pyarrow.csv.InvalidRow], str]) -> None:
        self._path, self._dialect, self._on_ragged = path, dialect, on_ragged
        self._reader: pyarrow.csv.CSVStreamingReader | None = None
        self._work = ExitStack()
        self._loans = _Loans()

    def __enter__(self) -> CsvStream:
        """Open the file."""
        try:
            self._reader = pyarrow.csv.open_csv(
                self._source(),
                read_options=pyarrow.csv.ReadOptions(use_threads=False, autogenerate_column_names=True, block_size=BLOCK_BYTES),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=self._dialect.separator,
                    newlines_in_values=True,
                    invalid_row_handler=_handler(self._on_ragged, self._loans),
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={f"f{position}": pa.string() for position in range(len(self._dialect.headers))}, strings_can_be_null=False
                ),
            )
        except BaseException as error:
            self._close()
            self._blame(error)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Wait until Arrow has let go of everything, at most LONGEST_SECONDS for each thing lent."""
        self._close()
        if error is None or isinstance(error, pa.ArrowInvalid):
            self._blame(error)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches, once."""
        # The reader itself: a generator here would hold it for as long as a traceback lives.
        assert self._reader is not None
        return iter(self._reader)

    def check(self) -> None:
        """Raise what reading or `on_ragged` met: UnicodeDecodeError or OSError of a file that was changed meanwhile, KeyboardInterrupt."""
        if self._loans.fault is not None:
            raise self._loans.fault

    def _blame(self, error: BaseException | None) -> None:
        """Raise what is behind Arrow's error: a file that is no text any more, or Ctrl-C before our answer for a line of another length."""
        self.check()
        if not isinstance(error, pa.ArrowInvalid):
            return
        with self._path.open(encoding=self._dialect.encoding) as file:
            while file.read(BLOCK_BYTES):
                pass
        if _UNANSWERED.match(str(error)):
            raise KeyboardInterrupt from None

    def _close(self) -> None:
        self._reader = None
        self._work.close()
        self._loans.wait()

    def _source(self) -> pa.NativeFile:
        if self._dialect.encoding in ("utf-8", "utf-8-sig"):
            return self._work.enter_context(pa.OSFile(str(self._path)))
        recoded = _Recoded(self._path, self._dialect.encoding, self._loans)
        self._work.callback(recoded.close)
        return self._work.enter_context(pa.PythonFile(recoded, mode="r"))


class _Loans:
    """What Arrow holds of ours, and the first exception met while it called us, which it would print or let a thread hold."""

    def __init__(self) -> None:
        self.fault: BaseException | None = None
        self.lent: list[weakref.ref[object]] = []
        self._returned: SimpleQueue[object] = SimpleQueue()

    def lend(self, thing: object) -> None:
        # `put` is C code: the thread that lets go runs no bytecode of ours in between, and so keeps the interpreter until it is through.
        self.lent.append(weakref.ref(thing, self._returned.put))

    def keep(self, error: BaseException) -> None:
        if self.fault is None:
            self.fault = error.with_traceback(None)  # its frames hold what was lent

    def wait(self) -> None:
        if sys.is_finalizing():  # Arrow lets go of nothing any more
            return
        with suppress(Empty):
            for _ in self.lent:
                self._returned.get(timeout=LONGEST_SECONDS)


def _handler(tell: Callable[[pyarrow.csv.InvalidRow], str], loans: _Loans) -> Callable[[pyarrow.csv.InvalidRow], str]:
    def handler(row: pyarrow.csv.InvalidRow) -> str:
        try:
            return tell(row)
        except BaseException as error:  # noqa: BLE001 - `check` raises it again
            loans.keep(error)
            return "skip"

    loans.lend(handler)
    return handler


class _Recoded:
    """A file in another encoding as Arrow reads one, in UTF-8. Each piece is lent too, which Arrow's own recoding would not let us follow.

    The file itself comes back when Arrow closes it. Where reading fails, the file ends, and the fault is kept.
    """

    def __init__(self, path: Path, encoding: str, loans: _Loans) -> None:
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._left = b""
        self._loans = loans

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        self._file.close()

    def read(self, most: int) -> NDArray[np.uint8]:
        try:
            given = self._read(most)
        except BaseException as error:  # noqa: BLE001 - `check` raises it again
            self._loans.keep(error)
            given = b""
        piece = np.frombuffer(given, np.uint8)  # bytes cannot be followed, an array can
        self._loans.lend(piece)
        return piece

    def _read(self, most: int) -> bytes:
        while len(self._left) < most:
            read = self._file.read(most)
            self._left += self._decoder.decode(read, final=not read).encode()
            if not read:
                break
        given, self._left = self._left[:most], self._left[most:]
        return given
