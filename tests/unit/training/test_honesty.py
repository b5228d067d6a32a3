"""Each check fires on a planted leak and keeps quiet on an honest table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.customers.admit import Tally
from tidegate.customers.history import History, load_history
from tidegate.customers.rows import MISSING_LEVEL, Rows
from tidegate.customers.spec import TableSpec, load_spec, parse_spec
from tidegate.customers.split import Split, split_history
from tidegate.features import compute, plan_features
from tidegate.training.honesty import Finding, check_honesty

SPEC = parse_spec(
    """
name = "table"
id = "number"
label = "gone"
positive = "yes"

[columns.income]
kind = "number"
nullable = true

[columns.products]
kind = "integer"

[columns.joined]
kind = "date"
nullable = true

[columns.region]
kind = "category"
levels = ["north", "south", "west"]
nullable = true
"""
)
ROWS = 4000
TODAY = 20_000.0


@dataclass(frozen=True)
class Case:
    """A table that a test may spoil: label int8 (n,), numbers (3, n): income, products, joined; codes (1, n): region."""

    label: np.ndarray[Any, Any]
    numbers: np.ndarray[Any, Any]
    codes: np.ndarray[Any, Any]
    ids: np.ndarray[Any, Any] | None
    times: np.ndarray[Any, Any] | None = None

    def history(self) -> History:
        count = len(self.label)
        rows = Rows(self.numbers, self.codes.astype(np.int32))
        numbered = np.arange(1, count + 1)
        return History(rows, self.label, self.ids, None, self.times, numbered, 0, Tally(), "", ())


def honest(seed: int = 0, rate: float = 0.2, count: int = ROWS) -> Case:
    generator = np.random.default_rng(seed)
    label = (generator.random(count) < rate).astype(np.int8)
    income = generator.normal(2000 - 300.0 * label, 500)
    income[generator.random(count) < 0.1] = np.nan
    products = generator.integers(1, 7, count).astype(float)
    joined = TODAY - generator.integers(100, 19_000, count).astype(float)
    region = generator.integers(0, 3, count)[None]
    ids = np.array([f"C{number:06}" for number in generator.permutation(count)], dtype=object)
    return Case(label, np.stack([income, products, joined]), region, ids)


def findings(case: Case, out_of_fold: float = 0.85, holdout: float = 0.85, split: Split | None = None) -> dict[str, Finding]:
    history = case.history()
    plan = plan_features(SPEC)
    found = check_honesty(history, split or split_history(history, 1), plan, compute(plan, history.rows), out_of_fold, holdout)
    json.dumps([finding.evidence for finding in found], allow_nan=False)
    return {finding.name: finding for finding in found}


@pytest.mark.parametrize("seed", range(5))
def test_an_honest_table_raises_nothing(seed: int) -> None:
    assert {name: finding.sentence for name, finding in findings(honest(seed)).items() if finding.severity != "ok"} == {}


@pytest.mark.parametrize("seed", range(5))
def test_an_honest_history_with_time_raises_nothing(seed: int) -> None:
    times = TODAY + np.sort(np.random.default_rng(seed).integers(0, 10, ROWS)).astype(float) * 30
    found = findings(replace(honest(seed), times=times))
    assert {"time_travel", "late_dates"} <= set(found)
    assert "order" not in found
    assert {name: finding.sentence for name, finding in found.items() if finding.severity != "ok"} == {}


def spoilt(case: Case, place: int, values: Callable[[Case], np.ndarray[Any, Any]]) -> Case:
    numbers = case.numbers.copy()
    numbers[place] = values(case)
    return replace(case, numbers=numbers)


def test_rows_on_both_sides_are_counted() -> None:
    case = honest()
    numbers, codes = case.numbers.copy(), case.codes.copy()
    numbers[:, :400], codes[:, :400] = numbers[:, 400:800], codes[:, 400:800]
    finding = findings(replace(case, numbers=numbers, codes=codes))["duplicates"]
    assert finding.severity == "warning"
    assert 80 < int(str(finding.evidence["rows"])) < 200


def test_a_number_that_follows_the_label_is_named() -> None:
    case = spoilt(honest(), 0, lambda c: c.label * 3.0 + np.random.default_rng(1).normal(size=ROWS) * 0.7)
    finding = findings(case)["target_like"]
    assert finding.severity == "warning"
    assert "income (0.99" in finding.sentence


def test_a_category_that_is_the_label_is_named() -> None:
    found = findings(replace(honest(), codes=honest().label[None].astype(np.int32)))
    assert found["target_like"].severity == found["determined"].severity == "warning"
    assert "region = south left" in found["determined"].sentence


def test_a_level_behind_which_everybody_left_is_a_note() -> None:
    case = honest()
    codes = np.where((case.codes == 1) & (np.random.default_rng(0).random(ROWS) < 0.8) & (case.label == 0), 0, case.codes)
    codes = np.where((codes == 1) & (case.label == 0), 2, codes)
    finding = findings(replace(case, codes=codes))["determined"]
    assert finding.severity == "note"
    assert "with region = south left" in finding.sentence


def test_a_rare_level_behind_which_everybody_left_is_chance() -> None:
    case = honest()
    codes = np.minimum(case.codes, 1)
    codes[0, np.flatnonzero(case.label == 1)[:20]] = 2
    assert findings(replace(case, codes=codes))["determined"].severity == "ok"


@pytest.mark.parametrize("outcome", [0, 1])
def test_missingness_that_decides_is_found_in_numbers_and_in_categories(outcome: int) -> None:
    case = honest()
    number = spoilt(case, 0, lambda c: np.where(c.label == outcome, np.nan, 1000.0 + np.arange(ROWS)))
    category = replace(case, codes=np.where(case.label == outcome, MISSING_LEVEL, case.codes))
    for name, leaking in (("income", number), ("region", category)):
        finding = findings(leaking)["determined"]
        assert finding.severity == "warning"
        assert f"with {name} missing {'left' if outcome else 'stayed'}" in finding.sentence


def test_a_table_sorted_by_outcome_says_so() -> None:
    case = honest()
    order = np.argsort(case.label + 2.0 * np.random.default_rng(9).random(ROWS), kind="stable")
    found = findings(replace(case, label=case.label[order], numbers=case.numbers[:, order], codes=case.codes[:, order]))
    assert found["order"].severity == "warning"
    assert found["order"].sentence.startswith("The row's place in the file (ROC-AUC 0.8")


def test_ids_that_grow_with_the_outcome_say_so() -> None:
    case = honest()
    places = np.argsort(np.argsort(case.label * 300.0 + np.random.default_rng(0).permutation(ROWS)))
    finding = findings(replace(case, ids=np.array([f"C-{place:05}" for place in places], dtype=object)))["order"]
    assert finding.severity == "note"
    assert "The number of the id" in finding.sentence
    assert "place" not in finding.sentence
    assert findings(replace(case, ids=None))["order"].severity == "ok"


def test_training_on_the_future_is_found() -> None:
    times = TODAY + np.arange(ROWS, dtype=float) // 400
    case = replace(honest(), times=times)
    positions = np.random.default_rng(0).permutation(ROWS)
    finding = findings(case, split=Split(positions[800:], positions[:800], "random", None))["time_travel"]
    assert finding.severity == "warning"
    assert int(str(finding.evidence["training_rows_not_before_the_holdout"])) == ROWS - 800
    late = np.flatnonzero(times == times.max())
    assert findings(case, split=Split(np.append(np.arange(3600), late[:1]), late[1:], "", None))["time_travel"].severity == "warning"


def test_dates_after_their_rows_time_are_a_note_and_a_warning_where_they_tell() -> None:
    case = replace(honest(), times=TODAY + np.arange(ROWS, dtype=float) // 400)
    anybody = spoilt(case, 2, lambda c: np.where(np.arange(ROWS) % 3 == 0, TODAY + 100, c.numbers[2]))
    assert findings(anybody)["late_dates"].severity == "note"
    leavers = spoilt(case, 2, lambda c: np.where((c.label == 1) & (np.arange(ROWS) % 3 == 0), TODAY + 100, c.numbers[2]))
    finding = findings(leavers)["late_dates"]
    assert finding.severity == "warning"
    assert "joined" in finding.sentence
    assert "late_dates" not in findings(replace(anybody, times=2019.0 + np.arange(ROWS) // 1000))


def test_a_model_too_good_names_the_columns_to_look_at() -> None:
    finding = findings(honest(), out_of_fold=0.994)["suspicious_auc"]
    assert finding.severity == "note"
    assert "income" in finding.sentence
    assert "check" in finding.sentence


def test_a_holdout_far_from_out_of_fold_is_named_in_both_directions() -> None:
    assert findings(honest(), 0.85, 0.93)["holdout_gap"].severity == "warning"
    assert findings(honest(), 0.93, 0.85)["holdout_gap"].severity == "note"
    assert findings(honest(), 0.85, 0.87)["holdout_gap"].severity == "ok"
    assert findings(honest(), 1.0, 1.0)["holdout_gap"].severity == "ok"


def test_rare_outcomes_and_small_holdouts_are_named() -> None:
    assert findings(honest(rate=0.03))["imbalance"].severity == "note"
    assert findings(honest(rate=0.005, count=8000))["imbalance"].severity == "warning"
    assert findings(honest(count=1000))["holdout_size"].severity == "note"
    assert findings(honest(count=300))["holdout_size"].severity == "warning"


def test_ten_thousand_rows_of_forty_columns_take_less_than_a_second() -> None:
    columns = "".join(f'[columns.x{number}]\nkind = "number"\n' for number in range(40))
    spec = parse_spec(f'name = "wide"\nlabel = "gone"\npositive = "yes"\n{columns}')
    generator = np.random.default_rng(0)
    rows = Rows(generator.normal(size=(40, 10_000)), np.empty((0, 10_000), np.int32))
    label = (generator.random(10_000) < 0.2).astype(np.int8)
    history = History(rows, label, None, None, None, np.arange(10_000), 0, Tally(), "", ())
    plan, split = plan_features(spec), split_history(history, 0)
    matrix = compute(plan, rows)
    start = time.process_time()
    check_honesty(history, split, plan, matrix, 0.8, 0.8)
    assert time.process_time() - start < 1


@pytest.mark.real_data
def test_the_real_table_gets_a_note_that_says_what_to_check(real_data: Path, tmp_path: Path) -> None:
    spec: TableSpec = load_spec("bank")
    history = load_history(real_data / "bank_churners.csv", spec, tmp_path / "q.csv", 1.0)
    plan = plan_features(spec)
    found = check_honesty(history, split_history(history, 42), plan, compute(plan, history.rows), 0.994, 0.9935)
    severities = {finding.name: finding.severity for finding in found}
    assert severities["suspicious_auc"] == "note"
    assert severities["target_like"] == severities["duplicates"] == severities["holdout_gap"] == "ok"
    # Known of this table: its order tells something, and all with six contacts left.
    assert severities["order"] == "warning"
    assert severities["determined"] == "note"
