"""Covariate drift, concept drift, base rate and label noise: each does what it says, and nothing else."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tidegate.customers.simulation import bank
from tidegate.customers.simulation.drift import distance
from tidegate.customers.simulation.scenario import FEATURE_LEVELS, ConceptDrift, Drift, LevelDrift, Onset, Scenario
from tidegate.customers.simulation.simulate import Simulated, simulate_table
from tidegate.customers.simulation.write import roc_auc_of_histogram
from tidegate.errors import SettingRefused

ROWS, SEED = 60_000, 5
BOUND = {"Credit_Limit", "Total_Revolving_Bal", "Avg_Open_To_Buy", "Avg_Utilization_Ratio"}


@pytest.fixture(scope="module")
def plain() -> Simulated:
    return simulate_table(ROWS, SEED)


def numbers(table: pa.Table, name: str) -> np.ndarray:
    return table[name].to_numpy().astype(np.float64)


def shift(plain: pa.Table, drifted: pa.Table, name: str) -> float:
    """Difference of means in the plain column's standard deviations."""
    before = numbers(plain, name)
    return float((numbers(drifted, name).mean() - before.mean()) / before.std())


def others(table: pa.Table, *names: str) -> pa.Table:
    return table.drop_columns(["Attrition_Flag", *names])


@pytest.mark.parametrize("size", [-0.5, 0.3, 1.0])
@pytest.mark.parametrize("column", sorted(bank.BOUNDS))
def test_a_number_moves_by_the_standard_deviations_asked_for(plain: Simulated, column: str, size: float) -> None:
    drifted = simulate_table(ROWS, SEED, Scenario(drift=(Drift(column, size),))).table
    assert shift(plain.table, drifted, column) == pytest.approx(size, rel=0.05)
    assert drifted.schema == plain.table.schema
    low, high = bank.BOUNDS[column]
    assert numbers(drifted, column).min() >= low
    assert numbers(drifted, column).max() <= high
    follow = BOUND if column in BOUND else {column}
    assert others(drifted, *follow).equals(others(plain.table, *follow))


@pytest.mark.parametrize("column", sorted(BOUND))
@pytest.mark.parametrize("size", [-0.6, 1.5])
def test_limit_balance_open_to_buy_and_utilisation_stay_in_accord(column: str, size: float) -> None:
    drifted = simulate_table(ROWS, SEED, Scenario(drift=(Drift(column, size),))).table
    limit, balance = numbers(drifted, "Credit_Limit"), numbers(drifted, "Total_Revolving_Bal")
    assert np.array_equal(numbers(drifted, "Avg_Open_To_Buy"), np.round(limit - balance, 1))
    assert np.array_equal(numbers(drifted, "Avg_Utilization_Ratio"), np.round(balance / limit, 3))
    assert (balance >= 0).all()
    assert (balance < limit).all()


@pytest.mark.parametrize(("start", "first"), [(40_001, 40_000), (0.5, 30_000)])
def test_rows_before_the_start_are_untouched(plain: Simulated, start: float, first: int) -> None:
    drifted = simulate_table(ROWS, SEED, Scenario(drift=(Drift("Credit_Limit", 1.0, Onset(start)),))).table
    assert drifted.slice(0, first).equals(plain.table.slice(0, first))
    assert shift(plain.table.slice(first), drifted.slice(first), "Credit_Limit") == pytest.approx(1.0, rel=0.05)


def test_a_ramp_grows_to_the_full_size(plain: Simulated) -> None:
    drifted = simulate_table(ROWS, SEED, Scenario(drift=(Drift("Total_Trans_Ct", 2.0, Onset(20_001, 20_000)),))).table
    thirds = [shift(plain.table.slice(at, 20_000), drifted.slice(at, 20_000), "Total_Trans_Ct") for at in (0, 20_000, 40_000)]
    assert thirds == pytest.approx([0.0, 1.0, 2.0], abs=0.05)


@pytest.mark.parametrize(
    ("column", "level", "share"),
    [("Income_Category", "Unknown", 0.4), ("Income_Category", "Unknown", 0.02), ("Gender", "M", 0.9), ("Marital_Status", "Single", 0.0)],
)
def test_a_level_gets_the_share_asked_for(plain: Simulated, column: str, level: str, share: float) -> None:
    drifted = simulate_table(ROWS, SEED, Scenario(drift=(LevelDrift(column, level, share),))).table
    values, before = drifted[column].to_numpy(), plain.table[column].to_numpy()
    assert np.mean(values == level) == pytest.approx(share, abs=0.01)
    for other in set(FEATURE_LEVELS[column]) - {level}:
        usual = np.mean(before == other) / np.mean(before != level)
        if share < 1:
            assert np.mean(values == other) / np.mean(values != level) == pytest.approx(usual, abs=0.01)
    assert others(drifted, column).equals(others(plain.table, column))


