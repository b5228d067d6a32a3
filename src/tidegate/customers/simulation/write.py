"""A simulation on disk: the table, the truth beside it, and for a panel the spec to train with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from tidegate.customers.simulation.draw import Integers
from tidegate.customers.simulation.scenario import PLAIN, Scenario
from tidegate.customers.simulation.simulate import LABEL, Simulated, simulate_blocks
from tidegate.errors import InputRefused

HISTOGRAM_BINS = 10_000
BANK_SPEC = "bank.toml"
ID_LINE = 'id = "clientnum"\n'
PANEL_ROLES = 'time = "snapshot_month"\ngroup = "clientnum"\n'
PANEL_COLUMN = '[columns.snapshot_month]\nkind = "date"\nmeaning = "Last day of the month that the row describes"\n\n'
FIRST_COLUMN = "[columns."


@dataclass
class _Counts:
    """What was written: rows, labels flipped and unknown, rows hit by an incident, and how often each probability was drawn."""

    rows: int = 0
    flipped_labels: int = 0
    unknown_labels: int = 0
    incident_rows: int = 0
    histogram: Integers = field(default_factory=lambda: np.zeros((2, HISTOGRAM_BINS), np.int64))
    """int64 (2, bins): by true label, then by probability."""

    def add(self, block: Simulated) -> None:
        """Count one block."""
        self.rows += len(block.table)
        bins = np.minimum((block.churn_probability * HISTOGRAM_BINS).astype(np.int64), HISTOGRAM_BINS - 1)
        counted = np.bincount(bins + HISTOGRAM_BINS * block.churned, minlength=2 * HISTOGRAM_BINS)
        self.histogram += counted.reshape(2, HISTOGRAM_BINS)
        if LABEL in block.truth.column_names:
            self.flipped_labels += pc.sum(pc.not_equal(block.table[LABEL], block.truth[LABEL])).as_py() or 0
            self.unknown_labels += block.table[LABEL].null_count
            self.incident_rows += len(block.truth) - block.truth["incident"].null_count


def write_simulated(
    out: Path, rows: int, seed: int, progress: Callable[[int], None] | None = None, scenario: Scenario = PLAIN
) -> dict[str, object]:
    """Stream `rows` customers (in a panel: `rows` in each month) to `out` (.csv or .parquet) and the truth to `<stem>.truth.<suffix>`.

    A panel's spec goes to `<stem>.toml`. The files appear when the last row is written, or not at all. `progress` is told the
    number of rows written so far.

    Returns:
        `rows` (written), `seed`, `output`, `truth`, `base_rate` (share of churners by the true label) and `best_possible_roc_auc`
        (the true probability against the true labels; None when only one label was drawn). With a scenario also `months`,
        `flipped_labels`, `unknown_labels`, `incident_rows` and `spec` (None for a single month).

    Raises:
        SettingRefused: `rows`, `seed` or the scenario is out of range.
        InputRefused: the suffix is neither .csv nor .parquet, a file cannot be written, or another spec is in the way.
    """
    _check_place(out)
    blocks = simulate_blocks(rows, seed, scenario)
    truth = out.with_name(f"{out.stem}.truth{out.suffix}")
    spec = out.with_suffix(".toml") if scenario.months > 1 else None
    texts = {} if spec is None else {spec: panel_spec()}
    with _appearing_whole(out, truth, *texts) as parts:
        _keep_other_specs(texts)
        counts = _write_blocks(blocks, parts[out], parts[truth], progress)
        for path, text in texts.items():
            parts[path].write_text(text, encoding="utf-8")
    answer: dict[str, object] = {"rows": counts.rows, "seed": seed, "output": str(out), "truth": str(truth)}
    answer |= {"base_rate": float(counts.histogram[1].sum() / counts.rows), "best_possible_roc_auc": roc_auc_of_histogram(counts.histogram)}
    if scenario != PLAIN:
        answer |= {"months": scenario.months, "flipped_labels": counts.flipped_labels, "unknown_labels": counts.unknown_labels}
        answer |= {"incident_rows": counts.incident_rows, "spec": None if spec is None else str(spec)}
    return answer


@contextmanager
def _appearing_whole(out: Path, *beside: Path) -> Iterator[dict[Path, Path]]:
    """A temporary file for each path; all take their places at the end, `out` last, or none does. Raises InputRefused."""
    parts = {path: path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}") for path in (*beside, out)}
    try:
        yield parts
        for path, part in parts.items():
            part.replace(path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "input or output error"  # Arrow's own text names the temporary file
        raise InputRefused(
            f"'{out}' cannot be written ({reason}).", "Name a file in a folder that you may write to, with room for it."
        ) from error
    finally:
        for part in parts.values():
            with suppress(OSError):
                part.unlink(missing_ok=True)


def panel_spec() -> str:
    """The shipped spec of the bank as TOML, with the month as its time and the customer as its group."""
    text = (resources.files("tidegate") / "specs" / BANK_SPEC).read_text(encoding="utf-8")
    text = text.replace(ID_LINE, ID_LINE + PANEL_ROLES, 1)
    return text.replace(FIRST_COLUMN, PANEL_COLUMN + FIRST_COLUMN, 1)


def _check_place(out: Path) -> None:
    if out.is_dir():
        raise InputRefused(f"'{out}' is a folder.", "Name a file that ends in .csv or .parquet.")
    if out.suffix not in (".csv", ".parquet"):
        raise InputRefused(f"'{out.name}' ends in neither .csv nor .parquet.", "Name the output with one of these suffixes.")


def _keep_other_specs(texts: dict[Path, str]) -> None:
    """A spec that a person may have written is not replaced."""
    for path, text in texts.items():
        if path.exists() and path.read_bytes() != text.encode():
            raise InputRefused(f"'{path}' exists and is another spec than the panel's.", "Name another output, or remove that spec first.")


def _open_writer(path: Path, schema: pa.Schema) -> Any:
    if path.suffix == ".parquet":
        return pyarrow.parquet.ParquetWriter(path, schema)
    return pyarrow.csv.CSVWriter(path, schema, write_options=pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none"))


def _write_blocks(blocks: Iterator[Simulated], out: Path, truth: Path, progress: Callable[[int], None] | None) -> _Counts:
    """Each block to both files."""
    counts = _Counts()
    with ExitStack() as open_files:
        writers: list[Any] = []
        for block in blocks:
            tables = (block.table, block.truth)
            if not writers:
                writers = [open_files.enter_context(_open_writer(path, one.schema)) for path, one in zip((out, truth), tables, strict=True)]
            for writer, one in zip(writers, tables, strict=True):
                writer.write_table(one)
            counts.add(block)
            if progress is not None:
                progress(counts.rows)
    return counts


def roc_auc_of_histogram(histogram: Integers) -> float | None:
    """Area under the ROC curve from counts (2, bins) of stayers and churners by rising score; ties count half.

    None when a label is absent.

    >>> roc_auc_of_histogram(np.array([[8, 2], [1, 9]]))
    0.85
    """
    stayed, churned = histogram.astype(np.float64)
    pairs = stayed.sum() * churned.sum()
    if pairs == 0:
        return None
    stayed_below = np.cumsum(stayed) - stayed / 2
    return float((churned * stayed_below).sum() / pairs)
