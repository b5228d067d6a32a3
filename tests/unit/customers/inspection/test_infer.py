"""Whole tables of several trades, generated here: the inferred spec must read them as training does."""

from __future__ import annotations

import csv
import os
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tidegate.customers.history import History, load_history
from tidegate.customers.inspection.infer import Inspected, infer_spec
from tidegate.customers.spec import parse_spec

ROWS = 600


def write_csv(path: Path, columns: dict[str, list[object]], separator: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def history_of(path: Path, inspected: Inspected) -> History:
    return load_history(path, inspected.spec, path.parent / "quarantine.csv", most_bad=0.5)


def telecom(seed: int = 1) -> dict[str, list[object]]:
    random = np.random.default_rng(seed)
    tenure = random.integers(0, 72, ROWS)
    left = random.random(ROWS) < np.where(tenure < 12, 0.5, 0.15)
    charges = np.round(random.uniform(18, 120, ROWS), 2)
    total = [" " if months == 0 else f"{months * charge:.2f}" for months, charge in zip(tenure, charges, strict=True)]
    return {
        "customerID": [f"{number:04d}-XQ{number % 7}K" for number in random.permutation(ROWS)],
        "gender": random.choice(["Female", "Male"], ROWS).tolist(),
        "SeniorCitizen": random.integers(0, 2, ROWS).tolist(),
        "Partner": random.choice(["Yes", "No"], ROWS, p=[0.4, 0.6]).tolist(),
        "tenure": tenure.tolist(),
        "InternetService": random.choice(["DSL", "Fiber optic", "None"], ROWS).tolist(),
        "MonthlyCharges": charges.tolist(),
        "TotalCharges": total,
        "Churn": np.where(left, "Yes", "No").tolist(),
    }


def test_a_telecom_table_with_blank_cells(tmp_path: Path) -> None:
    columns = telecom()
    blanks = columns["TotalCharges"].count(" ")
    path = write_csv(tmp_path / "Telco Customers.csv", columns)
    inspected = infer_spec(path, "Churn")
    spec = inspected.spec
    assert (spec.name, spec.id, spec.label, spec.positive, spec.negative) == ("telco_customers", "customer_id", "churn", "Yes", "No")
    assert " " in spec.missing
    total = spec.columns["total_charges"]
    assert (total.kind, total.nullable, total.normalise) == ("number", True, ("strip",))
    assert f"{blanks:,} of {ROWS:,} cells are blank" in inspected.text
    senior = spec.columns["senior_citizen"]
    assert (senior.kind, senior.expected, senior.nullable) == ("integer", (0, 1), False)
    partner = spec.columns["partner"]
    assert (partner.kind, partner.levels, partner.unknown) == ("category", ("No", "Yes"), "other")
    assert "None" in spec.columns["internet_service"].levels
    assert all(column.limit is None for column in spec.columns.values())
    assert [column.name for column in spec.feature_columns][:3] == ["gender", "senior_citizen", "partner"]
    assert (inspected.rows, inspected.columns, inspected.warnings) == (ROWS, len(columns), ())
    history = history_of(path, inspected)
    assert history.tally.quarantined == 0
    assert int(history.label.sum()) == columns["Churn"].count("Yes")
    assert history.tally.outside_expected == {}
    assert int(np.isnan(history.rows.numbers).sum()) == blanks


def test_the_spec_survives_its_own_text(tmp_path: Path) -> None:
    inspected = infer_spec(write_csv(tmp_path / "t.csv", telecom()), "churn")
    assert parse_spec(inspected.text) == inspected.spec


def test_the_same_table_gives_the_same_text(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", telecom())
    assert infer_spec(path, "Churn").text == infer_spec(path, "Churn").text


def bank_with_complaints() -> dict[str, list[object]]:
    random = np.random.default_rng(5)
    rows = 2_000
    left = random.random(rows) < 0.2
    return {
        "RowNumber": list(range(1, rows + 1)),
        "CustomerId": (15_500_000 + random.permutation(rows * 7)[:rows]).tolist(),
        "Surname": [f"Name{number}" for number in random.integers(0, 700, rows)],
        "CreditScore": random.integers(350, 850, rows).tolist(),
        "Geography": random.choice(["France", "Spain", "Germany"], rows, p=[0.5, 0.25, 0.25]).tolist(),
        "Gender": random.choice(["Male", "Female"], rows).tolist(),
        "Age": (random.integers(18, 80, rows) + 6 * left).tolist(),
        "Tenure": random.integers(0, 11, rows).tolist(),
        "Balance": np.where(random.random(rows) < 0.3, 0, np.round(random.uniform(1e4, 2e5, rows), 2)).tolist(),
        "NumOfProducts": random.integers(1, 5, rows).tolist(),
        "HasCrCard": random.integers(0, 2, rows).tolist(),
        "IsActiveMember": random.integers(0, 2, rows).tolist(),
        "EstimatedSalary": np.round(random.uniform(11, 2e5, rows), 2).tolist(),
        "Exited": left.astype(int).tolist(),
        "Complain": np.where(random.random(rows) < 0.003, ~left, left).astype(int).tolist(),
    }


def test_another_bank_with_row_numbers_names_and_a_leak(tmp_path: Path) -> None:
    columns = bank_with_complaints()
    path = write_csv(tmp_path / "bank2.csv", columns)
    inspected = infer_spec(path, "Exited")
    spec = inspected.spec
    assert (spec.id, spec.positive, spec.negative) == ("customer_id", "1", "0")
    kept_out = {column.name for column in spec.columns.values() if not column.feature}
    assert kept_out == {"row_number", "surname", "complain"}
    assert "feature = false  # suspected leak: alone it tells who left with an AUC of 0.9" in inspected.text
    assert not spec.columns["surname"].levels
    assert "Name1" not in inspected.text
    assert [warning for warning in inspected.warnings if warning.startswith("complain: suspected leak")]
    assert len(inspected.warnings) == 1
    history = history_of(path, inspected)
    assert history.tally.quarantined == 0
    assert int(history.label.sum()) == sum(columns["Exited"])


def test_a_suspected_leak_is_put_back_by_deleting_its_line(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bank2.csv", bank_with_complaints())
    lines = infer_spec(path, "Exited").text.splitlines()
    text = "\n".join(line for line in lines if not line.startswith("feature = false"))
    spec = parse_spec(text)
    assert {"complain", "surname", "row_number"} <= {column.name for column in spec.feature_columns}
    assert load_history(path, spec, tmp_path / "q.csv", most_bad=0.0).tally.quarantined == 0


def test_a_bank_table_with_an_empty_column_and_words_as_labels(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    columns: dict[str, list[object]] = {
        "CLIENTNUM": (708_000_000 + random.permutation(ROWS * 99)[:ROWS]).tolist(),
        "Attrition_Flag": random.choice(["Existing Customer", "Attrited Customer"], ROWS, p=[0.84, 0.16]).tolist(),
        "Income_Category": random.choice(["$60K - $80K", "Less than $40K", "Unknown"], ROWS).tolist(),
        "Total_Trans_Ct": random.integers(10, 139, ROWS).tolist(),
        "Branch": ["Main"] * ROWS,
        "": [""] * ROWS,
        "Notes": [""] * ROWS,
        "Fixed": [7] * ROWS,
    }
    path = write_csv(tmp_path / "churners.csv", columns)
    inspected = infer_spec(path, "Attrition_Flag")
    assert (inspected.spec.id, inspected.spec.positive) == ("clientnum", "Attrited Customer")
    assert list(inspected.spec.columns) == ["income_category", "total_trans_ct"]
    assert '# "Branch" is left out: it holds one value only' in inspected.text
    assert '# "" is left out: its header holds no letter' in inspected.text
    assert '# "Notes" is left out: it is empty' in inspected.text
    assert '# "Fixed" is left out: it holds one value only' in inspected.text
    assert history_of(path, inspected).tally.quarantined == 0


def parquet_table(path: Path) -> pa.Table:
    random = np.random.default_rng(3)
    joined = [datetime(2020, 1, 1) + timedelta(days=int(day)) for day in random.integers(0, 1500, ROWS)]
    visits = random.integers(0, 30, ROWS).astype(float)
    visits[:40] = np.nan
    table = pa.table(
        {
            "id": random.permutation(ROWS),
            "joined": pa.array([None if row % 50 == 0 else day for row, day in enumerate(joined)], pa.timestamp("us", tz="UTC")),
            "plan": pa.array(random.choice(["S", "M", "L"], ROWS)).dictionary_encode(),
            "paperless": pa.array([None if row % 9 == 0 else bool(row % 2) for row in range(ROWS)]),
            "visits": visits,
            "fee": pa.array([f"{value:.2f}" for value in random.uniform(1, 99, ROWS)]).cast(pa.decimal128(10, 2)),
            "age": pa.array([None if row % 13 == 0 else int(value) for row, value in enumerate(random.integers(18, 90, ROWS))], pa.int8()),
            "tags": pa.array([["a"]] * ROWS),
            "spell": pa.array([5] * ROWS, pa.duration("s")),
            "nothing": pa.nulls(ROWS),
            "churned": pa.array([None if row == 4 else bool(value) for row, value in enumerate(random.random(ROWS) < 0.3)]),
        }
    )
    pyarrow.parquet.write_table(table, path)
    return table


def test_a_parquet_table_of_every_type(tmp_path: Path) -> None:
    path = tmp_path / "shop.parquet"
    table = parquet_table(path)
    inspected = infer_spec(path, "churned")
    spec = inspected.spec
    assert (spec.id, spec.positive, spec.negative) == ("id", "true", "false")
    kinds = {name: (column.kind, column.nullable, column.feature) for name, column in spec.columns.items()}
    assert kinds == {
        "joined": ("date", True, False),
        "plan": ("category", False, True),
        "paperless": ("boolean", True, True),
        "visits": ("number", True, True),
        "fee": ("number", False, True),
        "age": ("integer", True, True),
    }
    assert '# "tags" is left out: its cells are lists' in inspected.text
    assert '# "nothing" is left out: it is empty' in inspected.text
    assert any("1 rows have no label" in warning for warning in inspected.warnings)
    history = history_of(path, inspected)
    assert (history.tally.quarantined, history.unlabelled) == (0, 1)
    assert int(history.label.sum()) == sum(value is True for value in table["churned"].to_pylist())


@pytest.mark.parametrize(
    ("values", "positive"),
    [(pa.array([1.0, 0.0, None]), "1"), (pa.array([1, 0, None], pa.int64()), "1"), (pa.array(["1.0", "0.0", ""]), "1.0")],
)
def test_a_label_is_written_as_training_reads_it(tmp_path: Path, values: pa.Array, positive: str) -> None:
    path = tmp_path / "t.parquet"
    random = np.random.default_rng(0)
    label = values.take(pa.array(random.integers(0, 3, ROWS)))
    pyarrow.parquet.write_table(pa.table({"gone": label, "x": random.normal(size=ROWS)}), path)
    inspected = infer_spec(path, "gone")
    assert inspected.spec.positive == positive
    history = history_of(path, inspected)
    assert history.tally.quarantined == 0
    assert history.unlabelled == sum(value in (None, "") for value in label.to_pylist())


def test_a_semicolon_table_with_decimal_commas_in_latin_1(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    amounts = random.uniform(1, 5_000, ROWS)
    path = tmp_path / "kunden.csv"
    columns: dict[str, list[object]] = {
        "Kundennummer": (4_000_000 + random.permutation(ROWS * 9)[:ROWS]).tolist(),
        "Straße": random.choice(["Grüner Weg", "Hauptstraße"], ROWS).tolist(),
        "Betrag": [f"{amount:,.2f}".translate(str.maketrans(",.", ".,")) for amount in amounts],
        "Zins": [f"{rate:.3f}".replace(".", ",") for rate in random.uniform(1, 9, ROWS)],
        "gekündigt": random.choice(["ja", "nein"], ROWS, p=[0.2, 0.8]).tolist(),
    }
    write_csv(path, columns, ";", "latin-1")
    inspected = infer_spec(path, "gekündigt")
    amount = inspected.spec.columns["betrag"]
    assert (amount.kind, amount.normalise) == ("number", ("decimal_comma",))
    assert amount.expected == (round(amounts.min(), 2), round(amounts.max(), 2))
    # "1,234" alone could be a thousand; the rest of the table says that it is not.
    assert inspected.spec.columns["zins"].normalise == ("decimal_comma",)
    assert inspected.spec.columns["zins"].expected[1] < 10
    assert inspected.spec.positive == "ja"
    history = history_of(path, inspected)
    assert history.tally.quarantined == 0
    assert int(history.label.sum()) == columns["gekündigt"].count("ja")


def test_months_of_the_same_customers_suggest_a_time(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    customers, months = 120, 6
    columns: dict[str, list[object]] = {
        "customer_id": [f"C{customer}" for customer in range(customers)] * months,
        "snapshot_month": [202_401 + month for month in range(months) for _ in range(customers)],
        "spend": np.round(random.gamma(2, 50, customers * months), 2).tolist(),
        "churn": (random.random(customers * months) < 0.2).astype(int).tolist(),
    }
    inspected = infer_spec(write_csv(tmp_path / "panel.csv", columns), "churn")
    assert inspected.spec.id == "customer_id"
    assert inspected.spec.time is None
    assert any("whole customers will be held out together" in warning for warning in inspected.warnings)
    assert any('time = "snapshot_month"' in warning for warning in inspected.warnings)


def test_progress_hears_of_the_rows_read(tmp_path: Path) -> None:
    heard: list[int] = []
    infer_spec(write_csv(tmp_path / "t.csv", telecom()), "Churn", heard.append)
    assert heard == [ROWS]


@pytest.mark.real_data
@pytest.mark.skipif("TIDEGATE_REAL_DATA" not in os.environ, reason="TIDEGATE_REAL_DATA names no folder of real tables")
def test_the_public_bank_table(tmp_path: Path) -> None:
    path = Path(os.environ["TIDEGATE_REAL_DATA"]) / "bank_churners.csv"
    inspected = infer_spec(path, "Attrition_Flag")
    assert (inspected.spec.id, inspected.spec.positive) == ("clientnum", "Attrited Customer")
    assert len(inspected.spec.feature_columns) == len(inspected.spec.columns) == 19
    assert (inspected.rows, inspected.columns, inspected.warnings) == (10_127, 22, ())
    history = load_history(path, inspected.spec, tmp_path / "q.csv", most_bad=0.0)
    assert (int(history.label.sum()), history.tally.outside_expected) == (1_627, {})
