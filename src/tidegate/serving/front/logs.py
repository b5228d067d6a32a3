"""Log lines of a server: one JSON object (or one line of text) each, on stderr, written by a thread of their own.

What may stand in them is closed: our own sentences, which hold no customer's value, and of an exception its type and its place. The text
of an exception, and what other libraries say, may quote a request.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections import deque
from datetime import UTC, datetime
from typing import Literal

from tidegate.settings import Settings

MOST_LINES = 50_000  # waiting to be written; more are counted and dropped
GATHER_SECONDS, CLOSE_SECONDS = 0.05, 2.0
_SPEAKS_SAFELY = ("tidegate", "uvicorn")
Form = Literal["json", "text"]


class LineWriter:
    """Writes lines to a file descriptor (None: nowhere) without ever making who logs wait: a full pipe or disk costs lines, not answers."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._wake = threading.Event()
        self._open = True
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Hand over one line, its end included."""
        if len(self._lines) >= MOST_LINES:
            self.dropped += 1
            return
        self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Write what waits, for two seconds at most."""
        self._open = False
        self._wake.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if self._open:
                time.sleep(GATHER_SECONDS)
            self._wake.clear()
            waiting = [self._lines.popleft() for _ in range(len(self._lines))]
            try:
                self._out("".join(waiting).encode("utf-8", "backslashreplace"))
            except OSError:
                self.dropped += len(waiting)
            if not self._open and not self._lines:
                return

    def _out(self, content: bytes) -> None:
        while content and self._descriptor is not None:
            try:
                content = content[os.write(self._descriptor, content) :]
            except BlockingIOError:  # a descriptor that another program set to non-blocking
                time.sleep(GATHER_SECONDS)


class LineFormatter(logging.Formatter):
    """A record as one line. `extra={"fields": {…}}` adds members."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        members: dict[str, object] = {
            "time": stamp(record.created),
            "level": record.levelname.lower(),
            "event": "log",
            "logger": record.name,
        }
        if record.name.startswith("tidegate"):
            members["message"] = record.getMessage()
        elif record.name.startswith(_SPEAKS_SAFELY):
            members["message"] = str(record.msg).strip()  # what it would fill in may come from a request
        members.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1] is not None:
            members.update(fault(record.exc_info[1]))
        if self._form == "json":
            return json.dumps(members, separators=(",", ":"))
        told = [f"{name}={value}" for name, value in members.items() if name not in ("time", "level", "event", "message")]
        return " ".join([str(members["time"]), str(members["level"]), str(members.get("message", "")), *told]).replace("\n", " ")


class LineHandler(logging.Handler):
    """Hands formatted records to the writer."""

    def __init__(self, writer: LineWriter, form: Form) -> None:
        super().__init__()
        self._writer = writer
        self.setFormatter(LineFormatter(form))

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        self._writer.write(self.format(record) + "\n")


def fault(error: BaseException) -> dict[str, object]:
    """What may be said of an exception: its type and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "place": f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"}


def stamp(seconds: float) -> str:
    """A time (seconds since 1970) in ISO 8601, UTC, with milliseconds.

    >>> stamp(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def form_of(settings: Settings) -> Form:
    """How lines look: as the setting says; else text where a person sees them, JSON where a program does."""
    if settings.log_format != "auto":
        return settings.log_format
    return "text" if sys.stderr is not None and sys.stderr.isatty() else "json"


def start_logging(settings: Settings) -> LineWriter:
    """Send the log of this process to stderr, as lines: ours from INFO, others' from WARNING. The caller closes the writer."""
    writer = LineWriter(sys.stderr.fileno() if sys.stderr is not None else None)
    root = logging.getLogger()
    root.handlers[:] = [LineHandler(writer, form_of(settings))]
    root.setLevel(logging.WARNING)
    logging.getLogger("tidegate").setLevel(logging.INFO)
    return writer
