"""Profit by hand, against brute force, and against empulse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from tidegate.customers.rows import Layout, Rows
from tidegate.customers.spec import Column, Money
from tidegate.errors import SpecRefused
from tidegate.measures.classification import cumulated, rank
from tidegate.measures.profit import (
    ACCEPTANCE_TRIALS,
    best_profit_threshold,
    customer_values,
    expected_maximum_profit,
    expected_profit_threshold,
    net_value,
    profit,
    profit_curve,
    profit_threshold,
    threshold_comparison,
)

PRICES = Money(customer_value=200, contact_cost=1, incentive_cost=10, acceptance_rate=0.3)


def prices(value: float = 200.0, contact: float = 1.0, incentive: float = 10.0, rate: float = 0.3) -> Money:
    return Money(customer_value=value, contact_cost=contact, incentive_cost=incentive, acceptance_rate=rate)


def case(seed: int) -> tuple[Money, np.ndarray, np.ndarray, float]:
    """Prices, labels, probabilities (with ties where the seed is even) and the value of every customer."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(10, 300))
    label = (generator.random(count) < generator.uniform(0.05, 0.6)).astype(np.int8)
    label[:2] = 0, 1
    probability = np.clip(generator.normal(0.2 + 0.3 * label, 0.2), 0, 0.94)  # below 1: no threshold leaves certainty out
    value = float(generator.uniform(1, 300))
    money = prices(value, float(generator.choice([0, 1, 5])), float(generator.choice([0, 10, 50])), float(generator.uniform(0.02, 0.98)))
    return money, label, np.round(probability, 1) if seed % 2 == 0 else probability, value


CASES = [case(seed) for seed in range(40)]


def test_a_contact_is_worth_what_the_four_outcomes_say() -> None:
    probability, value = np.array([0.0, 0.25, 1.0]), np.array([200.0, 80.0, 5.0])
    accepts, declines = 0.25 * 0.3 * (80 - 10 - 1), 0.25 * 0.7 * -1
    assert net_value(PRICES, probability, value) == pytest.approx([-11, accepts + declines + 0.75 * -11, 0.3 * (5 - 10) - 1])


def test_profit_counts_only_who_is_contacted() -> None:
    label, probability = np.array([1, 0, 1, 0], np.int8), np.array([0.9, 0.8, 0.2, 0.1])
    value = np.array([200.0, 999.0, 500.0, 999.0])
    assert profit(PRICES, label, probability, value, 0.5) == pytest.approx((0.3 * 190 - 1) - 11)
    assert profit(PRICES, label, probability, value, 1.0) == 0
    assert profit(PRICES, label, probability, value, 0.0) == pytest.approx(56 - 11 + (0.3 * 490 - 1) - 11)


@pytest.mark.parametrize("given", CASES)
def test_at_the_profit_threshold_a_contact_breaks_even(given: tuple[Money, np.ndarray, np.ndarray, float]) -> None:
    money, _, _, value = given
    threshold = profit_threshold(money, value)
    assert 0 <= threshold <= 1
    around = np.array([threshold - 1e-6, threshold, threshold + 1e-6])
    below, at, above = net_value(money, around, np.full(3, value))
    if threshold < 1:
        assert at == pytest.approx(0, abs=1e-9)
        assert below < 0 < above
    else:
        assert below <= 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("money", "value", "expected"),
    [
        (prices(contact=0, incentive=0), 200, 0.0),
        (prices(contact=0), 200, 10 / 67),
        (prices(value=5), 5, 1.0),
        (prices(value=1, incentive=50, rate=0.99), 1, 1.0),
        (prices(value=10, contact=0, incentive=0), 0.0, 1.0),
        (prices(value=10, rate=1), 10, 1.0),
        (PRICES, -50, 1.0),
    ],
)
def test_the_profit_threshold_at_the_edges(money: Money, value: float, expected: float) -> None:
    assert profit_threshold(money, value) == pytest.approx(expected)


