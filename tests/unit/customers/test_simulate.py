from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest
from sklearn.metrics import roc_auc_score

from tidegate.customers.simulation import bank as simulated_bank
from tidegate.customers.simulation import draw
from tidegate.customers.simulation.churn import churn_probability
from tidegate.customers.simulation.simulate import Simulated, simulate_blocks, simulate_table
from tidegate.customers.simulation.write import write_simulated
from tidegate.errors import InputRefused, SettingRefused

ROWS = 200_000


@pytest.fixture(scope="module")
def bank() -> Simulated:
    return simulate_table(ROWS, seed=7)


# what the first release wrote: whoever simulated with a seed then gets the same customers now
FIRST_RELEASE = [
    (
        7,
        1_000,
        "d52ecc4b3937a806dd085193eb4c2cd45e4071c3b821711aacffd91ed6fc92ca",
        "7555c529a53f09884f3e76a1e1333a1615351b327d48a3f8a2636e3944ac2b58",
    ),
    (
        7,
        70_000,
        "9c6777c709b984976c3564c2f8d5ee8f881221e93b37b32b52aafac293aec9f4",
        "0e28e4c669bd8645e98af67f149da64e09bab063bdf4d7b80414699c6928f01c",
    ),
]


@pytest.mark.parametrize(("seed", "rows", "table", "truth"), FIRST_RELEASE)
def test_without_knobs_the_bank_is_the_first_releases_byte_for_byte(tmp_path: Path, seed: int, rows: int, table: str, truth: str) -> None:
    write_simulated(tmp_path / "bank.csv", rows, seed)
    assert hashlib.sha256((tmp_path / "bank.csv").read_bytes()).hexdigest() == table
    beside = pyarrow.csv.read_csv(tmp_path / "bank.truth.csv")
    assert beside.column_names == ["CLIENTNUM", "churn_probability"]
    # another processor may round a probability otherwise in its last digit
    rounded = "".join(f"{one:.9f}\n" for one in beside["churn_probability"].to_pylist())
    assert hashlib.sha256(rounded.encode()).hexdigest() == truth


def churned(simulated: Simulated) -> np.ndarray:
    return pc.equal(simulated.table["Attrition_Flag"], "Attrited Customer").to_numpy()


def test_the_schema_is_that_of_the_public_table(bank: Simulated) -> None:
    assert tuple(bank.table.column_names) == simulated_bank.COLUMNS
    types = {name: str(bank.table.schema.field(name).type) for name in bank.table.column_names}
    floats = {"Credit_Limit", "Avg_Open_To_Buy", "Total_Amt_Chng_Q4_Q1", "Total_Ct_Chng_Q4_Q1", "Avg_Utilization_Ratio"}
    assert {name for name, kind in types.items() if kind == "double"} == floats
    assert {name for name, kind in types.items() if kind == "string"} == set(simulated_bank.LEVELS)
    assert sum(kind == "int64" for kind in types.values()) == 10
    assert all(column.null_count == 0 for column in bank.table.columns)
    assert bank.churn_probability.shape == (ROWS,)
    assert bank.churn_probability.dtype == np.float64


@pytest.mark.parametrize("name", sorted(simulated_bank.LEVELS))
def test_every_level_occurs_and_no_other(bank: Simulated, name: str) -> None:
    assert set(pc.unique(bank.table[name]).to_pylist()) == set(simulated_bank.LEVELS[name])


def test_the_same_seed_draws_the_same_customers(bank: Simulated) -> None:
    again = simulate_table(ROWS, seed=7)
    assert again.table.equals(bank.table)
    assert np.array_equal(again.churn_probability, bank.churn_probability)


@pytest.mark.parametrize("rows", [1, 3, 1_001, draw.BLOCK_ROWS, draw.BLOCK_ROWS + 1, 150_000])
def test_the_first_customers_are_the_same_whatever_the_total(bank: Simulated, rows: int) -> None:
    first = simulate_table(rows, seed=7)
    assert first.table.equals(bank.table.slice(0, rows).combine_chunks())
    assert np.array_equal(first.churn_probability, bank.churn_probability[:rows])


def test_blocks_read_in_turn_do_not_disturb_one_another(bank: Simulated) -> None:
    ours, others = simulate_blocks(ROWS, seed=7), simulate_blocks(ROWS, seed=8)
    drawn = [block for block, _ in zip(ours, others, strict=True)]
    assert np.array_equal(np.concatenate([block.churn_probability for block in drawn]), bank.churn_probability)


