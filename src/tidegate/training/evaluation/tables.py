"""Tables of an evaluation as CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from tidegate.customers.formulas import neutralised_header

Cell = str | int | float | bool | None


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write UTF-8 CSV and the folder it belongs in; None, NaN and infinity become empty cells, texts are kept from running as formulas."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([_written(cell) for cell in row] for row in rows)


def _written(cell: Cell) -> Cell:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, str):
        return neutralised_header(cell)
    return cell if cell is not None and math.isfinite(cell) else ""