def test_customers_alike_are_cut_at_the_closed_form() -> None:
    probability = np.random.default_rng(0).random(500)
    threshold = expected_profit_threshold(PRICES, probability, np.full(500, 200.0))
    assert np.array_equal(probability >= threshold, probability >= profit_threshold(PRICES, 200))


@pytest.mark.parametrize("given", CASES)
def test_no_threshold_brings_in_more(given: tuple[Money, np.ndarray, np.ndarray, float]) -> None:
    money, label, probability, _ = given
    value = np.random.default_rng(len(label)).lognormal(4, 1, len(label))
    candidates = [*np.unique(probability), 2.0]
    best = best_profit_threshold(money, label, probability, value)
    most = max(profit(money, label, probability, value, threshold) for threshold in candidates)
    assert profit(money, label, probability, value, best) == pytest.approx(most, abs=1e-9)
    brings = net_value(money, probability, value)
    expected = expected_profit_threshold(money, probability, value)
    most = max(brings[probability >= threshold].sum() for threshold in candidates)
    assert brings[probability >= expected].sum() == pytest.approx(most, abs=1e-9)
    assert 0 <= best <= 1
    assert 0 <= expected <= 1


def test_where_no_contact_pays_nobody_is_contacted() -> None:
    label, probability = np.array([0, 1, 1], np.int8), np.array([0.2, 0.7, 0.9])
    threshold = best_profit_threshold(prices(value=5), label, probability, np.full(3, 5.0))
    assert 0.9 < threshold <= 1
    assert best_profit_threshold(PRICES, np.zeros(3, np.int8), probability, np.full(3, 200.0)) > 0.9
    assert best_profit_threshold(PRICES, np.zeros(1, np.int8), np.ones(1), np.full(1, 200.0)) == 1.0


def test_among_equally_good_thresholds_the_strictest_is_taken() -> None:
    money = prices(value=10, contact=0, incentive=0, rate=0.5)
    assert best_profit_threshold(money, np.array([1, 0, 0], np.int8), np.array([0.8, 0.4, 0.2]), np.full(3, 10.0)) == pytest.approx(0.6)


def test_probabilities_that_are_all_alike_contact_everybody_or_nobody() -> None:
    probability, value = np.full(4, 0.3), np.full(4, 200.0)
    assert best_profit_threshold(PRICES, np.array([1, 1, 0, 0], np.int8), probability, value) == pytest.approx(0.15)
    assert 0.3 < best_profit_threshold(prices(value=20), np.array([1, 1, 0, 0], np.int8), probability, np.full(4, 20.0)) <= 1


def test_the_profit_curve_runs_from_nobody_to_everybody() -> None:
    money, label, probability, value = CASES[4]
    values = np.full(len(label), value)
    threshold, share, brought = profit_curve(money, label, probability, values)
    assert (share[0], brought[0], share[-1]) == (0, 0, 1)
    expected = [1000 * profit(money, label, probability, values, one) / len(label) for one in threshold]
    assert brought == pytest.approx(expected)


@pytest.mark.parametrize("given", CASES)
def test_the_best_profit_is_the_maximum_profit_of_empulse(given: tuple[Money, np.ndarray, np.ndarray, float]) -> None:
    from empulse.metrics import mpc_score

    money, label, probability, value = given
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theirs = mpc_score(
            label,
            probability,
            accept_rate=money.acceptance_rate,
            clv=value,
            incentive_cost=money.incentive_cost,
            contact_cost=money.contact_cost,
        )
    values = np.full(len(label), value)
    best = best_profit_threshold(money, label, probability, values)
    assert profit(money, label, probability, values, best) / len(label) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("given", CASES[:12])
def test_the_expected_maximum_profit_is_the_mean_over_acceptance_rates(given: tuple[Money, np.ndarray, np.ndarray, float]) -> None:
    from scipy.stats import beta

    money, label, probability, value = given
    found = expected_maximum_profit(money, label, probability, np.full(len(label), value))
    rate = money.acceptance_rate
    rates = beta.ppf((np.arange(4000) + 0.5) / 4000, ACCEPTANCE_TRIALS * rate, ACCEPTANCE_TRIALS * (1 - rate))
    left, stayed = (np.append(0, counts) for counts in cumulated(rank(label, probability)))
    kept = rates[:, None] * (value - money.incentive_cost) - money.contact_cost
    best = (left * kept - stayed * (money.incentive_cost + money.contact_cost)).max(axis=1)
    assert found == pytest.approx(best.mean() / len(label), rel=2e-3, abs=2e-3)


