"""A file on its way through the scoring API: in a thread of its own, so that whoever waits may look at other pages meanwhile."""

from __future__ import annotations

import shutil
import threading
import time
import weakref
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

import pyarrow as pa
import pyarrow.parquet

from tidegate.errors import TidegateError
from tidegate.ui.client import files
from tidegate.ui.client.files import Serving
from tidegate.ui.client.http import Api
from tidegate.ui.files.folders import Folder
from tidegate.ui.files.scored import Scored, prepare

Step = Literal["sending", "scoring", "reading"]
_PARQUET = b"PAR1"
_PIECE_BYTES = 1 << 20


class NoRoom(TidegateError):
    """The folder for temporary files takes no more."""


class Stopped(TidegateError):
    """A person stopped it."""


@dataclass(frozen=True)
class Outcome:
    """A scored file: its CSV as the API answered it, what pages are read from, what served, and when the last row came (ISO)."""

    answer: Path
    scored: Scored
    serving: Serving
    at: str


@dataclass
class _Work:
    """What the thread and the page share. Whoever ends first may drop it."""

    api: Api
    folder: Path
    once: str
    stop: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    step: Step = "sending"
    lines: int = 0
    outcome: Outcome | None = None
    fault: TidegateError | None = None

    @property
    def sent(self) -> Path:
        """The file as it was chosen, while it is needed."""
        return self.folder / "sent"


class FileScoring:
    """One file being scored, or that was. With this object go the thread, at its next row, and the folder with the customers' rows.

    `name` is the caller's, `once` the idempotency key that it is sent with, `expected` the rows that will come back where that is known.
    Raises OSError where there is no room for a copy of the file.
    """

    def __init__(self, api: Api, name: str, file: IO[bytes], once: str) -> None:
        self.name, self.key = name, api.key
        self._folder = Folder()
        self._work = _Work(api, self._folder.path, once)
        # On the disk meanwhile: in memory it would be there once more than Streamlit has it already.
        with self._work.sent.open("wb") as copy:
            shutil.copyfileobj(file, copy, _PIECE_BYTES)
        self.expected = rows_of(self._work.sent)
        weakref.finalize(self, self._work.stop.set)
        self._thread = threading.Thread(target=_run, args=(self._work,), daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether the thread has: with an outcome, with a fault, or with neither where a fault is ours (the log has it)."""
        return not self._thread.is_alive()

    @property
    def outcome(self) -> Outcome | None:
        """What came of it."""
        return self._work.outcome

    @property
    def fault(self) -> TidegateError | None:
        """Why nothing came of it: ApiFault, NotScored, NoRoom, Stopped."""
        return self._work.fault

    @property
    def step(self) -> Step:
        """What is being done."""
        return self._work.step

    @property
    def rows(self) -> int:
        """How many lines came back so far; one with a line end in a cell counts as two."""
        return max(0, self._work.lines - 1)

    @property
    def seconds(self) -> float:
        """Since it began, until it ended."""
        return (self._work.ended or time.monotonic()) - self._work.began

    @property
    def kept(self) -> bool:
        """Whether its files are still there: after a day they are not."""
        return self._work.outcome is not None and self._work.outcome.answer.exists()

    def stop(self) -> None:
        """End it at its next row."""
        self._work.stop.set()

    def remove(self) -> None:
        """End it, and remove the customers' rows from the disk, where nobody is to look at it any more."""
        self.stop()
        self._folder.remove()

    def wait(self, seconds: float) -> None:
        """Until it has ended, at most so long."""
        self._thread.join(seconds)


def rows_of(path: Path) -> int | None:
    """The customers in a CSV, by its line ends, or in a Parquet file, by its footer; None where there is none to be read."""
    with path.open("rb") as file:
        if file.read(len(_PARQUET)) != _PARQUET:
            return _lines(path) - 1
    try:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError):
        return None  # the API says what is wrong with it


def _lines(path: Path) -> int:
    """By line feeds or, where a file has none, carriage returns; at least 1."""
    line_feeds = carriage_returns = 0
    last = b"\n"
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            line_feeds, carriage_returns, last = line_feeds + piece.count(b"\n"), carriage_returns + piece.count(b"\r"), piece
    return max(1, max(line_feeds, carriage_returns) + (not last.endswith((b"\n", b"\r"))))


def _run(work: _Work) -> None:
    try:
        work.outcome = _outcome(work)
    except TidegateError as fault:
        work.fault = fault
    except OSError:
        work.fault = NoRoom(
            "The scored file cannot be kept: the folder for temporary files takes no more.", "Make room there, or set TMPDIR."
        )
    finally:
        work.ended = time.monotonic()
        if work.outcome is None:
            shutil.rmtree(work.folder, ignore_errors=True)


def _outcome(work: _Work) -> Outcome:
    answer = work.folder / "scored.csv"
    before = files.serving(work.api)
    with work.sent.open("rb") as sent, files.scored(work.api, sent, work.once) as pieces, answer.open("wb") as file:
        for piece in pieces:
            if work.stop.is_set():
                raise Stopped("Stopped.")
            work.step = "scoring"
            work.lines += piece.count(b"\n")
            file.write(piece)
    work.sent.unlink()
    work.step = "reading"
    scored, at = prepare(answer), datetime.now(UTC).isoformat()
    # Another version may have become the champion just before the first row.
    serving = before if before.version in scored.versions or not scored.versions else files.serving(work.api)
    return Outcome(answer, scored, serving, at)
