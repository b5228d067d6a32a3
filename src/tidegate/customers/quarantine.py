"""The quarantine file: every refused row with its number, column, rule and the kind of value found; never the value itself."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TextIO

from tidegate.customers.admit import Refusal
from tidegate.errors import InputRefused


class Quarantine:
    """Writes refusals to `path` (CSV), which appears only when there is one to write. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
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
        file = self.path.open("w", encoding="utf-8", newline="")
        csv.writer(file).writerow(("row", "column", "rule", "expected", "kind"))
        return file

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputRefused(f"{self.path} cannot be written: {error.strerror}.", "Choose a folder that you may write to.") from None

    def __enter__(self) -> Quarantine:
        """Start with nothing written; a file of an earlier run is removed."""
        with self._refusing():
            self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file; it stays, also after a refusal, as the evidence."""
        if self._file is not None:
            with self._refusing():
                self._file.close()
