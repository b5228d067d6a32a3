"""Groups of customers: who is in which, what is measured, and when there are too few to say anything."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, Rows
from tidegate.customers.spec import TableSpec, parse_spec
from tidegate.measures.classification import at_threshold, roc_auc
from tidegate.training.evaluation.segment_files import MOST_DRAWN, write_segments
from tidegate.training.evaluation.segments import SegmentGroup, SegmentTable, segment_table

SPEC = """
name = "shop"
[columns.region]
kind = "category"
levels = ["=north", "south", "never"]
unknown = "other"
nullable = true
[columns.age]
kind = "integer"
nullable = true
[columns.digital]
kind = "boolean"
[columns.origin]
kind = "category"
levels = ["a", "b"]
feature = false
"""


def spec_of(*segments: str) -> TableSpec:
    return parse_spec(SPEC + "\n".join(f"[[segments]]\n{segment}" for segment in segments))


COUNT = 1200
GENERATOR = np.random.default_rng(8)
REGION = GENERATOR.choice([0, 1, OTHER_LEVEL, MISSING_LEVEL], COUNT, p=[0.5, 0.4, 0.08, 0.02]).astype(np.int32)
AGE = np.where(GENERATOR.random(COUNT) < 0.1, np.nan, GENERATOR.integers(20, 70, COUNT))
DIGITAL = (GENERATOR.random(COUNT) < 0.5).astype(float)
ROWS = Rows(np.array([AGE, DIGITAL]), REGION[None, :])
LABEL = (GENERATOR.random(COUNT) < 0.3).astype(np.int8)
PROBABILITY = np.clip(GENERATOR.normal(0.2 + 0.3 * LABEL, 0.2), 0, 1)


def judged(*segments: str, label: np.ndarray = LABEL, threshold: float = 0.4) -> SegmentTable:
    return segment_table(spec_of(*segments), ROWS, label, PROBABILITY, threshold)


def named(table: SegmentTable) -> dict[str, SegmentGroup]:
    return {group.group: group for group in table.groups}


def same(group: SegmentGroup, mask: np.ndarray) -> None:
    """The group's numbers are those of its rows alone."""
    label, probability = LABEL[mask], PROBABILITY[mask]
    flagged = probability >= 0.4
    expected = at_threshold(label, probability, 0.4)
    assert (group.customers, group.left) == (mask.sum(), label.sum())
    assert group.base_rate == pytest.approx(label.mean())
    assert group.mean_probability == pytest.approx(probability.mean())
    assert group.selection_rate == pytest.approx(flagged.mean())
    assert group.recall is not None
    assert group.recall.value == pytest.approx(expected["recall"])
    assert group.recall.low <= group.recall.value <= group.recall.high
    assert group.false_positive_rate is not None
    assert group.false_positive_rate.value == pytest.approx(flagged[label == 0].mean())
    assert group.precision == pytest.approx(expected["precision"])
    assert group.roc_auc == pytest.approx(roc_auc(label, probability))


def test_a_categorys_groups_are_its_levels_others_and_missing() -> None:
    table = judged('column = "region"')
    assert [group.group for group in table.groups] == ["=north", "south", "(other)", "(missing)"]
    for code, group in zip((0, 1, OTHER_LEVEL), table.groups, strict=False):
        same(group, np.equal(REGION, code))
    same(table.everyone, np.full(COUNT, True))


def test_a_number_is_cut_at_its_edges_and_an_edge_belongs_above() -> None:
    groups = named(judged('column = "age"\nedges = [50, 35]'))
    assert list(groups) == ["below 35", "35 to below 50", "50 and above", "(missing)"]
    same(groups["below 35"], np.less(AGE, 35))
    same(groups["35 to below 50"], np.isin(AGE, range(35, 50)))
    same(groups["(missing)"], np.isnan(AGE))


def test_a_boolean_has_two_groups() -> None:
    groups = named(judged('column = "digital"'))
    assert list(groups) == ["no", "yes"]
    same(groups["yes"], np.equal(DIGITAL, 1))


def test_differences_are_between_groups_that_are_large_enough() -> None:
    table = judged('column = "region"')
    groups = named(table)
    assert "fewer than 30 customers" in groups["(missing)"].note
    large = [group for group in table.groups if not group.note]
    difference = table.differences[0]
    assert difference.groups_compared == len(large) == 3
    rates = [group.selection_rate for group in large]
    assert difference.demographic_parity_difference == pytest.approx(max(rates) - min(rates))
    recalls = [group.recall.value for group in large if group.recall]
    alarms = [group.false_positive_rate.value for group in large if group.false_positive_rate]
    assert difference.equalised_odds_difference == pytest.approx(max(max(recalls) - min(recalls), max(alarms) - min(alarms)))
    assert difference.note == "without 1 group too small to judge"


@pytest.mark.filterwarnings("error")
def test_a_group_of_one_class_has_no_rate_over_the_other() -> None:
    label = np.where(np.equal(REGION, 0), 0, np.where(np.equal(REGION, 1), 1, LABEL)).astype(np.int8)
    groups = named(judged('column = "region"', label=label))
    assert (groups["=north"].recall, groups["=north"].roc_auc, groups["=north"].left) == (None, None, 0)
    assert groups["=north"].false_positive_rate is not None
    assert "who left" in groups["=north"].note
    assert (groups["south"].false_positive_rate, groups["south"].roc_auc) == (None, None)
    assert "who stayed" in groups["south"].note
    nobody = named(judged('column = "region"', threshold=1.5))
    assert nobody["=north"].precision is None
    difference = judged('column = "region"', label=label).differences[0]
    assert difference.demographic_parity_difference is None
    assert "fewer than two groups" in difference.note


def test_what_the_rows_do_not_hold_is_skipped_by_name() -> None:
    table = judged('column = "origin"', 'column = "age"', 'column = "digital"')
    assert {one.column: one.reason.split(",")[0] for one in table.skipped} == {
        "origin": "not among the model's columns",
        "age": "of kind integer",
    }
    assert {group.column for group in table.groups} == {"digital"}


def test_segments_are_written_as_tables_and_a_picture(tmp_path: Path) -> None:
    table = judged('column = "region"', 'column = "age"\nedges = [35]', 'column = "origin"')
    write_segments(tmp_path, "lightgbm", table, 0.4)
    with (tmp_path / "segments.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["group"] for row in rows] == [
        "everyone",
        "'=north",
        "south",
        "(other)",
        "(missing)",
        "below 35",
        "35 and above",
        "(missing)",
    ]
    assert float(rows[1]["recall_low"]) < float(rows[1]["recall"]) < float(rows[1]["recall_high"])
    assert "skipped: not among" in (tmp_path / "segment_differences.csv").read_text(encoding="utf-8")
    assert (tmp_path / "segments.png").stat().st_size > 10_000


def test_without_a_group_there_is_no_picture_and_of_many_the_largest_are_drawn(tmp_path: Path) -> None:
    write_segments(tmp_path, "lightgbm", judged(), 0.4)
    assert {path.name for path in tmp_path.iterdir()} == {"segments.csv", "segment_differences.csv"}
    many = judged(f'column = "age"\nedges = {list(range(21, 70))}')
    assert len(many.groups) > MOST_DRAWN
    write_segments(tmp_path, "lightgbm", many, 0.4)
    assert (tmp_path / "segments.png").stat().st_size > 10_000
