"""Features of valid rows are finite or missing, row by row."""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.customers.contract import LARGEST_NUMBER
from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, Rows
from tidegate.customers.spec import parse_spec
from tidegate.features import compute, plan_features

MODEST = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
LEVELS = [f"l{number}" for number in range(70)]
PLAN = plan_features(
    parse_spec(f"""
name = "t"
[columns.a]
kind = "number"
nullable = true
[columns.b]
kind = "number"
nullable = true
[columns.few]
kind = "category"
levels = ["x", "y"]
unknown = "other"
nullable = true
[columns.many]
kind = "category"
levels = {LEVELS}
unknown = "other"
nullable = true
[[ratios]]
name = "a_per_b"
numerator = "a"
denominator = "b"
factor = 1e-300
[[ratios]]
name = "b_per_a"
numerator = "b"
denominator = "a"
factor = -3.5
""")
)
number = st.one_of(st.floats(-LARGEST_NUMBER, LARGEST_NUMBER), st.just(np.nan), st.sampled_from([0.0, -0.0, 5e-324, LARGEST_NUMBER]))
row = st.tuples(number, number, st.sampled_from([MISSING_LEVEL, OTHER_LEVEL, 0, 1]), st.sampled_from([MISSING_LEVEL, OTHER_LEVEL, 0, 69]))
tables = st.lists(row, min_size=1, max_size=20)


def rows_of(table: list[tuple[float, float, int, int]]) -> Rows:
    columns = np.array(table, np.float64).T
    return Rows(columns[:2].copy(), columns[2:].astype(np.int32))


@settings(MODEST, max_examples=200)
@given(tables)
def test_a_feature_is_finite_or_missing_and_nothing_is_said(table: list[tuple[float, float, int, int]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        matrix = compute(PLAN, rows_of(table))
    assert matrix.shape == (len(table), len(PLAN.names))
    assert matrix.dtype == np.float32
    assert not np.isinf(matrix).any()
    for (a, b, few, _), found in zip(table, matrix, strict=True):
        named = dict(zip(PLAN.names, found.tolist(), strict=True))
        assert np.isnan(named["a"]) == np.isnan(a)
        if b == 0 or np.isnan(a) or np.isnan(b):
            assert np.isnan(named["a_per_b"])
        if a and not np.isnan(a + b):
            with np.errstate(all="ignore"):
                quotient = np.float64(b) / (np.float64(a) * -3.5)
            assert np.isnan(named["b_per_a"]) or named["b_per_a"] == np.float32(quotient)
        assert sum(named[name] for name in ("few=x", "few=y", "few=(other)")) == (few != MISSING_LEVEL)


@settings(MODEST, max_examples=100)
@given(tables, st.randoms(use_true_random=False))
def test_rows_are_independent(table: list[tuple[float, float, int, int]], random) -> None:  # type: ignore[no-untyped-def]
    whole = compute(PLAN, rows_of(table))
    alone = [compute(PLAN, rows_of([one])).tobytes() for one in table]
    assert alone == [line.tobytes() for line in whole]
    order = list(range(len(table)))
    random.shuffle(order)
    assert compute(PLAN, rows_of([table[place] for place in order])).tobytes() == whole[order].tobytes()