def test_verbraken_is_the_default_of_empulse() -> None:
    from empulse.metrics import empc_score

    _, label, probability, _ = CASES[7]
    assert expected_maximum_profit(PRICES, label, probability, np.full(len(label), 200.0)) == pytest.approx(empc_score(label, probability))


@pytest.mark.filterwarnings("error")
def test_the_expected_maximum_profit_at_the_edges() -> None:
    label, probability, value = np.array([0, 1, 1, 0], np.int8), np.array([0.1, 0.8, 0.9, 0.2]), np.array([100.0, 300.0, 200.0, 200.0])
    assert expected_maximum_profit(prices(rate=1), label, probability, value) == pytest.approx(2 * (190 - 1) / 4)
    assert expected_maximum_profit(PRICES, np.zeros(4, np.int8), probability, value) == pytest.approx(0)
    assert expected_maximum_profit(PRICES, np.ones(4, np.int8), probability, value) == pytest.approx(56, abs=1e-6)
    assert expected_maximum_profit(prices(value=5), label, probability, np.full(4, 5.0)) == pytest.approx(0)


def test_a_parameter_that_empulse_does_not_know_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from empulse import metrics

    known = metrics.empc_score
    monkeypatch.setattr(metrics, "empc_score", lambda *rows, clv, **others: known(*rows, lifetime=clv, **others))
    with pytest.raises(UserWarning, match="lifetime"):
        expected_maximum_profit(PRICES, np.array([0, 1], np.int8), np.array([0.1, 0.9]), np.full(2, 200.0))


def test_two_thresholds_are_compared_on_the_same_customers() -> None:
    generator = np.random.default_rng(1)
    probability = generator.beta(1, 4, 2000)
    label = (generator.random(2000) < probability).astype(np.int8)
    value = np.full(2000, 200.0)
    found = threshold_comparison(PRICES, label, probability, value, 0.5, profit_threshold(PRICES, 200), seed=0)
    assert found.at_f1.value == pytest.approx(profit(PRICES, label, probability, value, 0.5) / 2)
    assert found.at_profit.value == pytest.approx(profit(PRICES, label, probability, value, found.profit_threshold) / 2)
    assert found.lost_by_f1.value == pytest.approx(found.at_profit.value - found.at_f1.value)
    assert 0 < found.lost_by_f1.low < found.lost_by_f1.value < found.lost_by_f1.high
    assert found.contacted_at_f1 == pytest.approx((probability >= 0.5).mean())
    assert found.contacted_at_profit > found.contacted_at_f1
    same = threshold_comparison(PRICES, label, probability, value, 0.5, 0.5, seed=0)
    assert (same.lost_by_f1.low, same.lost_by_f1.value, same.lost_by_f1.high) == (0, 0, 0)


def test_values_come_from_the_price_list_or_from_their_column() -> None:
    layout = Layout((Column(name="age", kind="integer"), Column(name="balance", kind="number")), ())
    rows = Rows(np.array([[30.0, 40.0, 50.0], [100.0, np.nan, 300.0]]), np.empty((0, 3), np.int32))
    assert customer_values(PRICES, layout, rows).tolist() == [200, 200, 200]
    by_column = Money(customer_value_column="balance", contact_cost=1, acceptance_rate=0.3)
    assert customer_values(by_column, layout, rows).tolist() == [100, 200, 300]
    with pytest.raises(SpecRefused, match="missing for every customer"):
        customer_values(by_column, layout, rows.take(np.array([1])))
    with pytest.raises(SpecRefused, match="'income' is not among"):
        customer_values(Money(customer_value_column="income", contact_cost=1, acceptance_rate=0.3), layout, rows)
