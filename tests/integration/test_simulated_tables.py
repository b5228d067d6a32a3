"""The simulated tables of benchmarks/quality.py: seeded, with the base rates they promise, and hard but not hopeless."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tidegate.measures.classification import roc_auc

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "simulated_tables.py"
ROWS = 20_000
NAMES = ("rare", "nonlinear", "categories")


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulated_tables_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tables(benchmark: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return {one.name: one for one in benchmark.write_all(tmp_path_factory.mktemp("tables"), ROWS, 1)}


def columns(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return {name: np.array(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}


def left(table: object) -> np.ndarray:
    """The label as 0/1, read from the file."""
    return np.isin(columns(table.path)[table.label], ("yes", "Attrited Customer")).astype(np.int8)


def test_there_are_three(tables: dict[str, object]) -> None:
    assert tuple(tables) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ones(benchmark: ModuleType, tmp_path: Path, name: str) -> None:
    written = {}
    for place, seed in (("one", 1), ("again", 1), ("other", 2)):
        (tmp_path / place).mkdir()
        benchmark.write_all(tmp_path / place, 500, seed)
        written[place] = [(tmp_path / place / file).read_bytes() for file in (f"{name}.csv", f"{name}.truth.csv")]
    assert written["one"] == written["again"]
    assert written["one"][0] != written["other"][0]


@pytest.mark.parametrize(("name", "rate"), [("rare", 0.05), ("nonlinear", 0.15), ("categories", 0.20)])
def test_the_base_rate_is_the_promised_one(tables: dict[str, object], name: str, rate: float) -> None:
    table = tables[name]
    assert table.probability.mean() == pytest.approx(rate, abs=0.005)
    assert left(table).mean() == pytest.approx(table.probability.mean(), abs=0.01)


@pytest.mark.parametrize(("name", "low", "high"), [("rare", 0.99, 0.9999), ("nonlinear", 0.90, 0.96), ("categories", 0.88, 0.95)])
def test_the_truth_ranks_well_but_not_perfectly(tables: dict[str, object], name: str, low: float, high: float) -> None:
    assert low < roc_auc(left(tables[name]), tables[name].probability) < high


@pytest.mark.parametrize("name", NAMES)
def test_the_truth_file_goes_with_the_table_row_by_row(tables: dict[str, object], name: str) -> None:
    table = tables[name]
    data, truth = columns(table.path), columns(table.path.with_name(f"{name}.truth.csv"))
    identifier = next(iter(data))
    assert (data[identifier] == truth[identifier]).all()
    assert len(set(data[identifier])) == ROWS
    assert (truth["churn_probability"].astype(float) == table.probability).all()


def test_no_number_of_the_nonlinear_table_says_much_alone(tables: dict[str, object]) -> None:
    table = tables["nonlinear"]
    data, label = columns(table.path), left(table)
    alone = [roc_auc(label, values.astype(float)) for name, values in data.items() if name.startswith("x")]
    assert len(alone) == 12
    assert max(max(one, 1 - one) for one in alone) < 0.65


def test_the_categories_have_their_levels_most_of_them_rare(tables: dict[str, object]) -> None:
    data = columns(tables["categories"].path)
    for levels in (5, 8, 12, 20, 40, 80, 120, 200):
        counts = np.unique(data[f"category_{levels}"], return_counts=True)[1]
        assert len(counts) == levels
        assert np.median(counts) <= ROWS / levels
