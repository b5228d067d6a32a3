"""Rows become a matrix: the only place where a feature is computed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import tidegate.features
from tidegate.customers.cells import rows_from_objects
from tidegate.customers.contract import breaches, compile_contract
from tidegate.customers.rows import MISSING_LEVEL, Rows
from tidegate.customers.spec import TableSpec, load_spec, parse_spec
from tidegate.features import MOST_INDICATORS, compute, features_digest, plan_features

SPEC = parse_spec("""
name = "t"
[columns.a]
kind = "number"
nullable = true
[columns.b]
kind = "number"
nullable = true
[columns.flag]
kind = "boolean"
[columns.sex]
kind = "category"
levels = ["F", "M"]
[columns.plan]
kind = "category"
levels = ["basic", "gold", "other"]
unknown = "other"
nullable = true
[[ratios]]
name = "a_per_b"
numerator = "a"
denominator = "b"
[[ratios]]
name = "a_per_dozen_b"
numerator = "a"
denominator = "b"
factor = 12
""")
PLAN = plan_features(SPEC)


def customer(**changes: object) -> dict[str, object]:
    return {"a": 1.0, "b": 2.0, "flag": True, "sex": "M", "plan": "gold", **changes}


def features(*objects: dict[str, object], spec: TableSpec = SPEC) -> np.ndarray:
    contract = compile_contract(spec)
    rows = rows_from_objects(contract, objects)
    assert breaches(contract, rows) == []
    matrix = compute(plan_features(spec), rows)
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    assert not np.isinf(matrix).any()
    return matrix


def test_names_sources_and_values_stand_in_one_order() -> None:
    assert PLAN.names == (
        *("a", "b", "flag", "a_per_b", "a_per_dozen_b", "sex=M"),
        *("plan=basic", "plan=gold", "plan=other", "plan=(other)"),
    )
    assert PLAN.sources == ("a", "b", "flag", "a_per_b", "a_per_dozen_b", "sex", "plan", "plan", "plan", "plan")
    assert features(customer())[0].tolist() == [1, 2, 1, 0.5, np.float32(1 / 24), 1, 0, 1, 0, 0]


def test_an_unlisted_level_and_a_missing_one_are_told_apart() -> None:
    other, missing, listed = features(customer(plan="elsewhere"), customer(plan=None), customer(plan="other"))[:, -4:]
    assert (other.tolist(), missing.tolist(), listed.tolist()) == ([0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("a", "b", "ratio"),
    [
        (1.0, 0.0, np.nan),
        (0.0, 0.0, np.nan),
        (1.0, -0.0, np.nan),
        (None, 2.0, np.nan),
        (1.0, None, np.nan),
        (3e38, 1e-300, np.nan),
        (3e38, 0.5, np.nan),
        (-3e38, 5e-324, np.nan),
        (1e-300, 3e38, 0.0),
        (0.0, 5.0, 0.0),
        (-1.0, 4.0, -0.25),
    ],
)
def test_a_ratio_is_finite_or_missing_and_never_warns(a: float | None, b: float | None, ratio: float) -> None:
    assert features(customer(a=a, b=b))[0, 3] == pytest.approx(ratio, nan_ok=True)


def test_missing_numbers_stay_missing() -> None:
    assert np.isnan(features(customer(a=None, b=None))[0]).tolist() == [True, True, False, True, True, *[False] * 5]


def test_a_category_of_many_levels_becomes_one_code() -> None:
    levels = ", ".join(f'"l{number}"' for number in range(MOST_INDICATORS + 1))
    spec = parse_spec(f'name = "t"\n[columns.shop]\nkind = "category"\nlevels = [{levels}]\nunknown = "other"\nnullable = true\n')
    assert plan_features(spec).names == ("shop",)
    found = features({"shop": "l0"}, {"shop": "l64"}, {"shop": "new"}, {"shop": None}, spec=spec)
    assert np.array_equal(found[:, 0], [0, 64, 65, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        ('levels = ["F", "M"]', ("x=M",)),
        ('levels = ["F", "M"]\nnullable = true', ("x=F", "x=M")),
        ('levels = ["F", "M"]\nunknown = "other"', ("x=F", "x=M", "x=(other)")),
        ('levels = ["F"]', ("x=F",)),
        ('unknown = "other"', ("x=(other)",)),
    ],
)
def test_indicators_follow_the_levels(extra: str, names: tuple[str, ...]) -> None:
    assert plan_features(parse_spec(f'name = "t"\n[columns.x]\nkind = "category"\n{extra}\n')).names == names


def test_no_rows_give_an_empty_matrix() -> None:
    assert compute(PLAN, Rows(np.empty((3, 0)), np.empty((2, 0), np.int32))).shape == (0, len(PLAN.names))


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    generator = np.random.default_rng(0)
    numbers = generator.normal(size=(3, 1000)) * 10.0 ** generator.integers(-30, 30, (3, 1000))
    numbers[generator.random(numbers.shape) < 0.1] = np.nan
    rows = Rows(numbers, generator.integers(MISSING_LEVEL, 2, (2, 1000)).astype(np.int32))
    whole = compute(PLAN, rows)
    for size in (1, 7, 1000):
        parts = [compute(PLAN, rows.take(np.arange(start, min(start + size, 1000)))) for start in range(0, 1000, size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()
    order = generator.permutation(1000)
    assert compute(PLAN, rows.take(order)).tobytes() == whole[order].tobytes()


BANK_CUSTOMER: dict[str, object] = {
    "customer_age": 45,
    "gender": "M",
    "dependent_count": 3,
    "education_level": "High School",
    "marital_status": "Married",
    "income_category": "$60K - $80K",
    "card_category": "Blue",
    "months_on_book": 39,
    "total_relationship_count": 5,
    "months_inactive_12_mon": 1,
    "contacts_count_12_mon": 3,
    "credit_limit": 12691.0,
    "total_revolving_bal": 777.0,
    "avg_open_to_buy": 11914.0,
    "total_amt_chng_q4_q1": 1.335,
    "total_trans_amt": 1144.0,
    "total_trans_ct": 42,
    "total_ct_chng_q4_q1": 1.625,
    "avg_utilization_ratio": 0.061,
}


def test_the_five_bank_ratios_equal_hand_computation() -> None:
    spec = load_spec("bank")
    found = dict(zip(plan_features(spec).names, features(BANK_CUSTOMER, spec=spec)[0].tolist(), strict=True))
    assert {name: found[name] for name in [ratio.name for ratio in spec.ratios]} == {
        "tenure_per_age": float(np.float32(39 / (45 * 12))),
        "utilisation_per_age": float(np.float32(0.061 / 45)),
        "credit_lim_per_age": float(np.float32(12691.0 / 45)),
        "total_trans_amt_per_credit_lim": float(np.float32(1144.0 / 12691.0)),
        "total_trans_ct_per_credit_lim": float(np.float32(42 / 12691.0)),
    }


def test_a_customer_without_a_credit_limit_has_ratios_that_are_missing() -> None:
    spec = load_spec("bank")
    found = dict(zip(plan_features(spec).names, features({**BANK_CUSTOMER, "credit_limit": 0}, spec=spec)[0].tolist(), strict=True))
    assert [name for name, value in found.items() if value != value] == ["total_trans_amt_per_credit_lim", "total_trans_ct_per_credit_lim"]


def test_the_digest_changes_with_the_code() -> None:
    import hashlib

    assert features_digest() == hashlib.sha256(Path(tidegate.features.__file__).read_bytes()).hexdigest()


@pytest.mark.real_data
def test_the_real_table_gives_the_ratios_of_a_plain_division(tmp_path: Path) -> None:
    folder = os.environ.get("TIDEGATE_REAL_DATA")
    if folder is None:
        pytest.skip("TIDEGATE_REAL_DATA names no folder with the real tables")
    import csv

    from tidegate.customers.history import load_history

    spec = load_spec("bank")
    path = Path(folder) / "bank_churners.csv"
    matrix = compute(plan_features(spec), load_history(path, spec, tmp_path / "q.csv", 0.0).rows)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    tenure = np.array([float(row["Months_on_book"]) / (float(row["Customer_Age"]) * 12) for row in rows], np.float32)
    spent = np.array([float(row["Total_Trans_Amt"]) / float(row["Credit_Limit"]) for row in rows], np.float32)
    names = plan_features(spec).names
    assert np.array_equal(matrix[:, names.index("tenure_per_age")], tenure)
    assert np.array_equal(matrix[:, names.index("total_trans_amt_per_credit_lim")], spent)
    assert not np.isnan(matrix).any()
