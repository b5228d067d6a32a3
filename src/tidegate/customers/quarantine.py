"""The quarantine file: every refused row with its number, column, rule and the kind of value found; never the value itself."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TextIO

from tidegate.customers.admit import Refusal
from tidegate.errors import InputRefused, TableRefused


class Quarantine:
    """Writes refusals to `path` (CSV), which appears whole, and only when there is one to write. Use as a context manager.

    It takes the place of an earlier run's file when the block succeeds, or when the table is refused: then it is the evidence. After any
    other end the earlier file is as it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name[-200:]}.{os.getpid()}-{id(self):x}.part")
        self.count = 0
        self._file: TextIO | None = None

    def add(self, refusals: Iterable[Refusal]) -> None:
        """Append refusals. Raises InputRefused where the folder cannot be written."""
        with self._refusing():
            for refusal in refusals:
                if self._file is None:
                    self._file = self._open()
                csv.writer(self._file).writerow((refusal.row, refusal.column, refusal.rule, f"expected {refusal.expects}", refusal.kind))
                self.count += 1

    def _open(self) -> TextIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self._part.open("w", encoding="utf-8", newline="")
        csv.writer(file).writerow(("row", "column", "rule", "expected", "kind"))
        return file

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputRefused(f"{self.path} cannot be written: {error.strerror}.", "Choose a folder that you may write to.") from None

    def __enter__(self) -> Quarantine:
        """Start with nothing written."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Put the file in place, or away."""
        with self._refusing():
            if self._file is not None:
                self._file.close()
            if error is None or isinstance(error, TableRefused):
                if self._file is not None:
                    self._part.replace(self.path)
                elif error is None:
                    self.path.unlink(missing_ok=True)
            self._part.unlink(missing_ok=True)