def test_covariate_drift_leaves_the_formula_alone(plain: Simulated) -> None:
    from tidegate.customers.simulation.churn import churn_probability
    from tidegate.customers.simulation.draw import draw_columns, draw_latent

    drifted = simulate_table(2_000, SEED, Scenario(drift=(Drift("Total_Trans_Ct", -0.5),)))
    columns = draw_columns(draw_latent(0, 2_000, SEED)) | {"Total_Trans_Ct": drifted.table["Total_Trans_Ct"].to_numpy()}
    assert np.array_equal(churn_probability(columns), drifted.churn_probability)
    assert drifted.churn_probability.mean() > plain.churn_probability[:2_000].mean() + 0.02


@pytest.mark.parametrize(("column", "size"), [("Credit_Limit", -2.0), ("Avg_Utilization_Ratio", -1.0), ("Customer_Age", 50.0)])
def test_a_shift_that_the_bounds_forbid_is_refused_with_the_room_there_is(column: str, size: float) -> None:
    with pytest.raises(SettingRefused, match="within its bounds") as refusal:
        simulate_table(10, SEED, Scenario(drift=(Drift(column, size),)))
    low, high = (float(word.rstrip(".")) for word in refusal.value.remedy.removeprefix("Ask for ").split(" to "))
    assert low < 0 < high
    distance(column, low)
    distance(column, high)


def auc(label: np.ndarray, probability: np.ndarray) -> float:
    bins = np.minimum((probability * 10_000).astype(int), 9_999)
    found = roc_auc_of_histogram(np.stack([np.bincount(bins[label == one], minlength=10_000) for one in (False, True)]))
    assert found is not None
    return found


def test_concept_drift_changes_the_formula_and_no_column(plain: Simulated) -> None:
    changed = {s: simulate_table(ROWS, SEED, Scenario(concept_drift=ConceptDrift(s))) for s in (0.5, 1.0)}
    for one in changed.values():
        assert others(one.table).equals(others(plain.table))
        assert one.churn_probability.mean() == pytest.approx(plain.churn_probability.mean(), abs=0.006)
        assert auc(one.churned, one.churn_probability) > auc(one.churned, plain.churn_probability) + 0.15
    half = (plain.churn_probability + changed[1.0].churn_probability) / 2
    assert np.allclose(changed[0.5].churn_probability, half, atol=1e-12)
    assert auc(changed[1.0].churned, plain.churn_probability) < 0.4


def test_concept_drift_starts_when_it_is_told_to(plain: Simulated) -> None:
    changed = simulate_table(ROWS, SEED, Scenario(concept_drift=ConceptDrift(1.0, Onset(0.5))))
    half = ROWS // 2
    assert changed.table.slice(0, half).equals(plain.table.slice(0, half))
    assert np.abs(changed.churn_probability - plain.churn_probability)[half:].mean() > 0.2


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.5, 0.9])
def test_the_base_rate_is_the_mean_true_probability(rate: float) -> None:
    simulated = simulate_table(ROWS, SEED, Scenario(base_rate=rate, concept_drift=ConceptDrift(1.0, Onset(0.5))))
    deviation = simulated.churn_probability.std() / np.sqrt(ROWS / 2)
    for half in (simulated.churn_probability[: ROWS // 2], simulated.churn_probability[ROWS // 2 :]):
        assert abs(half.mean() - rate) < 5 * deviation
    assert abs(simulated.churned.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / ROWS)


def test_a_base_rate_keeps_the_order_of_customers(plain: Simulated) -> None:
    simulated = simulate_table(ROWS, SEED, Scenario(base_rate=0.05))
    assert others(simulated.table).equals(others(plain.table))
    by_risk = simulated.churn_probability[np.argsort(plain.churn_probability)]
    assert (np.diff(by_risk) >= -1e-9).all()


def test_label_noise_flips_its_share_and_the_truth_keeps_the_label(plain: Simulated) -> None:
    noisy = simulate_table(ROWS, SEED, Scenario(label_noise=0.1))
    flipped = noisy.table["Attrition_Flag"].to_numpy() != noisy.truth["Attrition_Flag"].to_numpy()
    assert flipped.mean() == pytest.approx(0.1, abs=0.006)
    assert flipped[plain.churned].mean() == pytest.approx(0.1, abs=0.015)
    assert noisy.truth["Attrition_Flag"].equals(plain.table["Attrition_Flag"])
    assert np.array_equal(noisy.churn_probability, plain.churn_probability)


EVERYTHING = Scenario(
    drift=(Drift("Total_Trans_Ct", -0.3, Onset(1_000, 500)), LevelDrift("Gender", "F", 0.8)),
    concept_drift=ConceptDrift(0.5, Onset(2_000)),
    base_rate=0.2,
    label_noise=0.05,
)


def test_the_same_seed_and_scenario_draw_the_same_whatever_the_total() -> None:
    one, again = simulate_table(5_000, SEED, EVERYTHING), simulate_table(5_000, SEED, EVERYTHING)
    longer = simulate_table(70_000, SEED, EVERYTHING)
    assert one.table.equals(again.table)
    assert one.truth.equals(again.truth)
    assert longer.table.slice(0, 5_000).combine_chunks().equals(one.table)
    assert longer.truth.slice(0, 5_000).combine_chunks().equals(one.truth)
    assert not simulate_table(5_000, SEED + 1, EVERYTHING).table.equals(one.table)
