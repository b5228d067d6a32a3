"""Data-quality incidents: they hit their share, the truth names them, and the bank's contract catches them as its spec declares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from tidegate.customers.history import History, load_history
from tidegate.customers.simulation.scenario import INCIDENTS, Incident, IncidentKind, Onset, Scenario
from tidegate.customers.simulation.simulate import simulate_table
from tidegate.customers.simulation.write import write_simulated
from tidegate.customers.spec import load_spec

ROWS, SEED = 4_000, 9


def told(folder: Path, *incidents: Incident, suffix: str = "csv") -> tuple[History, list[str | None]]:
    """What the contract makes of a file with incidents, and which incidents hit each row."""
    write_simulated(folder / f"bank.{suffix}", ROWS, SEED, scenario=Scenario(incidents=incidents))
    history = load_history(folder / f"bank.{suffix}", load_spec("bank"), folder / "quarantine.csv", most_bad=1.0)
    hit = simulate_table(ROWS, SEED, Scenario(incidents=incidents)).truth["incident"].to_pylist()
    return history, hit


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("negative_limits", {"credit_limit: limit"}),
        ("unknown_level", {"card_category: level"}),
        ("missing_column", {"total_trans_ct: missing"}),
    ],
)
def test_what_the_spec_refuses_is_quarantined_row_by_row(tmp_path: Path, kind: IncidentKind, rules: set[str], suffix: str) -> None:
    share = None if kind == "missing_column" else 0.1
    history, hit = told(tmp_path, Incident(kind, share), suffix=suffix)
    count = sum(one == kind for one in hit)
    assert count == pytest.approx(ROWS * (share or 1.0), rel=0.2)
    assert history.tally.quarantined == count
    assert history.tally.rules == dict.fromkeys(rules, count)
    kept = {number for number, one in enumerate(hit, 1) if one is None}
    assert set(history.row_numbers.tolist()) == kept


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_empty_cells_are_missing_in_any_column(tmp_path: Path, suffix: str) -> None:
    history, hit = told(tmp_path, Incident("empty_cells", 0.1), suffix=suffix)
    assert history.tally.quarantined == sum(one is not None for one in hit)
    assert len(history.tally.rules) == 19
    assert all(rule.endswith(": missing") for rule in history.tally.rules)


def test_trailing_spaces_are_repaired_and_counted(tmp_path: Path) -> None:
    history, hit = told(tmp_path, Incident("trailing_spaces", 0.05))
    assert history.tally.quarantined == 0
    assert len(history.tally.repaired) == 5
    assert sum(history.tally.repaired.values()) == sum(one is not None for one in hit) > 150


def test_limits_in_cents_are_scored_counted_and_warned_about(tmp_path: Path) -> None:
    history, hit = told(tmp_path, Incident("limits_in_cents"))
    assert set(hit) == {"limits_in_cents"}
    assert history.tally.quarantined == 0
    assert history.tally.outside_expected["credit_limit"] == ROWS
    assert history.tally.warned["open_to_buy_identity"] == ROWS
    plain = simulate_table(ROWS, SEED).table["Credit_Limit"].to_numpy()
    spoilt = simulate_table(ROWS, SEED, Scenario(incidents=(Incident("limits_in_cents"),))).table["Credit_Limit"].to_numpy()
    assert np.array_equal(spoilt, np.round(100 * plain))


@pytest.mark.parametrize("kind", INCIDENTS)
def test_an_incident_starts_when_told_and_touches_no_other_row_and_no_truth(kind: IncidentKind) -> None:
    plain = simulate_table(ROWS, SEED)
    spoilt = simulate_table(ROWS, SEED, Scenario(incidents=(Incident(kind, None, Onset(0.5)),)))
    hit = pc.is_valid(spoilt.truth["incident"]).to_numpy()
    assert not hit[: ROWS // 2].any()
    assert hit[ROWS // 2 :].any()
    changed = np.zeros(ROWS, bool)
    for name in plain.table.column_names:
        changed |= ~pc.fill_null(pc.equal(plain.table[name], spoilt.table[name]), False).to_numpy()
    assert np.array_equal(changed, hit)
    assert np.array_equal(spoilt.churn_probability, plain.churn_probability)


def test_incidents_together_are_all_named_and_hit_as_they_would_alone() -> None:
    many = tuple(Incident(kind, None if kind == "missing_column" else 0.3) for kind in INCIDENTS)
    together = simulate_table(ROWS, SEED, Scenario(incidents=many)).truth["incident"].to_pylist()
    backwards = simulate_table(ROWS, SEED, Scenario(incidents=many[::-1]))
    assert backwards.truth["incident"].to_pylist() == together
    for one in many:
        alone = simulate_table(ROWS, SEED, Scenario(incidents=(one,))).truth["incident"].to_pylist()
        assert [name is not None for name in alone] == [one.kind in str(names).split(";") for names in together]


def test_the_truth_file_holds_the_true_label_and_the_incident(tmp_path: Path) -> None:
    scenario = Scenario(incidents=(Incident("empty_cells", 0.2),), label_noise=0.1)
    answer = write_simulated(tmp_path / "bank.csv", ROWS, SEED, scenario=scenario)
    truth = pyarrow.csv.read_csv(tmp_path / "bank.truth.csv", convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))
    assert truth.column_names == ["CLIENTNUM", "churn_probability", "Attrition_Flag", "incident"]
    expected = simulate_table(ROWS, SEED, scenario)
    assert truth["incident"].to_pylist() == expected.truth["incident"].to_pylist()
    assert answer["incident_rows"] == ROWS - truth["incident"].null_count
    assert answer["flipped_labels"] == pytest.approx(0.1 * ROWS, rel=0.2)
    assert answer["base_rate"] == expected.churned.mean()
    clean = write_simulated(tmp_path / "clean.csv", ROWS, SEED)
    assert answer["best_possible_roc_auc"] == clean["best_possible_roc_auc"], "noise is no part of what a perfect model could reach"
    assert (answer["unknown_labels"], answer["months"], answer["spec"]) == (0, 1, None)