def test_every_block_draws_other_customers() -> None:
    first, second, last = (block.table.drop_columns("CLIENTNUM") for block in simulate_blocks(ROWS // 2 + draw.BLOCK_ROWS, seed=7))
    assert not first.equals(second)
    assert not second.slice(0, last.num_rows).equals(last)


def test_another_seed_draws_other_customers(bank: Simulated) -> None:
    other = simulate_table(1_000, seed=8)
    assert not np.isin(other.table["CLIENTNUM"].to_numpy(), bank.table["CLIENTNUM"].to_numpy()[:1_000]).all()
    assert not np.array_equal(other.churn_probability, bank.churn_probability[:1_000])


def test_ids_have_nine_digits_and_are_unique(bank: Simulated) -> None:
    ids = bank.table["CLIENTNUM"].to_numpy()
    assert len(np.unique(ids)) == ROWS
    assert ids.min() >= 100_000_000
    assert ids.max() <= 999_999_999


def test_ids_repeat_only_after_all_900_million_are_used() -> None:
    assert np.gcd(simulated_bank.NUMBER_STEP, draw.MOST_ROWS) == 1
    last = draw.client_numbers(np.arange(draw.MOST_ROWS - 2, draw.MOST_ROWS + 2), seed=3)
    first = draw.client_numbers(np.arange(2), seed=3)
    assert np.array_equal(last[2:], first)
    assert len(set(last.tolist())) == 4


def test_the_identities_of_the_table_hold_in_every_row(bank: Simulated) -> None:
    limit, balance = bank.table["Credit_Limit"].to_numpy(), bank.table["Total_Revolving_Bal"].to_numpy()
    # limits have one decimal, so the exact difference does too: rounding removes the last bit of binary noise only
    assert np.array_equal(bank.table["Avg_Open_To_Buy"].to_numpy(), np.round(limit - balance, 1))
    assert np.array_equal(bank.table["Avg_Utilization_Ratio"].to_numpy(), np.round(balance / limit, 3))
    assert (balance >= 0).all()
    assert (balance < limit).all()


@pytest.mark.parametrize(
    ("column", "value", "low", "high"),
    [
        ("Months_on_book", 36, 0.20, 0.28),
        ("Credit_Limit", 1438.3, 0.03, 0.07),
        ("Credit_Limit", 34516.0, 0.03, 0.07),
        ("Total_Revolving_Bal", 0, 0.20, 0.28),
        ("Total_Revolving_Bal", 2517, 0.03, 0.07),
    ],
)
def test_values_that_pile_up_in_the_public_table_pile_up_here(bank: Simulated, column: str, value: float, low: float, high: float) -> None:
    assert low < np.mean(bank.table[column].to_numpy() == value) < high


@pytest.mark.parametrize(
    ("column", "low", "high"),
    [
        ("Customer_Age", 18, 100),
        ("Dependent_count", 0, 5),
        ("Months_on_book", 13, 56),
        ("Total_Relationship_Count", 1, 6),
        ("Months_Inactive_12_mon", 0, 6),
        ("Contacts_Count_12_mon", 0, 6),
        ("Credit_Limit", 1438.3, 34516.0),
        ("Total_Revolving_Bal", 0, 2517),
        ("Total_Trans_Amt", 500, 20_000),
        ("Total_Trans_Ct", 10, 150),
        ("Total_Amt_Chng_Q4_Q1", 0, 4),
        ("Total_Ct_Chng_Q4_Q1", 0, 4),
        ("Avg_Utilization_Ratio", 0, 0.999),
    ],
)
def test_columns_stay_in_their_range(bank: Simulated, column: str, low: float, high: float) -> None:
    values = bank.table[column].to_numpy()
    assert values.min() >= low
    assert values.max() <= high


def test_columns_depend_on_one_another_as_in_a_bank(bank: Simulated) -> None:
    column = {name: bank.table[name].to_numpy() for name in bank.table.column_names}
    assert np.corrcoef(column["Customer_Age"], column["Months_on_book"])[0, 1] > 0.7
    assert np.corrcoef(column["Total_Trans_Amt"], column["Total_Trans_Ct"])[0, 1] > 0.7
    well_paid, premium = np.isin(column["Income_Category"], ["$80K - $120K", "$120K +"]), column["Card_Category"] != "Blue"
    assert np.mean(well_paid[column["Gender"] == "M"]) > 0.4
    assert np.mean(well_paid[column["Gender"] == "F"]) < 0.1
    assert np.median(column["Credit_Limit"][well_paid]) > 2 * np.median(column["Credit_Limit"][~well_paid])
    assert np.median(column["Credit_Limit"][premium]) > 2 * np.median(column["Credit_Limit"][~premium])


def test_the_known_probability_is_the_rate_at_which_labels_are_drawn(bank: Simulated) -> None:
    probability, label = bank.churn_probability, churned(bank)
    assert abs(label.mean() - 0.1607) < 0.01
    for members in np.array_split(np.argsort(probability), 10):
        deviation = np.sqrt((probability[members] * (1 - probability[members])).sum()) / len(members)
        assert abs(label[members].mean() - probability[members].mean()) < 4 * deviation + 1e-4
    doubtful = (probability > 0.1) & (probability < 0.9)
    deviation = np.sqrt((probability[doubtful] * (1 - probability[doubtful])).sum()) / doubtful.sum()
    assert doubtful.sum() > 1_000
    assert abs(label[doubtful].mean() - probability[doubtful].mean()) < 4 * deviation


def test_the_probability_is_a_function_of_the_columns_alone() -> None:
    latent = draw.draw_latent(0, 500, seed=7)
    columns = draw.draw_columns(latent)
    expected = churn_probability(columns)
    backwards = churn_probability({name: values[::-1] for name, values in columns.items()})
    assert np.array_equal(backwards[::-1], expected)


def test_parquet_and_csv_hold_the_same_customers_and_the_same_truth(tmp_path: Path) -> None:
    rows = draw.BLOCK_ROWS + 10
    for suffix in ("csv", "parquet"):
        write_simulated(tmp_path / f"bank.{suffix}", rows, seed=5)
    expected = simulate_table(rows, seed=5)
    from_csv = pyarrow.csv.read_csv(tmp_path / "bank.csv").cast(expected.table.schema)
    assert from_csv.equals(expected.table)
    assert pyarrow.parquet.read_table(tmp_path / "bank.parquet").equals(expected.table)
    for truth in (pyarrow.csv.read_csv(tmp_path / "bank.truth.csv"), pyarrow.parquet.read_table(tmp_path / "bank.truth.parquet")):
        assert truth.column_names == ["CLIENTNUM", "churn_probability"]
        assert truth["CLIENTNUM"].to_pylist() == expected.table["CLIENTNUM"].to_pylist()
        assert np.array_equal(truth["churn_probability"].to_numpy(), expected.churn_probability)
    assert (tmp_path / "bank.csv").read_text().splitlines()[0] == ",".join(simulated_bank.COLUMNS)


def test_the_answer_says_what_was_written_and_what_a_perfect_model_reaches(tmp_path: Path) -> None:
    told: list[int] = []
    answer = write_simulated(tmp_path / "bank.parquet", 100_000, seed=5, progress=told.append)
    expected = simulate_table(100_000, seed=5)
    assert told == [draw.BLOCK_ROWS, 100_000]
    assert answer["rows"] == 100_000
    assert answer["seed"] == 5
    assert answer["output"] == str(tmp_path / "bank.parquet")
    assert answer["truth"] == str(tmp_path / "bank.truth.parquet")
    assert answer["base_rate"] == churned(expected).mean()
    assert answer["best_possible_roc_auc"] == pytest.approx(roc_auc_score(churned(expected), expected.churn_probability), abs=1e-4)


def test_one_customer_has_no_roc_auc(tmp_path: Path) -> None:
    assert write_simulated(tmp_path / "bank.csv", 1, seed=5)["best_possible_roc_auc"] is None


@pytest.mark.parametrize("rows", [0, -1, draw.MOST_ROWS + 1])
def test_impossible_numbers_of_rows_are_refused_before_anything_is_drawn(rows: int) -> None:
    with pytest.raises(SettingRefused, match="Ask for 1 to"):
        simulate_blocks(rows, seed=1)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(SettingRefused, match="0 or more"):
        simulate_table(10, seed=-1)


@pytest.mark.parametrize("name", ["bank.xlsx", "bank", "bank.csv.gz"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputRefused, match=r"neither \.csv nor \.parquet"):
        write_simulated(tmp_path / name, 10, seed=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_absent_folder_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(InputRefused, match=r"cannot be written \(No such file or directory\)") as refusal:
        write_simulated(tmp_path / "absent" / f"bank.{suffix}", 10, seed=1)
    assert refusal.value.remedy


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bank.csv").mkdir()
    with pytest.raises(InputRefused, match="is a folder"):
        write_simulated(tmp_path / "bank.csv", 10, seed=1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any folder")
def test_an_unwritable_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputRefused, match="cannot be written"):
        write_simulated(tmp_path / "bank.csv", 10, seed=1)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_nothing_is_left_behind_and_nothing_replaced_on_failure(tmp_path: Path, suffix: str, interruption: type[BaseException]) -> None:
    kept = tmp_path / f"bank.{suffix}"
    kept.write_text("earlier")

    def interrupt(done: int) -> None:
        raise interruption

    with pytest.raises(interruption):
        write_simulated(kept, 10, seed=1, progress=interrupt)
    assert list(tmp_path.iterdir()) == [kept]
    assert kept.read_text() == "earlier"


def test_a_full_disk_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_room)
    with pytest.raises(InputRefused, match="No space left on device"):
        write_simulated(tmp_path / "bank.csv", 10, seed=1)
    assert list(tmp_path.iterdir()) == []
