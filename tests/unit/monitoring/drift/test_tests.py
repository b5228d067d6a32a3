"""Each test statistic and p-value against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tidegate.monitoring.drift.tests import adjusted, chi_squared, kolmogorov_smirnov, share_test, steps_of


def test_two_samples_are_merged_into_their_distribution_functions() -> None:
    steps = steps_of(np.array([1.0, 2.0, 2.0, 4.0]), np.array([2.0, 3.0]))
    assert steps.values.tolist() == [1, 2, 3, 4]
    assert steps.reference.tolist() == [0.25, 0.75, 0.75, 1]
    assert steps.batch.tolist() == [0, 0.5, 1, 1]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("whole", [False, True])
def test_kolmogorov_smirnov_is_scipys(seed: int, whole: bool) -> None:
    generator = np.random.default_rng(seed)
    first, second = generator.normal(0, 2, 700), generator.normal(0.1 * seed, 2, 90)
    if whole:
        first, second = np.rint(first), np.rint(second)
    statistic, p_value = kolmogorov_smirnov(steps_of(np.sort(first), np.sort(second)), 700, 90)
    expected = stats.ks_2samp(first, second, method="asymp")
    assert statistic == pytest.approx(expected.statistic)
    assert p_value == pytest.approx(expected.pvalue)


def test_ties_make_kolmogorov_smirnov_conservative() -> None:
    generator = np.random.default_rng(1)
    found = []
    for _ in range(400):
        first, second = np.sort(generator.integers(0, 3, 300)).astype(float), np.sort(generator.integers(0, 3, 200)).astype(float)
        found.append(kolmogorov_smirnov(steps_of(first, second), 300, 200)[1] < 0.05)
    assert np.mean(found) < 0.05


def test_chi_squared_is_scipys_where_every_level_is_common() -> None:
    reference, batch = np.array([300, 500, 200, 90]), np.array([30, 80, 20, 15])
    expected = stats.chi2_contingency([reference, batch], correction=False)
    assert chi_squared(reference, batch) == pytest.approx((expected.statistic, expected.pvalue))


def test_chi_squared_puts_rare_levels_together() -> None:
    reference, batch = np.array([5_000, 4_000, 3, 2, 4, 0]), np.array([500, 400, 0, 2, 0, 1])
    # Expected in the batch: the four rare levels hold 12 of 9,912 rows, 1.1 of them; with the next rarest that is enough.
    merged = stats.chi2_contingency([[5_000, 4_009], [500, 403]], correction=False)
    assert chi_squared(reference, batch) == pytest.approx((merged.statistic, merged.pvalue))


@pytest.mark.parametrize(("reference", "batch"), [([10], [20]), ([3, 1], [1, 0]), ([0, 100], [0, 40]), ([0], [0])])
def test_chi_squared_without_two_levels_is_no_difference(reference: list[int], batch: list[int]) -> None:
    assert chi_squared(np.array(reference), np.array(batch)) == (0.0, 1.0)


def test_shares_of_many_rows_are_compared_by_chi_squared_and_of_few_exactly() -> None:
    many = stats.chi2_contingency([[50, 950], [20, 80]], correction=False).pvalue
    assert share_test(50, 1_000, 20, 100) == pytest.approx(many)
    tail = stats.hypergeom(1_100, 3, 100).sf(2)
    assert share_test(0, 1_000, 3, 100) == pytest.approx(2 * tail)
    assert share_test(0, 1_000, 0, 100) == share_test(7, 7, 9, 9) == share_test(0, 0, 3, 9) == 1.0


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg() -> None:
    # The example of the paper (1995, section 3.2): four of fifteen are found at 0.05.
    paper = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert int((adjusted(np.array(paper)) <= 0.05).sum()) == 4
    shuffled = np.random.default_rng(2).permutation(paper)
    assert adjusted(shuffled) == pytest.approx(stats.false_discovery_control(shuffled))
    assert adjusted(np.empty(0)).tolist() == []


def test_no_adjusted_p_value_is_below_its_own() -> None:
    for count in range(1, 40):
        for value in np.linspace(0.001, 1, 97):
            assert (adjusted(np.full(count, value)) >= value).all()
