"""Knobs as a person writes them, and every refusal: one sentence, exit 2, no file."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from tidegate import cli
from tidegate.customers.simulation.knobs import read_scenario
from tidegate.customers.simulation.scenario import PLAIN, ConceptDrift, Drift, Incident, LevelDrift, Onset, Scenario
from tidegate.customers.simulation.write import write_simulated
from tidegate.errors import SettingRefused

PAGE = Path(__file__).parents[3] / "docs" / "simulator.md"


def simulate(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """The exit code of `tidegate simulate`."""
    monkeypatch.setattr(sys, "argv", ["tidegate", "simulate", *map(str, words)])
    with pytest.raises(SystemExit) as done:
        cli.main()
    return int(done.value.code or 0)


def test_no_knob_is_the_plain_bank() -> None:
    assert read_scenario() == PLAIN == Scenario()


def test_every_knob_can_be_written() -> None:
    found = read_scenario(
        months=12,
        drift=["total_trans_ct:-1@7+3", "Income_Category=$40K - $60K:0.5@0.25"],
        concept_drift="0.8",
        incidents=["Empty-Cells:0.1@3", "limits_in_cents"],
        late_labels=2,
        base_rate=0.03,
        label_noise=0.01,
    )
    assert found == Scenario(
        months=12,
        drift=(Drift("Total_Trans_Ct", -1.0, Onset(7, 3)), LevelDrift("Income_Category", "$40K - $60K", 0.5, Onset(0.25))),
        concept_drift=ConceptDrift(0.8),
        incidents=(Incident("empty_cells", 0.1, Onset(3)), Incident("limits_in_cents")),
        label_delay_months=2,
        base_rate=0.03,
        label_noise=0.01,
    )


REFUSED = [
    (["--drift", "total_trns_ct:1"], "Did you mean Total_Trans_Ct"),
    (["--drift", "qqq:1"], "Name one of Customer_Age"),
    (["--drift", "total_trans_ct"], "does not say by how much"),
    (["--drift", "total_trans_ct:much"], "holds 'much' where a number belongs"),
    (["--drift", "total_trans_ct:inf"], "where a number belongs"),
    (["--drift", "total_trans_ct:1@"], "The WHEN of --drift"),
    (["--drift", "total_trans_ct:1@0.5+soon"], "holds 'soon'"),
    (["--drift", "total_trans_ct:1@-3"], "A start cannot be -3"),
    (["--drift", "total_trans_ct:1@2.5"], "neither a number of rows nor a share"),
    (["--drift", "total_trans_ct:1@101"], "there are 100"),
    (["--drift", "total_trans_ct:1", "--drift", "Total_Trans_Ct:2"], "given twice"),
    (["--drift", "total_trans_ct=few:1"], "not a categorical column"),
    (["--drift", "credit_limit:-3"], "Ask for -0.8"),
    (["--drift", "credit_limit:1", "--drift", "avg_open_to_buy:1"], "bound by an identity"),
    (["--drift", "customer_age:1", "--months", "3"], "cannot drift in a panel"),
    (["--drift", "gender:1"], "Write Gender=LEVEL:SHARE"),
    (["--drift", "gender=X:0.5"], "Its levels are: F, M"),
    (["--drift", "gender=F:1.5"], "from 0 to 1"),
    (["--concept-drift", "2"], "strength of a concept drift cannot be 2"),
    (["--concept-drift", "strong"], "--concept-drift 'strong'"),
    (["--concept-drift", "1@4", "--months", "3"], "there are 3"),
    (["--incident", "spaces"], "Did you mean trailing_spaces"),
    (["--incident", "flood"], "Name one of trailing_spaces"),
    (["--incident", "empty_cells:2"], "from 0 to 1"),
    (["--incident", "empty_cells@3+2"], "Leave +RAMP out"),
    (["--incident", "missing_column:0.5"], "missing in every row"),
    (["--incident", "empty_cells", "--incident", "empty_cells"], "given twice"),
    (["--late-labels", "1"], "Ask for several months"),
    (["--late-labels", "3", "--months", "3"], "0 to 2 late months"),
    (["--late-labels", "-1", "--months", "3"], "cannot be -1 months late"),
    (["--base-rate", "0"], "base rate cannot be 0"),
    (["--base-rate", "nan"], "base rate cannot be nan"),
    (["--label-noise", "0.6"], "label noise cannot be 0.6"),
    (["--months", "0"], "from 1 to 120"),
    (["--months", "121"], "from 1 to 120"),
    (["--months", "2", "--rows", "7000000"], "Ask for 1 to 6818181"),
]


@pytest.mark.parametrize(("words", "says"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_what_cannot_be_done_is_one_sentence_exit_2_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert simulate(monkeypatch, tmp_path / "bank.csv", "--rows", 100, *words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("tidegate: ")
    assert says in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", ["column", "kind"])
def test_names_that_no_option_could_spell_are_refused_too(wrong: str) -> None:
    with pytest.raises(SettingRefused, match="is not a"):
        Drift("total_trans_ct", 1.0) if wrong == "column" else Incident("flood")  # type: ignore[arg-type]


def test_the_command_line_writes_what_the_function_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--months", "3", "--late-labels", "1", "--drift", "total_trans_ct:-0.5@2", "--incident", "unknown-level:0.1", "--json"]
    assert simulate(monkeypatch, tmp_path / "one.csv", "--rows", 50, "--seed", 8, "--label-noise", 0.1, *words) == 0
    told = json.loads(capsys.readouterr().out)
    scenario = Scenario(
        months=3,
        drift=(Drift("Total_Trans_Ct", -0.5, Onset(2)),),
        incidents=(Incident("unknown_level", 0.1),),
        label_delay_months=1,
        label_noise=0.1,
    )
    answer = write_simulated(tmp_path / "other.csv", 50, 8, scenario=scenario)
    for suffix in (".csv", ".truth.csv", ".toml"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"other{suffix}").read_bytes()
    places = ("output", "truth", "spec")
    assert {key: told[key] for key in told if key not in places} == {key: answer[key] for key in answer if key not in places}
    assert Path(told["spec"]).is_file()


def test_a_person_is_told_where_the_spec_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(monkeypatch, tmp_path / "bank.csv", "--rows", 20, "--months", 2) == 0
    assert capsys.readouterr().out.endswith(f"Train with --spec {tmp_path / 'bank.toml'}.\n")


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = re.findall(r"`tidegate simulate ([a-h]\.csv [^`]+)`", PAGE.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    assert len(examples) == 8
    for words in examples:
        assert simulate(monkeypatch, *shlex.split(words)) == 0, words
    assert len(list(tmp_path.glob("*.truth.csv"))) == 8
