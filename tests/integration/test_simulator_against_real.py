"""The simulated bank against the real table: the figures of docs/simulator.md, with their limits."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest

from tidegate.customers.simulation.simulate import simulate_table

pytestmark = pytest.mark.real_data

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "simulator.py"
LIMIT = 0.10


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulator_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def real(benchmark: ModuleType) -> pa.Table:
    folder = os.environ.get("TIDEGATE_REAL_DATA")
    if folder is None:
        pytest.skip("TIDEGATE_REAL_DATA names no folder with the real tables")
    if not (Path(folder) / benchmark.REAL_FILE).is_file():
        pytest.skip(f"the folder in TIDEGATE_REAL_DATA holds no {benchmark.REAL_FILE}")
    return benchmark.read_real(Path(folder))


@pytest.fixture(scope="module", params=[(10_127, 11), (50_000, 12)], ids=["10127", "50000"])
def simulated(request: pytest.FixtureRequest) -> pa.Table:
    rows, seed = request.param
    return simulate_table(rows, seed).table


def test_the_columns_are_the_same(real: pa.Table, simulated: pa.Table) -> None:
    assert simulated.column_names == real.column_names
    assert simulated.schema.types == real.schema.types


def test_every_marginal_is_close(benchmark: ModuleType, real: pa.Table, simulated: pa.Table) -> None:
    distances = benchmark.marginal_distances(real, simulated)
    assert len(distances) == 20
    assert {name: distance for name, distance in distances.items() if distance > LIMIT} == {}


def test_every_correlation_is_close(benchmark: ModuleType, real: pa.Table, simulated: pa.Table) -> None:
    differences = benchmark.correlation_differences(real, simulated)
    assert len(differences) == 15 * 14 / 2
    assert [pair for pair in differences if pair[0] > LIMIT] == []


def test_no_simulated_customer_is_a_real_one(real: pa.Table, simulated: pa.Table) -> None:
    names = [name for name in real.column_names if name != "CLIENTNUM"]
    real_rows = set(zip(*(real[name].to_pylist() for name in names), strict=True))
    assert real_rows.isdisjoint(zip(*(simulated[name].to_pylist() for name in names), strict=True))


def test_a_model_finds_it_as_hard_as_the_real_table(benchmark: ModuleType, real: pa.Table) -> None:
    simulated_auc = np.mean([benchmark.mean_auc(simulate_table(real.num_rows, seed).table, splits=1) for seed in (1, 2, 3)])
    assert simulated_auc == pytest.approx(benchmark.mean_auc(real), abs=0.01)
