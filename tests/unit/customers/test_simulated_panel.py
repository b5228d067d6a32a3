"""Months of history: the same customers, who age, change a little, leave for good and are replaced."""

from __future__ import annotations

import tracemalloc
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from tidegate.customers.history import load_history
from tidegate.customers.simulation.scenario import ConceptDrift, Drift, Incident, LevelDrift, Onset, Scenario
from tidegate.customers.simulation.simulate import Simulated, simulate_blocks, simulate_table
from tidegate.customers.simulation.write import panel_spec, write_simulated
from tidegate.customers.spec import load_spec, parse_spec
from tidegate.customers.split import split_history
from tidegate.errors import InputRefused

PLACES, MONTHS, SEED = 1_500, 12, 4
PANEL = Scenario(months=MONTHS)


@pytest.fixture(scope="module")
def panel() -> Simulated:
    return simulate_table(PLACES, SEED, PANEL)


def by_month(simulated: Simulated, name: str) -> np.ndarray:
    """(months, places): a place is a row of a month, held by one customer after another."""
    return simulated.table[name].to_numpy().reshape(-1, PLACES)


def test_every_month_has_as_many_customers_and_each_once(panel: Simulated) -> None:
    months = panel.table["Snapshot_Month"].to_pylist()
    assert months == sorted(months)
    assert sorted(set(months))[:2] == [date(2024, 1, 31), date(2024, 2, 29)]
    assert panel.table.column_names[:3] == ["CLIENTNUM", "Snapshot_Month", "Attrition_Flag"]
    for ids in by_month(panel, "CLIENTNUM"):
        assert len(set(ids)) == PLACES


def test_whoever_left_is_gone_for_good_and_everyone_else_is_still_there(panel: Simulated) -> None:
    ids, left = by_month(panel, "CLIENTNUM"), panel.churned.reshape(MONTHS, PLACES)
    assert left.any(axis=1).all()
    for month in range(MONTHS - 1):
        assert np.array_equal(ids[month] != ids[month + 1], left[month])
        assert not np.isin(ids[month][left[month]], ids[month + 1 :]).any()
        assert not np.isin(ids[month + 1][left[month]], ids[: month + 1]).any()


def test_who_a_customer_is_lasts_and_time_passes(panel: Simulated) -> None:
    same = by_month(panel, "CLIENTNUM")[:-1] == by_month(panel, "CLIENTNUM")[1:]
    for name in ("Gender", "Education_Level", "Marital_Status", "Income_Category", "Card_Category", "Dependent_count", "Credit_Limit"):
        values = by_month(panel, name)
        assert (values[:-1] == values[1:])[same].all(), name
    tenure, age = np.diff(by_month(panel, "Months_on_book"), axis=0), np.diff(by_month(panel, "Customer_Age"), axis=0)
    assert (tenure[same] == 1).all()
    assert set(age[same]) == {0, 1}
    assert age[same].mean() == pytest.approx(1 / 12, abs=0.01)
    assert set(by_month(panel, "Months_on_book")[1:][~same]) == {13}


def test_behaviour_changes_a_little_from_month_to_month(panel: Simulated) -> None:
    same = by_month(panel, "CLIENTNUM")[:-1] == by_month(panel, "CLIENTNUM")[1:]
    for name in ("Total_Trans_Ct", "Total_Trans_Amt", "Total_Revolving_Bal"):
        values = by_month(panel, name).astype(float)
        assert 0.75 < np.corrcoef(values[:-1][same], values[1:][same])[0, 1] < 0.97, name
        assert (values[:-1] != values[1:])[same].mean() > 0.5


def test_the_months_of_an_undisturbed_panel_are_alike(panel: Simulated) -> None:
    for name in ("Total_Trans_Ct", "Total_Trans_Amt", "Total_Revolving_Bal", "Credit_Limit", "Months_Inactive_12_mon"):
        values = by_month(panel, name).astype(float)
        assert abs(values[-1].mean() - values[0].mean()) / values.std() < 0.1, name


def test_the_label_follows_the_true_probability(panel: Simulated) -> None:
    assert panel.churned.mean() == pytest.approx(panel.churn_probability.mean(), abs=0.004)


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.16])
def test_the_base_rate_holds_over_the_months(rate: float) -> None:
    simulated = simulate_table(PLACES, SEED, Scenario(months=MONTHS, base_rate=rate))
    assert simulated.churn_probability.mean() == pytest.approx(rate, rel=0.15)


def test_labels_of_the_latest_months_are_empty_and_the_truth_has_them(tmp_path: Path, panel: Simulated) -> None:
    answer = write_simulated(tmp_path / "bank.csv", PLACES, SEED, scenario=Scenario(months=MONTHS, label_delay_months=3))
    spec = load_spec(str(tmp_path / "bank.toml"))
    history = load_history(tmp_path / "bank.csv", spec, tmp_path / "quarantine.csv", most_bad=0.0)
    assert answer["unknown_labels"] == history.unlabelled == 3 * PLACES
    assert len(history.label) == 9 * PLACES
    assert np.array_equal(history.label == 1, panel.churned[: 9 * PLACES])
    truth = pyarrow.csv.read_csv(tmp_path / "bank.truth.csv")
    assert truth.column_names == ["CLIENTNUM", "Snapshot_Month", "churn_probability", "Attrition_Flag", "incident"]
    assert np.array_equal(pc.equal(truth["Attrition_Flag"], "Attrited Customer").to_numpy(), panel.churned)
    assert answer["rows"] == MONTHS * PLACES


