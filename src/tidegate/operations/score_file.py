"""`tidegate score`: a file of customers in, the same customers with their churn probability out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tidegate.bundle.batches import score_batches, scored_columns
from tidegate.bundle.champion import open_champion
from tidegate.bundle.reasons.table import require_reason_columns, with_reasons
from tidegate.bundle.scorer import Scorer
from tidegate.customers.admit import Tally
from tidegate.customers.load import Table, open_table
from tidegate.customers.quarantine import Quarantine
from tidegate.errors import InputRefused
from tidegate.home import Home
from tidegate.ledger.events import append_event
from tidegate.ledger.store import Ledger
from tidegate.storage.objects import open_storage


@dataclass(frozen=True)
class ScoredFile:
    """What scoring a file did; `quarantine` is None where every row was admitted."""

    tally: Tally
    output: Path
    quarantine: Path | None
    version: str

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        tally = self.tally
        return {
            "rows": tally.read,
            "scored": tally.read - tally.quarantined,
            "quarantined": tally.quarantined,
            "output": str(self.output),
            "quarantine": None if self.quarantine is None else str(self.quarantine),
            "model_version": self.version,
            "rules": tally.rules,
            "repaired": tally.repaired,
            "warned": tally.warned,
            "outside_expected": tally.outside_expected,
        }

    def summary(self) -> str:
        """Two lines for a person."""
        scored = self.tally.read - self.tally.quarantined
        refused = f"\n{self.tally.quarantined:,} rows refused, listed in {self.quarantine}." if self.quarantine else ""
        return f"{scored:,} of {self.tally.read:,} customers scored by version {self.version} into {self.output}.{refused}"


def score_file(
    home: Home,
    ledger: Ledger,
    source: Path,
    output: Path,
    most_bad: float,
    who: str,
    now: datetime,
    progress: Callable[[int], None],
    reasons: int = 0,
) -> ScoredFile:
    """Score every valid row of `source` into `output` (CSV or Parquet by suffix); refused rows go to a file beside it.

    The `reasons` strongest reasons of each row follow as sentences. The output appears whole or not at all. Writes one event to the ledger,
    no predictions.
    """
    if output.suffix.lower() not in (".csv", ".parquet"):
        raise InputRefused(f"{output.name} is neither .csv nor .parquet.", "Name the output with one of these endings.")
    quarantine_path = output.with_name(f"{output.stem}.quarantine.csv")
    for written in (output, quarantine_path):
        if written.exists() and source.exists() and written.samefile(source):
            raise InputRefused(f"{written.name} is also the input.", "Name another output.")
    table = open_table(source)
    scorer = open_champion(open_storage(home))
    require_reason_columns(scorer, table, reasons)
    tally = Tally()
    with Quarantine(quarantine_path) as quarantine, _replacing(output) as temporary:
        _write(temporary, _answers(scorer, table, tally, most_bad, quarantine, reasons), tally, progress)
    evidence = {
        "data": table.sha256,
        "rows": tally.read,
        "quarantined": tally.quarantined,
        "version": scorer.version,
        "digest": scorer.digest,
    }
    append_event(ledger, who, "scored a file", evidence, now)
    return ScoredFile(tally, output, quarantine_path if quarantine.count else None, scorer.version)


def _answers(scorer: Scorer, table: Table, tally: Tally, most_bad: float, quarantine: Quarantine, reasons: int) -> Iterator[pa.RecordBatch]:
    for scored in score_batches(scorer, table, tally, most_bad):
        quarantine.add(scored.admitted.refusals)
        columns = scored_columns(scored, table)
        yield with_reasons(columns, scorer, scored.admitted.rows, reasons) if reasons else columns


def _write(path: Path, answers: Iterator[pa.RecordBatch], tally: Tally, progress: Callable[[int], None]) -> None:
    writer: Any = None
    try:
        for columns in answers:
            writer = writer or _writer(path, columns.schema)
            writer.write_batch(columns)
            progress(tally.read)
    finally:
        if writer is not None:
            writer.close()


def _writer(path: Path, schema: pa.Schema) -> Any:
    if path.name.endswith(".parquet.part"):
        return pyarrow.parquet.ParquetWriter(path, schema)
    return pyarrow.csv.CSVWriter(path, schema, write_options=pyarrow.csv.WriteOptions(quoting_style="needed"))


@contextmanager
def _replacing(output: Path) -> Iterator[Path]:
    """A new temporary file beside the output that takes its place when the block succeeds and is removed when it fails."""
    temporary = output
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=output.parent, prefix=".tidegate-", suffix=f"{output.suffix.lower()}.part")
        os.close(handle)
        temporary = Path(name)
        temporary.chmod(0o666 & ~_umask())
        yield temporary
        temporary.replace(output)
    except OSError as error:
        raise InputRefused(
            f"{output} cannot be written: {error.strerror or error}.", "Choose a folder with room that you may write to."
        ) from None
    finally:
        if temporary != output:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
