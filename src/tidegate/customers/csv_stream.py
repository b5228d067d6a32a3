"""A CSV file as Arrow's streaming reader has it, whose threads have let go of what is Python's when it is closed.

Arrow reads ahead on threads of its own, and one of them may drop the last reference to the file or to the row handler after the last
batch has been handed out. For that it needs the interpreter; where that is being torn down by then, the thread is ended in the middle of
C++ code and the process aborts with its work done: exit code 134 instead of 0 (Python 3.11, Initialization, Finalization, and Threads;
apache/arrow issue 34314).
"""

from __future__ import annotations

import codecs
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
# A thread lets go within milliseconds; what hangs longer, on a network drive, is not waited for.
LONGEST_SECONDS = 5.0


class CsvStream:
    """All columns as text, named by position; `on_ragged` is told each line whose number of fields is not the header's, and answers "skip".

    A context manager: iterate inside it. Raises pyarrow.ArrowInvalid, on entering or reading, where the file is no CSV.
    """

    def __init__(self, path: Path, dialect: Dialect, on_ragged: Callable[[pyarrow.csv.InvalidRow], str]) -> None:
        self._path, self._dialect, self._on_ragged = path, dialect, on_ragged
        self._reader: pyarrow.csv.CSVStreamingReader | None = None
        self._work = ExitStack()
        self._let_go: SimpleQueue[object] = SimpleQueue()
        self._lent: list[weakref.ref[object]] = []

    def __enter__(self) -> CsvStream:
        """Open the file."""
        try:
            self._reader = pyarrow.csv.open_csv(
                self._source(),
                read_options=pyarrow.csv.ReadOptions(use_threads=False, autogenerate_column_names=True, block_size=BLOCK_BYTES),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=self._dialect.separator, newlines_in_values=True, invalid_row_handler=self._handler()
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={f"f{position}": pa.string() for position in range(len(self._dialect.headers))}, strings_can_be_null=False
                ),
            )
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Wait until Arrow has let go of everything, at most LONGEST_SECONDS for each thing lent."""
        self._close()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches, once."""
        # The reader itself: a generator here would hold it for as long as a traceback lives.
        assert self._reader is not None
        return iter(self._reader)

    def _close(self) -> None:
        self._reader = None
        self._work.close()
        with suppress(Empty):
            for _ in self._lent:
                self._let_go.get(timeout=LONGEST_SECONDS)

    def _source(self) -> pa.NativeFile:
        if self._dialect.encoding in ("utf-8", "utf-8-sig"):
            return self._work.enter_context(pa.OSFile(str(self._path)))
        recoded = _Recoded(self._path, self._dialect.encoding, self._lend)
        self._work.callback(recoded.close)
        return self._work.enter_context(pa.PythonFile(recoded, mode="r"))

    def _handler(self) -> Callable[[pyarrow.csv.InvalidRow], str]:
        tell = self._on_ragged

        def handler(row: pyarrow.csv.InvalidRow) -> str:
            return tell(row)

        self._lend(handler)
        return handler

    def _lend(self, thing: object) -> None:
        # `put` is C code: the thread that lets go runs no bytecode of ours in between, and so keeps the interpreter until it is through.
        self._lent.append(weakref.ref(thing, self._let_go.put))


class _Recoded:
    """A file in another encoding as Arrow reads one, in UTF-8. Each piece is lent too, which Arrow's own recoding would not let us follow.

    The file itself comes back when Arrow closes it.
    """

    def __init__(self, path: Path, encoding: str, lend: Callable[[object], None]) -> None:
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._left = b""
        self._lend = lend

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        self._file.close()

    def read(self, most: int) -> NDArray[np.uint8]:
        while len(self._left) < most:
            read = self._file.read(most)
            self._left += self._decoder.decode(read, final=not read).encode()
            if not read:
                break
        given, self._left = self._left[:most], self._left[most:]
        piece = np.frombuffer(given, np.uint8)  # bytes cannot be followed, an array can
        self._lend(piece)
        return piece
