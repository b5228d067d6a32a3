"""A file on its way through the scoring API: in a thread of its own, so that whoever waits may look at other pages meanwhile."""

from __future__ import annotations

import io
import threading
import time
import weakref
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet

from tidegate.errors import TidegateError
from tidegate.ui.client import files
from tidegate.ui.client.files import Serving
from tidegate.ui.client.http import Api
from tidegate.ui.folders import Folder
from tidegate.ui.scored import Scored, prepare

Step = Literal["sending", "scoring", "reading"]
_PARQUET = b"PAR1"


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
    step: Step = "sending"
    lines: int = 0
    outcome: Outcome | None = None
    fault: TidegateError | None = None


class FileScoring:
    """One file being scored, or that was. With this object go the thread, at its next row, and the folder with the customers' rows.

    `name` is the caller's, `once` the idempotency key that it is sent with, `expected` the rows that will come back where that is known.
    """

    def __init__(self, api: Api, name: str, content: bytes, once: str) -> None:
        self.name, self.once, self.key = name, once, api.key
        self.expected = rows_of(content)
        self._folder = Folder()
        self._work = _Work(api, self._folder.path, once)
        weakref.finalize(self, self._work.stop.set)
        self._thread = threading.Thread(target=_run, args=(self._work, content), daemon=True)
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
        """Since it began."""
        return time.monotonic() - self._work.began

    @property
    def kept(self) -> bool:
        """Whether its files are still there: after a day they are not."""
        return self._work.outcome is not None and self._work.outcome.answer.exists()

    def stop(self) -> None:
        """End it at its next row."""
        self._work.stop.set()

    def wait(self, seconds: float) -> None:
        """Until it has ended, at most so long."""
        self._thread.join(seconds)


def rows_of(content: bytes) -> int | None:
    """The customers in a CSV, by its line ends, or in a Parquet file, by its footer; None where there is none to be read.

    >>> rows_of(b"a,b\\n1,2\\n3,4"), rows_of(b"PAR1 and nothing else")
    (2, None)
    """
    if content.startswith(_PARQUET):
        try:
            return int(pyarrow.parquet.read_metadata(pa.BufferReader(content)).num_rows)
        except (pa.ArrowException, OSError):
            return None  # the API says what is wrong with it
    ends = max(content.count(b"\n"), content.count(b"\r"))
    return ends - 1 if content.endswith((b"\n", b"\r")) else ends


def _run(work: _Work, content: bytes) -> None:
    try:
        work.outcome = _outcome(work, content)
    except TidegateError as fault:
        work.fault = fault
    except OSError:
        work.fault = NoRoom(
            "The scored file cannot be kept: the folder for temporary files takes no more.", "Make room there, or set TMPDIR."
        )


def _outcome(work: _Work, content: bytes) -> Outcome:
    answer = work.folder / "scored.csv"
    before = files.serving(work.api)
    with files.scored(work.api, io.BytesIO(content), work.once) as pieces, answer.open("wb") as file:
        for piece in pieces:
            if work.stop.is_set():
                raise Stopped("Stopped.")
            work.step = "scoring"
            work.lines += piece.count(b"\n")
            file.write(piece)
    work.step = "reading"
    scored, at = prepare(answer), datetime.now(UTC).isoformat()
    # Another version may have become the champion just before the first row.
    serving = before if before.version in scored.versions or not scored.versions else files.serving(work.api)
    return Outcome(answer, scored, serving, at)
