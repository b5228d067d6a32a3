"""What cannot be inferred is refused with a sentence that holds no customer's value; anything else is a valid spec."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.customers.history import load_history
from tidegate.customers.inspection.infer import infer_spec
from tidegate.customers.spec import parse_spec
from tidegate.errors import InputRefused, NotEnoughData, TableRefused

ROWS = 120


def table(path: Path, **columns: list[object]) -> Path:
    random = np.random.default_rng(0)
    shown = {"usage": np.round(random.normal(size=ROWS), 3).tolist(), **columns}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(shown)
        writer.writerows(zip(*shown.values(), strict=True))
    return path


def labels(*values: object) -> list[object]:
    return [values[0] if row % 4 == 0 else values[1 + row % (len(values) - 1)] for row in range(ROWS)]


@pytest.mark.parametrize(
    ("values", "positive", "guessed"),
    [
        (("Yes", "No"), "Yes", False),
        (("yes", "no"), "yes", False),
        (("No", "Yes"), "Yes", False),
        (("1", "0"), "1", False),
        (("TRUE", "FALSE"), "TRUE", False),
        (("-1", "1"), "1", False),
        (("churned", "stayed"), "churned", False),
        (("Attrited Customer", "Existing Customer"), "Attrited Customer", False),
        (("Left", "Active"), "Left", False),
        (("Inactive", "Active"), "Inactive", False),
        (("Not churned", "Churned"), "Churned", False),
        (("no churn", "B"), "B", False),
        (("Retained", "Q"), "Q", False),
        (("A", "B"), "A", True),
        (("2", "1"), "2", True),
    ],
)
def test_which_value_means_left(tmp_path: Path, values: tuple[str, str], positive: str, guessed: bool) -> None:
    inspected = infer_spec(table(tmp_path / "t.csv", outcome_of_year=labels(*values)), "outcome_of_year")
    assert {inspected.spec.positive, inspected.spec.negative} == set(values)
    assert inspected.spec.positive == positive
    assert any("check `positive`" in warning for warning in inspected.warnings) is guessed


def test_a_label_that_says_who_stayed_is_turned_round(tmp_path: Path) -> None:
    inspected = infer_spec(table(tmp_path / "t.csv", Retained=labels("No", "Yes")), "Retained")
    assert inspected.spec.positive == "No"
    assert "its negation means left" in inspected.text


def test_a_label_in_several_spellings(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", churn=labels("Yes", "no", "No ", "NO", ""))
    inspected = infer_spec(path, "churn")
    assert (inspected.spec.positive, inspected.spec.columns["churn"].normalise) == ("yes", ("strip", "lower"))
    history = load_history(path, inspected.spec, tmp_path / "q.csv", most_bad=0.0)
    assert int(history.label.sum()) == ROWS // 4
    assert history.unlabelled > 0


def test_a_word_for_missing_is_no_label(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", churn=labels("Yes", "No", "n/a", " "))
    inspected = infer_spec(path, "churn")
    history = load_history(path, inspected.spec, tmp_path / "q.csv", most_bad=0.0)
    assert (history.unlabelled, history.tally.quarantined) == (ROWS // 2, 0)
    assert f"churn: {ROWS // 2} rows have no label; they say nothing yet and are not learned from." in inspected.warnings


@pytest.mark.parametrize(
    ("values", "refusal", "sentence"),
    [
        (("secret", "secret"), NotEnoughData, "hold the same value"),
        (("secret", "", "NA"), NotEnoughData, "hold the same value"),
        (("", "NA"), NotEnoughData, "is empty in every row"),
        (("secret", "b", "c"), TableRefused, "holds 3 different values"),
    ],
)
def test_labels_that_tell_nothing(tmp_path: Path, values: tuple[str, ...], refusal: type[InputRefused], sentence: str) -> None:
    with pytest.raises(refusal, match=sentence) as refused:
        infer_spec(table(tmp_path / "t.csv", churn=labels(*values)), "churn")
    assert refused.value.remedy
    assert "secret" not in str(refused.value)


def test_a_number_is_no_label(tmp_path: Path) -> None:
    with pytest.raises(TableRefused, match="different values"):
        infer_spec(table(tmp_path / "t.csv", churn=labels("yes", "no")), "usage")


def test_an_absent_label_names_near_ones(tmp_path: Path) -> None:
    with pytest.raises(TableRefused, match=r"no column 'churned'.*did you mean 'Churn'"):
        infer_spec(table(tmp_path / "t.csv", Churn=labels("yes", "no")), "churned")


@pytest.mark.parametrize("twins", [("Total Charges", "total_charges"), ("plan", "Plan")])
def test_headers_that_collide_are_refused_by_name(tmp_path: Path, twins: tuple[str, str]) -> None:
    path = table(tmp_path / "t.csv", churn=labels("yes", "no"), **{twin: labels("a", "b", "c") for twin in twins})
    with pytest.raises(TableRefused, match=f"'{twins[0]}' and '{twins[1]}'"):
        infer_spec(path, "churn")


def test_a_header_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("churn,x,x\nyes,1,2\nno,2,3\n")
    with pytest.raises(TableRefused, match="'x' and 'x'"):
        infer_spec(path, "churn")


@pytest.mark.parametrize("text", ["churn,x\n", "churn,x", ""])
def test_a_table_without_rows(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(TableRefused):
        infer_spec(path, "churn")


def test_nothing_left_to_learn_from(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"{row},{'yes' if row % 3 else 'no'},same,{int(bool(row % 3))}\n" for row in range(ROWS))
    path.write_text("customer_id,churn,fixed,twin\n" + rows)
    with pytest.raises(NotEnoughData, match="none is left to learn from"):
        infer_spec(path, "churn")


def test_the_reserved_name_of_a_column_that_is_no_id(tmp_path: Path) -> None:
    inspected = infer_spec(table(tmp_path / "t.csv", churn=labels("yes", "no"), customer_id=labels("a", "b")), "churn")
    assert inspected.spec.id is None
    assert "customer_id" not in inspected.spec.columns
    assert any("customer_id: this name is kept" in warning for warning in inspected.warnings)


def test_headers_and_levels_cannot_write_toml(tmp_path: Path) -> None:
    evil = 'x"\n[columns.usage]\nlimit = [0, 0]\n#'
    path = table(tmp_path / "t.csv", **{"churn": labels("yes", 'n"o\\\n'), evil: labels('a"]\nkind = "date"', "b\x7f", "c")})
    inspected = infer_spec(path, "churn")
    assert inspected.spec.columns["usage"].limit is None
    assert 'a"]\nkind = "date"' in inspected.spec.columns["x_columns_usage_limit_0_0"].levels
    assert inspected.spec.negative == 'n"o\\'  # the line's end is stripped like any space around a value
    assert load_history(path, inspected.spec, tmp_path / "q.csv", most_bad=0.0).tally.quarantined == 0


headers = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=12) | st.sampled_from(
    ["id", "customer_id", "Customer ID", "churn_reason", "Exited", "date", "snapshot_month", "name", "kind", "1", "feature", "Surname"]
)
cells = (
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=8)
    | st.sampled_from(["", " ", "NA", "None", "-", "?", "0", "1", "1,234", "1,5", "1e400", "-1", "007", "2020-01-01", "2020-13-45", "nan"])
    | st.floats().map(repr)
    | st.integers().map(str)
)
typed = st.sampled_from(["int", "float", "bool", "text", "date", "time", "list", "null", "binary", "label"])


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_csv_gives_a_valid_spec_or_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    names = data.draw(st.lists(headers, min_size=1, max_size=5))
    pools = [data.draw(st.lists(cells, min_size=1, max_size=4)) for _ in names]
    rows = data.draw(st.integers(0, 40))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    path = tmp_path / "Any table.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=data.draw(st.sampled_from([",", ";", "\t"])))
        writer.writerow(["churn", "usage", *names])
        writer.writerows(
            [random.choice(["yes", "no"]), f"{random.normal():.3f}", *(random.choice(pool) for pool in pools)] for _ in range(rows)
        )
    judge(path, data.draw(st.sampled_from(["churn", *names])))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(headers, typed), min_size=1, max_size=6), st.integers(1, 60), st.integers(0, 99))
def test_any_parquet_gives_a_valid_spec_or_a_refusal(tmp_path: Path, columns: list[tuple[str, str]], rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    absent = random.random(rows) < random.choice([0, 0.3])
    made = {
        "int": lambda: pa.array(random.integers(-(2**63), 2**63 - 1, rows), mask=absent),
        "float": lambda: pa.array(random.choice([0.5, 1.0, np.nan, np.inf, 1e300, -0.0], rows), mask=absent),
        "bool": lambda: pa.array(random.random(rows) < 0.5, mask=absent),
        "text": lambda: pa.array(random.choice(["a", "b\n", "", " c", "1"], rows), mask=absent).dictionary_encode(),
        "date": lambda: pa.array(random.integers(-(2**62), 2**62, rows), mask=absent).cast(pa.timestamp("us")),
        "time": lambda: pa.array(random.integers(0, 86_400, rows), pa.int32(), mask=absent).cast(pa.time32("s")),
        "list": lambda: pa.array([[1]] * rows),
        "null": lambda: pa.nulls(rows),
        "binary": lambda: pa.array([b"\xff\x00"] * rows),
        "label": lambda: pa.array(random.choice(["left", "stayed"], rows)),
    }
    path = tmp_path / "any.parquet"
    names = [header for header, _ in columns]
    arrays = [made[kind]() for _, kind in columns]
    usage, churn = pa.array(random.normal(size=rows)), made["label"]()
    pyarrow.parquet.write_table(pa.Table.from_arrays([usage, churn, *arrays], names=["usage", "churn", *names]), path)
    for label in ("churn", names[0]):
        judge(path, label)


def judge(path: Path, label: str) -> None:
    """Inference ends in a spec that reads the table it came from, or in a refusal."""
    try:
        inspected = infer_spec(path, label)
    except InputRefused:
        return
    assert parse_spec(inspected.text) == inspected.spec
    history = load_history(path, inspected.spec, path.parent / "q.csv", most_bad=1.0)
    warned = sum("will be quarantined" in warning for warning in inspected.warnings)
    assert warned or history.tally.quarantined == 0
