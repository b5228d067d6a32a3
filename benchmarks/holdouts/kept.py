"""Results of finished runs on disk, so that no run is done twice."""

from __future__ import annotations

import json
import os
from pathlib import Path

from holdouts.run import Record, Run


class Kept:
    """Results of finished runs, one JSON object a line; a line cut short by a kill is ignored."""

    def __init__(self, place: Path | None) -> None:
        self.place = place
        self.records: dict[tuple[object, ...], Record] = {}
        for line in place.read_text().splitlines() if place and place.exists() else []:
            try:
                record = json.loads(line)
                run = Run(**{name: record[name] for name in Run.__dataclass_fields__})
            except (ValueError, KeyError):
                continue
            self.records[run.key] = record

    def add(self, run: Run, record: Record) -> None:
        """Remember, on disk first."""
        if self.place:
            whole = not self.place.exists() or self.place.read_bytes()[-1:] in (b"", b"\n")
            with self.place.open("a") as file:
                file.write(("" if whole else "\n") + json.dumps(record) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self.records[run.key] = record
