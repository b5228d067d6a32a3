"""The two real batches against the real training table: the one repeats it, the other drifted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tidegate.customers.admit import Tally, admit
from tidegate.customers.contract import compile_contract
from tidegate.customers.history import load_history
from tidegate.customers.load import columns_of, open_table
from tidegate.customers.rows import Rows, concatenate
from tidegate.customers.spec import load_spec
from tidegate.monitoring.drift.decide import decide_drift
from tidegate.monitoring.drift.findings import Drift
from tidegate.monitoring.drift.limits import DriftLimits

pytestmark = pytest.mark.real_data
SPEC = load_spec("bank")
CONTRACT = compile_contract(SPEC)


@pytest.fixture(scope="module")
def reference(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return load_history(real_data / "bank_churners.csv", SPEC, tmp_path_factory.mktemp("real") / "quarantine.csv", 0.2).rows


def decided(reference: Rows, path: Path) -> Drift:
    table, tally = open_table(path), Tally()
    positions = columns_of(table, SPEC, tuple(column.name for column in SPEC.feature_columns))
    batch = concatenate([admit(CONTRACT, part, positions, tally).rows for part in table.batches()], CONTRACT.layout)
    unknown = [np.full(len(rows), np.nan) for rows in (reference, batch)]
    return decide_drift(SPEC, reference, unknown[0], batch, unknown[1], DriftLimits(), 1, None, tally.quarantined, tally.read)


def test_the_first_batch_passes_and_is_known_from_the_training_table(reference: Rows, real_data: Path) -> None:
    found = decided(reference, real_data / "prod_batch_01_no_drift.csv")
    assert (found.data_stability, found.column_drift, found.dataset_drift) == ("PASS", "PASS", "PASS")
    assert found.repeated == 3_000
    assert len(found.warnings) == 1
    assert "occur in the reference" in found.warnings[0]


def test_the_third_batch_has_drifted(reference: Rows, real_data: Path) -> None:
    found = decided(reference, real_data / "prod_batch_03_strong_drift.csv")
    assert (found.data_stability, found.column_drift, found.dataset_drift) == ("WARNING", "FAIL", "FAIL")
    credit = {"credit_limit", "avg_open_to_buy", "total_revolving_bal", "avg_utilization_ratio"}
    assert set(found.drifted) == {*credit, "months_inactive_12_mon", "contacts_count_12_mon"}
    assert found.repeated == 0
