"""Models side by side, what each step gained, learning curves and money: tables that say what the numbers are, and pictures."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tidegate.customers.spec import Money
from tidegate.measures.classification import measure
from tidegate.measures.intervals import Interval, measured
from tidegate.measures.profit import profit_threshold, threshold_comparison
from tidegate.training.evaluation.comparison import MEASURES, Entry, Kind, improvements, write_comparison
from tidegate.training.evaluation.learning import LearningPoint, write_learning_curve
from tidegate.training.evaluation.money import write_money

GENERATOR = np.random.default_rng(0)
LABEL = (GENERATOR.random(500) < 0.2).astype(np.int8)


def entry(name: str, kind: Kind, algorithm: str, distance: float, chosen: bool = False) -> Entry:
    """A model that tells leavers from others the better, the larger `distance` is."""
    out_of_fold, holdout = (np.clip(GENERATOR.normal(0.2 + distance * LABEL, 0.2), 0, 1) for _ in range(2))
    intervals = measured(LABEL, holdout, 0.4, 0, draws=20)
    return Entry(name, kind, algorithm, chosen, 1.5, measure(LABEL, out_of_fold, 0.4), measure(LABEL, holdout, 0.4), intervals)


LOGISTIC = entry("logistic", "baseline", "logistic", 0.1)
FOREST, FOREST_TUNED = entry("forest", "baseline", "forest", 0.2), entry("forest_tuned", "tuned", "forest", 0.4, chosen=True)
VOTE = entry("=vote", "ensemble", "vote", 0.6)
ENTRIES = [LOGISTIC, FOREST_TUNED, VOTE, FOREST]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_models_are_listed_best_first_by_what_was_seen_out_of_fold(tmp_path: Path) -> None:
    write_comparison(tmp_path, ENTRIES)
    rows = table(tmp_path / "model_comparison_final.csv")
    assert [row["model"] for row in rows] == ["'=vote", "forest_tuned", "forest", "logistic"]
    assert [row["chosen"] for row in rows] == ["false", "true", "false", "false"]
    for key in MEASURES:
        assert float(rows[1][f"out_of_fold_{key}"]) == FOREST_TUNED.out_of_fold[key]
        assert float(rows[1][f"holdout_{key}"]) == FOREST_TUNED.holdout[key]
        assert float(rows[1][f"holdout_{key}_low"]) == FOREST_TUNED.holdout_intervals[key].low
        assert float(rows[1][f"holdout_{key}_high"]) == FOREST_TUNED.holdout_intervals[key].high
    assert (tmp_path / "model_comparison.png").stat().st_size > 10_000


def test_every_measure_has_a_name() -> None:
    assert set(MEASURES) == set(LOGISTIC.holdout)


def test_each_step_is_compared_in_every_measure(tmp_path: Path) -> None:
    write_comparison(tmp_path, ENTRIES)
    rows = table(tmp_path / "model_improvements.csv")
    steps = list(dict.fromkeys((row["from"], row["to"], row["step"].split(" (")[0]) for row in rows))
    assert steps == [
        ("forest", "forest_tuned", "Tuning forest"),
        ("forest", "forest_tuned", "Going from the best baseline"),
        ("forest_tuned", "'=vote", "Going from the best tuned"),
    ]
    assert len(rows) == 3 * len(MEASURES)
    for row in rows:
        assert float(row["out_of_fold_difference"]) == float(row["out_of_fold_after"]) - float(row["out_of_fold_before"])
        assert float(row["holdout_difference"]) == float(row["holdout_after"]) - float(row["holdout_before"])


def test_a_loss_that_falls_is_better_and_words_say_so() -> None:
    before = Entry(
        "a", "baseline", "a", False, 0, {"composite": 0.5, "log_loss": 0.3}, {"log_loss": 0.31}, {"log_loss": Interval(0.31, 0.2, 0.4)}
    )
    after = Entry("b", "tuned", "a", True, 0, {"composite": 0.6, "log_loss": 0.2}, {"log_loss": 0.25}, {})
    tuning, _ = improvements([before, after])
    assert tuning.verdict == "better"
    assert tuning.in_words == (
        "Tuning a improves log-loss out of fold: 0.300 to 0.200; on the holdout 0.310 to 0.250, "
        "inside the interval of the former (0.200 to 0.400)."
    )
    sure = Entry("a", "baseline", "a", False, 0, before.out_of_fold, before.holdout, {"log_loss": Interval(0.31, 0.3, 0.32)})
    assert improvements([sure, after])[0].in_words.endswith("on the holdout 0.310 to 0.250.")
    back = improvements(
        [
            Entry("b", "baseline", "a", True, 0, after.out_of_fold, after.holdout, {}),
            Entry("a", "tuned", "a", False, 0, before.out_of_fold, before.holdout, {}),
        ]
    )[0]
    assert back.verdict == "worse"
    assert back.in_words.startswith("Tuning a worsens log-loss out of fold: 0.200 to 0.300; on the holdout 0.250 to 0.310.")
    assert improvements([before, Entry("c", "tuned", "a", False, 0, before.out_of_fold, before.holdout, {})])[0].verdict == "unchanged"


def test_baselines_alone_are_compared_without_steps(tmp_path: Path) -> None:
    plain = Entry("alone", "baseline", "alone", True, 0.0, LOGISTIC.out_of_fold, LOGISTIC.holdout, {})
    write_comparison(tmp_path, [plain])
    assert table(tmp_path / "model_improvements.csv") == []
    assert table(tmp_path / "model_comparison_final.csv")[0]["holdout_pr_auc_low"] == ""
    assert (tmp_path / "model_comparison.png").stat().st_size > 10_000


def test_a_learning_curve_is_sorted_by_rows(tmp_path: Path) -> None:
    write_learning_curve(tmp_path, "forest", [LearningPoint(800, 0.7, 0.9), LearningPoint(200, 0.5, 0.99)])
    rows = table(tmp_path / "learning_curve.csv")
    assert [tuple(row.values()) for row in rows] == [("200", "0.5", "0.99"), ("800", "0.7", "0.9")]
    assert (tmp_path / "learning_curve.png").stat().st_size > 10_000


def test_money_is_written_per_thousand_customers(tmp_path: Path) -> None:
    money = Money(currency="$", customer_value=200, contact_cost=1, incentive_cost=10, acceptance_rate=0.3)
    probability, value = np.clip(GENERATOR.normal(0.2 + 0.4 * LABEL, 0.2), 0, 1), np.full(500, 200.0)
    compared = threshold_comparison(money, LABEL, probability, value, 0.5, profit_threshold(money, 200), seed=0, draws=20)
    write_money(tmp_path, "forest", money, LABEL, probability, value, compared)
    rules = {row["rule"]: row for row in table(tmp_path / "profit_thresholds.csv")}
    assert float(rules["profit less F1"]["profit_per_1000_customers"]) == compared.lost_by_f1.value
    assert rules["profit less F1"]["threshold"] == ""
    assert (rules["F1"]["threshold"], rules["F1"]["currency"]) == ("0.5", "$")
    first, *_, last = table(tmp_path / "profit.csv")
    assert tuple(first.values()) == ("", "0.0", "0.0")
    assert last["share_contacted"] == "1.0"
    assert (tmp_path / "profit.png").stat().st_size > 10_000