def test_the_spec_beside_it_holds_out_the_latest_months_of_customers_who_train_nowhere(tmp_path: Path) -> None:
    answer = write_simulated(tmp_path / "bank.parquet", PLACES, SEED, scenario=PANEL)
    spec = load_spec(str(answer["spec"]))
    assert (spec.time, spec.group, spec.id) == ("snapshot_month", "clientnum", "clientnum")
    assert spec.feature_columns == load_spec("bank").feature_columns
    history = load_history(tmp_path / "bank.parquet", spec, tmp_path / "quarantine.csv", most_bad=0.0)
    split = split_history(history, seed=1)
    assert split.kind == "latest period of groups that train nowhere"
    assert history.groups is not None
    assert not set(history.groups[split.train]) & set(history.groups[split.holdout])


def test_a_spec_of_ones_own_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "bank.toml").write_text("mine")
    with pytest.raises(InputRefused, match="another spec"):
        write_simulated(tmp_path / "bank.csv", 10, SEED, scenario=PANEL)
    assert [path.name for path in tmp_path.iterdir()] == ["bank.toml"]
    (tmp_path / "bank.toml").write_text(panel_spec())
    write_simulated(tmp_path / "bank.csv", 10, SEED, scenario=PANEL)
    assert parse_spec((tmp_path / "bank.toml").read_text()).time == "snapshot_month"


def test_drift_comes_with_its_month_and_ramp(panel: Simulated) -> None:
    drift = (Drift("Credit_Limit", 1.0, Onset(5, 4)), LevelDrift("Education_Level", "Unknown", 0.6, Onset(7)))
    drifted = simulate_table(PLACES, SEED, Scenario(months=MONTHS, drift=drift))
    plain = panel.table.slice(0, 4 * PLACES).drop_columns("Attrition_Flag")
    assert drifted.table.slice(0, 4 * PLACES).drop_columns("Attrition_Flag").equals(plain)
    moved = by_month(drifted, "Credit_Limit").mean(axis=1)
    usual = by_month(panel, "Credit_Limit").mean(axis=1)
    growth = (moved - usual) / 9_090  # the column's standard deviation
    assert growth == pytest.approx([0, 0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1], abs=0.06)
    unknown = (by_month(drifted, "Education_Level") == "Unknown").mean(axis=1)
    assert unknown[:6] == pytest.approx([0.15] * 6, abs=0.03)
    assert unknown[6:] == pytest.approx([0.6] * 6, abs=0.03)


def test_concept_drift_and_incidents_come_with_their_month(panel: Simulated) -> None:
    scenario = Scenario(months=MONTHS, concept_drift=ConceptDrift(1.0, Onset(10)), incidents=(Incident("empty_cells", 0.1, Onset(6)),))
    disturbed = simulate_table(PLACES, SEED, scenario)
    same = np.isclose(disturbed.churn_probability, panel.churn_probability).reshape(MONTHS, PLACES)
    assert same[:9].all()
    assert same[9].mean() < 0.5
    hit = pc.is_valid(disturbed.truth["incident"]).to_numpy().reshape(MONTHS, PLACES)
    assert not hit[:5].any()
    assert hit[5:].mean(axis=1) == pytest.approx([0.1] * 7, abs=0.03)
    assert not np.array_equal(hit[5], hit[6])


def test_the_first_customers_and_months_are_the_same_whatever_the_total(panel: Simulated) -> None:
    fewer = simulate_table(700, SEED, PANEL).table
    first = pc.less(np.arange(MONTHS * PLACES) % PLACES, 700)
    assert fewer.equals(panel.table.filter(first).combine_chunks())
    shorter = simulate_table(PLACES, SEED, Scenario(months=5))
    assert shorter.table.equals(panel.table.slice(0, 5 * PLACES).combine_chunks())
    assert shorter.truth.equals(panel.truth.slice(0, 5 * PLACES).combine_chunks())
    assert not simulate_table(PLACES, SEED + 1, Scenario(months=2)).table.equals(shorter.table.slice(0, 2 * PLACES))


def peak_bytes(rows: int, scenario: Scenario) -> int:
    tracemalloc.start()
    for _ in simulate_blocks(rows, SEED, scenario):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_grows_neither_with_months_nor_with_rows() -> None:
    knobs = {"drift": (Drift("Total_Trans_Ct", -0.3),), "label_noise": 0.1, "base_rate": 0.05}
    few, many = (Scenario(months=months, **knobs) for months in (2, 12))
    peak_bytes(3_000, many)
    assert peak_bytes(3_000, many) < 1.1 * peak_bytes(3_000, few) + 100_000
    single = Scenario(**knobs)
    peak_bytes(10, single)
    assert peak_bytes(4 * 65_536, single) < 1.3 * peak_bytes(65_536, single)
