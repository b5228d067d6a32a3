"""From rows to verdicts: what drifts, what does not, in what order, and in which words."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, Rows
from tidegate.customers.spec import parse_spec
from tidegate.errors import NotEnoughData
from tidegate.monitoring.drift.decide import decide_drift
from tidegate.monitoring.drift.findings import ColumnDrift, Drift
from tidegate.monitoring.drift.limits import DriftLimits, limits_of
from tidegate.settings import read_settings

NUMBERS = 6
SPEC = parse_spec(
    'name = "t"\n'
    + "".join(f'[columns.x{place}]\nkind = "number"\nnullable = true\nexpected = [-4, 4]\n' for place in range(NUMBERS))
    + '[columns.member]\nkind = "boolean"\nnullable = true\n'
    + '[columns.plan]\nkind = "category"\nlevels = ["basic", "gold", "silver"]\nunknown = "other"\nnullable = true\n'
)


def customers(seed: int, count: int = 3_000, shift: float = 0.0, columns: int = 0) -> Rows:
    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(NUMBERS, count))
    numbers[:columns] += shift
    member = (generator.random(count) < 0.4).astype(np.float64)
    return Rows(np.vstack([numbers, member]), generator.choice(2, (1, count), p=[0.7, 0.3]).astype(np.int32))


def changed(rows: Rows, place: int, values: object) -> Rows:
    numbers = rows.numbers.copy()
    numbers[place] = values
    return Rows(numbers, rows.codes)


def score(rows: Rows) -> np.ndarray:
    return 1 / (1 + np.exp(-(rows.numbers[1] + 0.2 * rows.numbers[0])))


def decided(reference: Rows, batch: Rows, **given: object) -> Drift:
    known = {"score": None, "limits": DriftLimits(), "seed": 1} | given
    return decide_drift(SPEC, reference, score(reference), batch, score(batch), **known)  # type: ignore[arg-type]


def column(found: Drift, name: str) -> ColumnDrift:
    return next(one for one in found.columns if one.column == name)


def statuses(found: Drift) -> tuple[str, str, str]:
    return found.data_stability, found.column_drift, found.dataset_drift


REFERENCE = customers(0, 8_000)


def test_a_new_batch_of_the_same_customers_passes_without_a_word() -> None:
    found = decided(REFERENCE, customers(1))
    assert statuses(found) == ("PASS", "PASS", "PASS")
    assert found.drifted == found.warnings == ()


def test_the_same_rows_pass_and_are_recognised() -> None:
    found = decided(REFERENCE, REFERENCE, score=score)
    assert statuses(found) == ("PASS", "PASS", "PASS")
    assert found.repeated == 8_000
    assert [one.influence for one in found.columns] == [0.0] * 8
    assert [warning for warning in found.warnings if "occur in the reference" in warning]


@pytest.mark.parametrize(("columns", "expected"), [(1, "WARNING"), (3, "WARNING"), (4, "FAIL"), (6, "FAIL")])
def test_more_than_three_drifted_columns_are_an_alarm(columns: int, expected: str) -> None:
    found = decided(REFERENCE, customers(1, shift=0.3, columns=columns))
    assert statuses(found) == ("PASS", expected, expected)
    assert set(found.drifted) == {f"x{place}" for place in range(columns)}
    assert decided(REFERENCE, customers(1, shift=0.3, columns=columns), limits=DriftLimits(most_drifted=0)).dataset_drift == "FAIL"


def test_a_large_batch_does_not_cry_wolf_over_what_does_not_matter() -> None:
    found = decided(customers(0, 100_000), customers(1, 100_000, shift=0.05, columns=6))
    assert column(found, "x0").adjusted_p_value < 1e-6
    assert found.drifted == ()


def test_a_small_batch_does_not_cry_wolf_over_chance() -> None:
    alarms = [decided(REFERENCE, customers(seed, 40)) for seed in range(20)]
    assert max(one.effects["wasserstein"] for found in alarms for one in found.columns if "wasserstein" in one.effects) > 0.3
    assert sum(statuses(found) != ("PASS", "PASS", "PASS") for found in alarms) <= 1


def test_columns_are_ranked_by_what_their_drift_does_to_the_scores() -> None:
    batch = changed(customers(1, shift=0.5, columns=3), 2, customers(1).numbers[2] + 5)
    found = decided(REFERENCE, batch, score=score)
    assert found.drifted[:2] == ("x1", "x0")
    assert column(found, "x2").influence == 0
    moved = changed(REFERENCE, 1, REFERENCE.numbers[1] + 0.5)
    assert column(found, "x1").influence == pytest.approx(np.mean(np.abs(score(moved) - score(REFERENCE))), rel=0.1)
    assert decided(REFERENCE, batch).drifted[0] == "x2"
    assert found.prediction.drifted
    assert any("probabilities" in warning for warning in found.warnings)


def test_missing_values_drift_and_shake_the_stability() -> None:
    batch = customers(1)
    for share, expected in ((0.05, "WARNING"), (0.4, "FAIL"), (1.0, "FAIL")):
        numbers = np.where(np.arange(3_000) < share * 3_000, np.nan, batch.numbers[3])
        found = decided(REFERENCE, changed(batch, 3, numbers))
        assert statuses(found) == (expected, "WARNING", "WARNING")
        assert found.drifted == ("x3",)
        assert column(found, "x3").effect == "missing_change"
        assert column(found, "x3").missing_batch == pytest.approx(share)
        assert any("x3" in warning and "missing" in warning for warning in found.warnings)


def test_new_and_vanished_levels_are_named() -> None:
    batch = customers(1)
    codes = np.where(batch.codes == 1, OTHER_LEVEL, batch.codes).astype(np.int32)
    codes[0, :100] = 2
    found = decided(REFERENCE, Rows(batch.numbers, codes))
    plan = column(found, "plan")
    assert plan.test == "chi_squared"
    assert set(plan.new_levels) == {"silver", "(other)"}
    assert set(plan.vanished_levels) == {"gold"}
    assert found.data_stability == "FAIL"
    assert found.drifted == ("plan",)


def test_a_rare_level_that_a_small_batch_lacks_has_not_vanished() -> None:
    reference = Rows(REFERENCE.numbers, np.where(np.arange(8_000) < 20, 2, REFERENCE.codes).astype(np.int32))
    assert column(decided(reference, customers(1, 300)), "plan").vanished_levels == {}


def test_missing_levels_and_booleans_are_tested_as_levels() -> None:
    batch = customers(1)
    gone = Rows(batch.numbers, np.where(np.arange(3_000) < 600, MISSING_LEVEL, batch.codes).astype(np.int32))
    assert column(decided(REFERENCE, gone), "plan").missing_batch == 0.2
    assert decided(REFERENCE, gone).drifted == ("plan",)
    turned = decided(REFERENCE, changed(batch, NUMBERS, 1 - batch.numbers[NUMBERS]))
    assert turned.drifted == ("member",)
    assert column(turned, "member").test == "chi_squared"
    assert column(turned, "member").effects["level_change"] == pytest.approx(0.2, abs=0.03)


def test_values_outside_the_expected_range_are_counted_and_warned_of() -> None:
    batch = customers(1)
    found = decided(REFERENCE, changed(batch, 0, np.where(np.arange(3_000) < 90, 9.0, batch.numbers[0])))
    assert column(found, "x0").outside_expected == pytest.approx(0.03, abs=0.001)
    assert found.data_stability == "WARNING"
    assert any("expected range" in warning for warning in found.warnings)


@pytest.mark.parametrize(("quarantined", "expected"), [(0, "PASS"), (30, "PASS"), (31, "WARNING"), (300, "WARNING"), (301, "FAIL")])
def test_quarantined_rows_shake_the_stability(quarantined: int, expected: str) -> None:
    assert decided(REFERENCE, customers(1), quarantined=quarantined, read=3_000).data_stability == expected


def test_columns_that_changed_only_together_are_seen_together() -> None:
    batch = customers(1)
    found = decided(REFERENCE, changed(batch, 1, batch.numbers[0] * 0.99 + 0.14 * batch.numbers[1]))
    assert found.drifted == ()
    assert statuses(found) == ("PASS", "PASS", "FAIL")
    weaker = decided(REFERENCE, changed(batch, 1, batch.numbers[0] * 0.75 + 0.66 * batch.numbers[1]))
    assert statuses(weaker) == ("PASS", "PASS", "WARNING")
    assert any("classifier" in warning for warning in weaker.warnings)


def test_one_column_that_moved_far_is_one_column() -> None:
    found = decided(REFERENCE, customers(1, shift=50, columns=1))
    assert found.multivariate.all_columns is not None
    assert found.multivariate.all_columns.roc_auc > 0.99
    assert statuses(found) == ("WARNING", "WARNING", "WARNING")


def test_constant_and_empty_columns_stay_quiet_and_speak_when_they_change() -> None:
    def flat(rows: Rows, constant: float) -> Rows:
        return changed(changed(rows, 0, constant), 1, np.nan)

    quiet = decided(flat(REFERENCE, 7), flat(customers(1), 7), score=lambda rows: np.zeros(len(rows)))
    assert statuses(quiet) == ("PASS", "PASS", "PASS")
    loud = decided(flat(REFERENCE, 7), changed(flat(customers(1), 8), 1, 0.0), score=lambda rows: np.zeros(len(rows)))
    assert set(loud.drifted) == {"x0", "x1"}
    assert "wasserstein" not in column(loud, "x0").effects


@pytest.mark.parametrize("count", [0, 1, 29])
def test_too_few_rows_are_refused_with_a_sentence(count: int) -> None:
    with pytest.raises(NotEnoughData, match=f"batch has {count} valid rows?; drift is judged from 30 on"):
        decided(REFERENCE, customers(1, count))
    with pytest.raises(NotEnoughData, match="reference"):
        decided(customers(1, count), customers(1, 30))
    decided(REFERENCE, customers(1, 30))


def test_neither_the_order_of_rows_nor_a_repeated_run_changes_a_finding() -> None:
    reference, batch = customers(0, 6_000), customers(1, 5_500, shift=0.2, columns=2)
    mixed = [rows.take(np.random.default_rng(7).permutation(len(rows))) for rows in (reference, batch)]
    first, again, other = (decided(*pair, score=score) for pair in ((reference, batch), (reference, batch), mixed))
    assert first.document() == again.document() == other.document()


def test_unknown_probabilities_say_nothing() -> None:
    batch = customers(1)
    unknown = np.full(3_000, np.nan)
    found = decide_drift(SPEC, REFERENCE, score(REFERENCE), batch, unknown, DriftLimits(), 1, None)
    assert not found.prediction.drifted
    assert found.prediction.p_value == 1


def test_rows_that_repeat_by_chance_are_no_news() -> None:
    spec = parse_spec('name = "t"\n[columns.flag]\nkind = "boolean"\n[columns.other]\nkind = "boolean"\n')
    first, second = (
        Rows(np.random.default_rng(seed).integers(0, 2, (2, 400)).astype(float), np.empty((0, 400), np.int32)) for seed in (1, 2)
    )
    unknown = np.full(400, np.nan)
    found = decide_drift(spec, first, unknown, second, unknown, DriftLimits(), 1, None)
    assert found.repeated == 400
    assert found.warnings == ()


def test_the_document_is_json_without_nan_and_names_every_column() -> None:
    found = decided(REFERENCE, customers(1, shift=0.4, columns=4), score=score)
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document["drifted_features"] == list(found.drifted)
    assert {one["column"] for one in document["columns"]} == set(SPEC.columns)
    assert document["limits"]["most_drifted"] == 3
    assert document["rows"] == {"reference": 8_000, "batch": 3_000, "repeated": 0}


def test_the_limits_are_those_that_an_operator_set() -> None:
    assert limits_of(read_settings()) == DriftLimits()
    strict = limits_of(read_settings(smallest_drift=0.2, most_drifted_features=1, drift_significance=0.05, most_quarantined_share=0.5))
    assert strict.floors["wasserstein"] == 0.2
    assert strict.floors["ks_distance"] == 0.1
    assert strict.floors["missing_change"] == 0.02
    assert strict == replace(strict, most_drifted=1, significance=0.05, most_quarantined=0.5)
