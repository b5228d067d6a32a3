"""Whatever valid rows come: a verdict or one clear refusal, a document without NaN, and the same for the same rows in another order."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.customers.contract import LARGEST_NUMBER
from tidegate.customers.rows import Rows
from tidegate.customers.spec import parse_spec
from tidegate.monitoring.drift.decide import decide_drift
from tidegate.monitoring.drift.limits import DriftLimits

SPEC = parse_spec("""
name = "t"
[columns.real]
kind = "number"
nullable = true
expected = [-1, 1e10]
[columns.whole]
kind = "integer"
nullable = true
[columns.flag]
kind = "boolean"
nullable = true
[columns.day]
kind = "date"
nullable = true
[columns.plan]
kind = "category"
levels = ["basic", "gold"]
nullable = true
[columns.shop]
kind = "category"
unknown = "other"
nullable = true
""")
real = st.one_of(
    st.just(np.nan), st.sampled_from([0.0, -0.0, 5e-324, LARGEST_NUMBER, -LARGEST_NUMBER]), st.floats(-LARGEST_NUMBER, LARGEST_NUMBER)
)
whole = st.one_of(st.just(np.nan), st.integers(-(2**53) + 1, 2**53 - 1).map(float))
flag = st.sampled_from([np.nan, 0.0, 1.0])
day = st.one_of(st.just(np.nan), st.integers(-700_000, 2_900_000).map(float))


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    """Thirty rows or more, often with few different values in a column."""
    count = draw(st.integers(30, 80))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns = [generator.choice(draw(st.lists(values, min_size=1, max_size=8)), count) for values in (real, whole, flag, day)]
    codes = [generator.choice(draw(st.lists(st.sampled_from(values), min_size=1)), count) for values in ([-1, 0, 1], [-1, -2])]
    return Rows(np.array(columns, np.float64), np.array(codes, np.int32))


def score(rows: Rows) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(np.nan_to_num(rows.numbers).sum(axis=0) / LARGEST_NUMBER, -5, 5)))


@settings(deadline=None, derandomize=True, max_examples=20, suppress_health_check=list(HealthCheck))
@given(tables(), tables(), st.integers(0, 2**32 - 1))
def test_any_valid_rows_are_judged(reference: Rows, batch: Rows, seed: int) -> None:
    probabilities = score(reference), score(batch)
    found = decide_drift(SPEC, reference, probabilities[0], batch, probabilities[1], DriftLimits(), seed, score)
    document = found.document()
    json.dumps(document, allow_nan=False)
    for one in document["columns"]:
        assert 0 <= one["p_value"] <= one["adjusted_p_value"] <= 1
        assert one["influence"] >= 0
    order = np.random.default_rng(seed).permutation(len(batch))
    turned = decide_drift(SPEC, reference, probabilities[0], batch.take(order), probabilities[1][order], DriftLimits(), seed, score)
    assert turned.document() == document


@settings(deadline=None, derandomize=True, max_examples=10, suppress_health_check=list(HealthCheck))
@given(tables())
def test_a_table_has_not_drifted_from_itself(rows: Rows) -> None:
    found = decide_drift(SPEC, rows, score(rows), rows, score(rows), DriftLimits(), 0, score)
    assert (found.data_stability, found.column_drift, found.dataset_drift) == ("PASS", "PASS", "PASS")
    assert all(one.influence == 0 for one in found.columns)
