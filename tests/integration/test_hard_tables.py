"""Tables at the edge of what can be learned from: each trains, or is refused in one sentence; nothing crashes, nothing is half-written."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tidegate.customers.spec import TableSpec, parse_spec
from tidegate.errors import NotEnoughData, SpecRefused
from tidegate.home import open_home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.training.candidates import named
from tidegate.training.order import Order, effort_of
from tidegate.training.train import Trained, train

Columns = dict[str, np.ndarray]


def learned(folder: Path, columns: Columns, spec: str, algorithms: str | None = None, smote: bool = False, seed: int = 1) -> Trained:
    data = folder / "table.csv"
    with data.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    home = open_home(folder / "home")
    ledger = open_ledger(sqlite_url(home.ledger))
    effort = effort_of("standard", trials=1, smote=smote)
    order = Order(data, parsed(spec), seed, seed, effort, 0.2, named(algorithms), "test", datetime.now(UTC))
    try:
        return train(order, home, ledger, lambda text, share: None, lambda: datetime.now(UTC))
    finally:
        close_ledger(ledger)


def parsed(columns: str) -> TableSpec:
    return parse_spec(f'name = "table"\nlabel = "left"\npositive = "1"\nnegative = "0"\n{columns}')


def number(name: str, more: str = "") -> str:
    return f'[columns.{name}]\nkind = "number"\n{more}'


def leavers(count: int, left: int, seed: int = 0) -> np.ndarray:
    label = np.zeros(count, int)
    label[np.random.default_rng(seed).permutation(count)[:left]] = 1
    return label


def signal(label: np.ndarray, strength: float = 2.0, seed: int = 1) -> np.ndarray:
    return np.round(strength * label + np.random.default_rng(seed).normal(size=len(label)), 4)


@pytest.mark.parametrize("smote", [False, True])
def test_ten_who_left_are_enough_to_try(tmp_path: Path, smote: bool) -> None:
    label = leavers(120, 10)
    columns = {"a": signal(label), "b": signal(label, 0, 2), "left": label}
    result = learned(tmp_path, columns, number("a") + number("b"), "lightgbm" if smote else None, smote=smote)
    assert result.stage in ("champion", "refused")
    assert any(finding.name == "holdout_size" and finding.severity == "warning" for finding in result.assessment.findings)
    assert {one.kind for one in result.contest.contestants} >= {"baseline", "tuned"}


def test_nine_who_left_are_too_few(tmp_path: Path) -> None:
    label = leavers(120, 9)
    with pytest.raises(NotEnoughData, match="9 who left are too few"):
        learned(tmp_path, {"a": signal(label), "left": label}, number("a"))


def test_constant_features_take_part_in_nothing(tmp_path: Path) -> None:
    label = leavers(300, 60)
    same = np.full(300, 7.5)
    columns = {"a": signal(label), "same": same, "empty": np.full(300, ""), "left": label}
    spec = number("a") + number("same") + number("empty", "nullable = true\n")
    result = learned(tmp_path, columns, spec, "gradient_boosting,catboost")
    assert result.stage == "champion"


def test_only_constant_features_teach_nothing(tmp_path: Path) -> None:
    label = leavers(300, 60)
    with pytest.raises(NotEnoughData, match="No feature varies"):
        learned(tmp_path, {"same": np.full(300, 7.5), "left": label}, number("same"))
    assert not (tmp_path / "home" / "mlflow").exists()


def test_five_thousand_levels(tmp_path: Path) -> None:
    label = leavers(6_000, 900)
    levels = [f"level {code}" for code in range(5_000)]
    drawn = np.random.default_rng(3).choice(levels, 6_000)
    listed = ", ".join(f'"{level}"' for level in levels)
    spec = number("a") + f'[columns.shop]\nkind = "category"\nunknown = "other"\nlevels = [{listed}]\n'
    result = learned(tmp_path, {"a": signal(label), "shop": drawn, "left": label}, spec, "lightgbm,catboost")
    assert result.stage == "champion"
    assert result.bundle.joinpath("card.html").stat().st_size < 1_000_000


def test_five_hundred_columns(tmp_path: Path) -> None:
    label = leavers(400, 100)
    columns = {f"x{column}": signal(label, 2.0 if column == 17 else 0.0, column) for column in range(500)}
    result = learned(tmp_path, {**columns, "left": label}, "".join(number(name) for name in columns), "lightgbm")
    assert result.stage == "champion"


def test_one_class_in_a_fold_leaves_the_home_as_it_was(tmp_path: Path) -> None:
    label = np.array([1] * 12 + [0] * 108)
    group = np.array([*["all who left"] * 12, *(f"g{row}" for row in range(108))])
    spec = 'group = "household"\n' + number("a")
    with pytest.raises(NotEnoughData, match="holds one class only"):
        learned(tmp_path, {"a": signal(label), "household": group, "left": label}, spec)
    assert not (tmp_path / "home" / "mlflow").exists()


def test_folds_in_which_nobody_left_still_leave_folds_to_search_in(tmp_path: Path) -> None:
    label = np.array([1] * 12 + [0] * 108)
    group = np.array(["one", "one", "one", "two", "two", "two", *["three"] * 6, *(f"g{row}" for row in range(108))])
    result = learned(tmp_path, {"a": signal(label), "household": group, "left": label}, 'group = "household"\n' + number("a"), "lightgbm")
    assert result.stage in ("champion", "refused")


def test_missing_values_everywhere(tmp_path: Path) -> None:
    label = leavers(500, 120)
    holes = np.random.default_rng(4).random(500) < 0.5
    holed = np.where(holes, "", signal(label).astype(str))
    spec = number("a", "nullable = true\n") + number("b", "nullable = true\n")
    result = learned(tmp_path, {"a": holed, "b": holed[::-1], "left": label}, spec, "gradient_boosting,catboost", smote=True)
    assert result.stage in ("champion", "refused")


PRICES = (
    '\n[money]\ncurrency = "EUR"\ncustomer_value = {value}\ncontact_cost = {contact}\nincentive_cost = {incentive}\nacceptance_rate = 0.3\n'
)


def test_prices_move_the_threshold_and_say_what_it_is_worth(tmp_path: Path) -> None:
    label = leavers(800, 160)
    spec = number("a") + PRICES.format(value=500, contact=1, incentive=20)
    result = learned(tmp_path, {"a": signal(label), "left": label}, spec, "lightgbm")
    assert result.assessment.threshold_rule == "highest profit, out of fold"
    assert result.assessment.value is not None
    compared = result.assessment.value.comparison
    assert compared.profit_threshold == result.assessment.threshold
    assert compared.profit_threshold < compared.f1_threshold
    assert (result.evaluation / "profit_thresholds.csv").is_file()


def test_prices_at_which_no_contact_pays_flag_nobody(tmp_path: Path) -> None:
    label = leavers(800, 160)
    spec = number("a") + PRICES.format(value=5, contact=10, incentive=20)
    result = learned(tmp_path, {"a": signal(label), "left": label}, spec, "lightgbm")
    assert result.assessment.threshold > result.contest.winner.judged.probability.max()
    assert result.assessment.metrics["recall"] == 0


@pytest.mark.parametrize(
    ("prices", "says"),
    [
        ("\n[money]\ncontact_cost = 1\nacceptance_rate = 0.3\n", "customer_value"),
        ("\n[money]\ncustomer_value = 10\nacceptance_rate = 0.3\n", "contact_cost"),
        ("\n[money]\ncustomer_value = -10\ncontact_cost = 1\nacceptance_rate = 0.3\n", "customer_value"),
        ("\n[money]\ncustomer_value = 10\ncontact_cost = -1\nacceptance_rate = 0.3\n", "contact_cost"),
        ("\n[money]\ncustomer_value = 10\ncontact_cost = 1\nacceptance_rate = 1.3\n", "acceptance_rate"),
        ("\n[money]\ncustomer_value = nan\ncontact_cost = 1\nacceptance_rate = 0.3\n", "customer_value"),
    ],
)
def test_prices_that_are_missing_or_negative_are_refused(prices: str, says: str) -> None:
    with pytest.raises(SpecRefused, match=says):
        parsed(number("a") + prices)


def test_a_value_column_that_is_no_feature_is_refused_before_training(tmp_path: Path) -> None:
    label = leavers(300, 60)
    spec = number("a") + number("margin", "feature = false\n")
    spec += '\n[money]\ncustomer_value_column = "margin"\ncontact_cost = 1\nacceptance_rate = 0.3\n'
    with pytest.raises(SpecRefused, match="margin"):
        learned(tmp_path, {"a": signal(label), "margin": signal(label), "left": label}, spec)
