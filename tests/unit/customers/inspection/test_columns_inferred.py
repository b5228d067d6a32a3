"""What a single column becomes, and why."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tidegate.customers.history import load_history
from tidegate.customers.inspection.distinct import Distinct
from tidegate.customers.inspection.infer import Inspected, infer_spec
from tidegate.customers.inspection.leaks import level_auc, number_auc, rank_auc
from tidegate.customers.inspection.sample import RowSample
from tidegate.customers.inspection.write import quoted
from tidegate.customers.spec import Column

ROWS = 1_000


def inspect_column(tmp_path: Path, header: str, cells: list[str], rows_lost: int = 0) -> tuple[Inspected, Column | None]:
    """Infer from a table of a label, one honest number and the given column; training must lose no more rows than `rows_lost`."""
    random = np.random.default_rng(len(cells))
    label = random.choice(["yes", "no"], len(cells), p=[0.3, 0.7])
    path = tmp_path / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["churn", "usage", header])
        writer.writerows(zip(label, np.round(random.normal(size=len(cells)), 4), cells, strict=True))
    inspected = infer_spec(path, "churn")
    history = load_history(path, inspected.spec, tmp_path / "q.csv", most_bad=0.5)
    assert history.tally.quarantined == rows_lost
    return inspected, next((column for name, column in inspected.spec.columns.items() if name not in ("usage",)), None)


def drawn(values: list[str], seed: int = 0, rows: int = ROWS) -> list[str]:
    return np.random.default_rng(seed).choice(values, rows).tolist()


NUMBERS = [str(number) for number in np.random.default_rng(9).integers(0, 500, ROWS)]


@pytest.mark.parametrize("word", ["NA", "n/a", "null", "None", "NaN", "?", "-", "", " ", "   "])
def test_words_for_missing_in_a_number_column(tmp_path: Path, word: str) -> None:
    cells = [word if row % 10 == 0 else number for row, number in enumerate(NUMBERS)]
    inspected, column = inspect_column(tmp_path, "visits", cells)
    assert column is not None
    assert (column.kind, column.nullable) == ("integer", True)
    assert word in inspected.spec.missing


@pytest.mark.parametrize(("word", "is_level"), [("None", True), ("-", True), ("NA", False), ("?", False), ("", False)])
def test_words_that_may_be_an_answer_stay_levels_of_a_category(tmp_path: Path, word: str, is_level: bool) -> None:
    _, column = inspect_column(tmp_path, "service", drawn(["DSL", "Fiber", word]))
    assert column is not None
    assert (word in column.levels, column.nullable) == (is_level, not is_level)


def test_the_name_of_unlisted_levels_is_not_listed(tmp_path: Path) -> None:
    _, column = inspect_column(tmp_path, "plan", drawn(["S", "M", "(other)"]))
    assert column is not None
    assert set(column.levels) == {"S", "M"}


def test_spaces_around_cells_are_stripped(tmp_path: Path) -> None:
    _, number = inspect_column(tmp_path, "visits", [f" {cell} " if row % 3 else cell for row, cell in enumerate(NUMBERS)])
    assert number is not None
    assert (number.kind, number.normalise) == ("integer", ("strip",))
    _, category = inspect_column(tmp_path, "plan", drawn(["S", "M ", " M", "L"]))
    assert category is not None
    assert (category.levels[0], set(category.levels), category.normalise) == ("M", {"S", "M", "L"}, ("strip",))


def test_thousands_commas(tmp_path: Path) -> None:
    _, column = inspect_column(tmp_path, "balance", [f"{int(cell) * 97:,}.50" for cell in NUMBERS])
    assert column is not None
    assert (column.kind, column.normalise) == ("number", ("thousands_comma",))
    assert column.expected == (min(map(int, NUMBERS)) * 97 + 0.5, max(map(int, NUMBERS)) * 97 + 0.5)


def test_commas_of_both_meanings_are_not_guessed(tmp_path: Path) -> None:
    inspected, column = inspect_column(tmp_path, "balance", drawn(["1,234.50", "12,5", "1,000,000", "0,75"]))
    assert column is None
    assert any("balance" in warning and "comma" in warning for warning in inspected.warnings)


def test_a_few_slips_leave_a_column_of_numbers(tmp_path: Path) -> None:
    cells = [*NUMBERS[:-4], "many", "few", "x", "12 months"]
    inspected, column = inspect_column(tmp_path, "visits", cells, rows_lost=4)
    assert column is not None
    assert column.kind == "integer"
    assert "visits: 4 cells are not numbers; those rows will be quarantined." in inspected.warnings
    assert "many" not in inspected.text + " ".join(inspected.warnings)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (drawn(["true", "false"]), "boolean"),
        (drawn(["TRUE", "FALSE", ""]), "boolean"),
        (drawn(["Yes", "No"]), "category"),
        (drawn(["0", "1"]), "integer"),
    ],
)
def test_two_valued_columns(tmp_path: Path, cells: list[str], kind: str) -> None:
    _, column = inspect_column(tmp_path, "paperless", cells)
    assert column is not None
    assert (column.kind, column.nullable) == (kind, "" in cells)


def test_whole_numbers_written_with_a_point_are_numbers(tmp_path: Path) -> None:
    _, column = inspect_column(tmp_path, "balance", [f"{cell}.0" for cell in NUMBERS])
    assert column is not None
    assert column.kind == "number"


@pytest.mark.parametrize(
    ("cells", "reported"),
    [
        (["a", "b", "c"], True),
        (["true", "false"], True),
        ([f"level {n}" for n in range(12)], True),
        ([f"level {n}" for n in range(13)], False),
    ],
)
def test_quality_is_reported_for_columns_with_few_groups(tmp_path: Path, cells: list[str], reported: bool) -> None:
    inspected, _ = inspect_column(tmp_path, "Region", drawn(cells))
    assert [one.column for one in inspected.spec.segments] == (["region"] if reported else [])


def test_quality_is_reported_for_six_columns_at_most(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    names = [f"region_{n}" for n in range(9)]
    table = np.column_stack([random.choice(["yes", "no"], ROWS), *(random.choice(["a", "b", "c"], ROWS) for _ in names)])
    (tmp_path / "table.csv").write_text("\n".join(",".join(row) for row in [["churn", *names], *table.tolist()]))
    assert [one.column for one in infer_spec(tmp_path / "table.csv", "churn").spec.segments] == names[:6]


def test_dates_are_declared_but_kept_from_the_model(tmp_path: Path) -> None:
    cells = [f"20{10 + int(cell) % 12}-0{1 + int(cell) % 9}-1{int(cell) % 10}" for cell in NUMBERS]
    inspected, column = inspect_column(tmp_path, "joined", cells)
    assert column is not None
    assert (column.kind, column.feature) == ("date", False)
    assert "feature = false  # a date drifts by nature" in inspected.text


def test_dates_of_another_spelling_are_left_out(tmp_path: Path) -> None:
    inspected, column = inspect_column(tmp_path, "joined", [f"{1 + int(cell) % 28}/{1 + int(cell) % 12}/2021" for cell in NUMBERS])
    assert column is None
    assert "not written as YYYY-MM-DD" in inspected.text


def test_codes_with_leading_zeros_are_levels(tmp_path: Path) -> None:
    _, column = inspect_column(tmp_path, "zip_code", drawn(["02139", "10001", "00501"]))
    assert column is not None
    assert (column.kind, set(column.levels)) == ("category", {"02139", "10001", "00501"})


def test_unique_texts_are_kept_out_without_listing_them(tmp_path: Path) -> None:
    cells = [f"remark {row}" for row in range(ROWS)]
    inspected, column = inspect_column(tmp_path, "remark", cells)
    assert column is not None
    assert (column.feature, column.levels) == (False, ())
    assert "remark 7" not in inspected.text


def test_many_repeating_texts_keep_the_most_frequent(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    cells = [f"City {number}" for number in np.minimum(random.zipf(1.3, 3 * ROWS), 900)]
    inspected, column = inspect_column(tmp_path, "city", cells)
    assert column is not None
    assert (len(column.levels), column.levels[0], column.unknown) == (200, "City 1", "other")
    assert "the 200 most frequent are levels" in inspected.text


def test_amounts_with_signs_are_explained(tmp_path: Path) -> None:
    inspected, column = inspect_column(tmp_path, "fee", [f"${row + 0.5:.2f}" for row in range(ROWS)])
    assert column is not None
    assert not column.feature
    assert any("currency or percent sign" in warning for warning in inspected.warnings)


@pytest.mark.parametrize(("header", "feature"), [("AccountNumber", False), ("unnamed", False), ("points", False), ("income", True)])
def test_whole_numbers_that_never_repeat(tmp_path: Path, header: str, feature: bool) -> None:
    random = np.random.default_rng(3)
    counter = [str(number) for number in random.permutation(ROWS)]
    incomes = [str(number) for number in random.choice(900_000, ROWS, replace=False) + 1_000]
    inspected, column = inspect_column(tmp_path, header, incomes if header == "income" else counter)
    if header == "AccountNumber":
        assert inspected.spec.id == "account_number"
    else:
        assert column is not None
        assert column.feature is feature


def test_numbers_beyond_whole_precision_are_numbers(tmp_path: Path) -> None:
    _, column = inspect_column(tmp_path, "hash", [str(int(cell) * 10**17) for cell in NUMBERS])
    assert column is not None
    assert column.kind == "number"


@pytest.mark.parametrize(
    "header", ["Churn Reason", "exit_date", "Closed At", "Naive_Bayes_Classifier_Attrition_Flag_1", "cancellation_month"]
)
def test_a_column_named_like_the_outcome_is_a_suspected_leak(tmp_path: Path, header: str) -> None:
    inspected, column = inspect_column(tmp_path, header, drawn(["a", "b", "c"]))
    assert column is not None
    assert not column.feature
    assert "suspected leak: its name speaks of the outcome; delete this line to put it back" in inspected.text


def test_a_column_present_only_for_those_who_left_is_a_suspected_leak(tmp_path: Path) -> None:
    label = np.random.default_rng(ROWS).choice(["yes", "no"], ROWS, p=[0.3, 0.7])
    cells = [number if outcome == "yes" else "" for number, outcome in zip(NUMBERS, label, strict=True)]
    inspected, column = inspect_column(tmp_path, "final_bill", cells)
    assert column is not None
    assert not column.feature
    assert "final_bill: suspected leak: alone it tells who left with an AUC of 1.000" in " ".join(inspected.warnings)


def test_a_code_that_gives_the_label_away_in_no_order(tmp_path: Path) -> None:
    label = np.random.default_rng(ROWS).choice(["yes", "no"], ROWS, p=[0.3, 0.7])
    cells = ["2" if outcome == "yes" else str(int(number) % 2 * 4) for number, outcome in zip(NUMBERS, label, strict=True)]
    _, column = inspect_column(tmp_path, "status_code", cells)
    assert column is not None
    assert not column.feature


def test_many_rare_levels_are_no_leak() -> None:
    random = np.random.default_rng(0)
    outcome = random.random(4_000) < 0.2
    assert abs(level_auc(random.integers(0, 2_000, 4_000).astype(np.int32), outcome, random.random(4_000) < 0.5) - 0.5) < 0.05
    assert level_auc(outcome.astype(np.int32), outcome, random.random(4_000) < 0.5) == 1.0


@pytest.mark.parametrize("absent_as_high", [True, False])
def test_absence_may_rank_above_or_below_all_values(absent_as_high: bool) -> None:
    outcome = np.arange(4_000) % 2 == 0
    numbers = np.random.default_rng(0).random(4_000) + np.where(outcome == absent_as_high, 2.0, 0.0)
    numbers[outcome == absent_as_high] = np.where(np.arange(2_000) % 2 == 0, np.nan, numbers[outcome == absent_as_high])
    assert number_auc(numbers if absent_as_high else -numbers, outcome, np.ones(4_000, bool)) == 1.0


def test_auc_agrees_with_the_reference() -> None:
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(1)
    outcome, scores = random.random(500) < 0.3, np.round(random.normal(size=500), 1)
    assert rank_auc(scores, outcome) == pytest.approx(roc_auc_score(outcome, scores), abs=1e-12)


@pytest.mark.parametrize("many", [300, 5_000, 60_000])
def test_distinct_texts_are_counted_or_estimated(many: int) -> None:
    import pyarrow as pa

    distinct = Distinct()
    for start in range(0, many, 7_000):
        texts = pa.array([str(number) for number in range(start, min(start + 7_000, many))])
        distinct.add(texts, np.ones(len(texts), np.int64))
        distinct.add(texts, np.ones(len(texts), np.int64))
    assert (len(distinct) == many) if many <= 5_000 else (abs(len(distinct) / many - 1) < 0.08)


def test_the_sample_is_fair_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa

    from tidegate.customers.inspection import sample

    monkeypatch.setattr(sample, "MOST_ROWS", 500)
    sample = RowSample()
    for start in range(0, 50_000, 1_000):
        sample.add(pa.RecordBatch.from_pydict({"f0": list(range(start, start + 1_000))}))
    rows = sample.rows().column(0).to_numpy()
    assert len(rows) == 500
    assert np.all(np.diff(rows) > 0)
    assert abs(rows.mean() / 25_000 - 1) < 0.1


@pytest.mark.parametrize("text", ['"', "\\", "a\nb", "\x00\x1f\x7f", "é\u2028\U0001f600\u202e", "]\n[columns.x]\nkind = 'number'"])
def test_quoted_text_is_one_toml_string(text: str) -> None:
    import tomllib

    assert tomllib.loads(f"x = {quoted(text)}  # {quoted(text)}\ny = 1") == {"x": text, "y": 1}
    assert json.dumps(quoted(text)).count("\\n") == json.dumps(quoted(text)).count("\\\\n")
