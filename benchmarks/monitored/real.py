"""The two real batches against the real training table."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from monitored.streams import CONTRACT, LIMITS, SPEC
from tidegate.customers.admit import Tally, admit
from tidegate.customers.history import load_history
from tidegate.customers.load import columns_of, open_table
from tidegate.customers.rows import Rows, concatenate
from tidegate.monitoring.drift.decide import decide_drift

TABLE, EXPECTED = "bank_churners.csv", {"prod_batch_01_no_drift.csv": "PASS", "prod_batch_03_strong_drift.csv": "FAIL"}


def report(folder: Path, seed: int) -> bool:
    """Print what is found; whether the verdicts are the right ones."""
    with tempfile.TemporaryDirectory() as scratch:
        reference = load_history(folder / TABLE, SPEC, Path(scratch) / "quarantine.csv", 0.2).rows
    right = True
    for name, expected in EXPECTED.items():
        batch, tally = admitted(folder / name)
        unknown = [np.full(len(rows), np.nan) for rows in (reference, batch)]
        drift = decide_drift(SPEC, reference, unknown[0], batch, unknown[1], LIMITS, seed, None, tally.quarantined, tally.read)
        print(f"{name}: {tally.read:,} rows, {tally.quarantined} quarantined.")
        print(f"  data_stability {drift.data_stability}, column_drift {drift.column_drift}, dataset_drift {drift.dataset_drift}")
        for column in drift.columns:
            if column.drifted:
                effects = ", ".join(f"{effect} {size:.3f}" for effect, size in column.effects.items() if size)
                print(f"  drifted: {column.column} (adjusted p {column.adjusted_p_value:.1g}; {effects})")
        print("".join(f"  warning: {warning}\n" for warning in drift.warnings), end="")
        right &= drift.dataset_drift == expected
    return right


def admitted(path: Path) -> tuple[Rows, Tally]:
    table, tally = open_table(path), Tally()
    positions = columns_of(table, SPEC, tuple(column.name for column in SPEC.feature_columns))
    parts = [admit(CONTRACT, batch, positions, tally).rows for batch in table.batches()]
    return concatenate(parts, CONTRACT.layout), tally
