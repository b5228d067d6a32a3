"""Bad input of campaigns and outcomes: one sentence, exit 2, nothing half-written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns import Say, ledger_rows, refused, table, write
from tidegate.cli import main
from tidegate.errors import LedgerUnavailable
from tidegate.home import Home
from tidegate.operations import campaign as campaign_operation


def without(name: str) -> Callable[[Path], object]:
    return lambda path: write(path, {key: cells for key, cells in table(20).items() if key != name})


def changed(name: str, row: int, cell: object) -> Callable[[Path], object]:
    def make(path: Path) -> object:
        columns = table(20)
        columns[name] = [*map(str, columns[name])]
        columns[name][row] = cell
        return write(path, columns)

    return make


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (lambda path: None, "does not exist"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "header only": (lambda path: path.write_bytes(b"CLIENTNUM,Credit_Limit,churn_probability\n"), "no rows"),
    "binary": (lambda path: path.write_bytes(bytes(range(256)) * 50), "NUL"),
    "no probability": (without("churn_probability"), "lacks the column churn_probability"),
    "no id": (without("CLIENTNUM"), "lacks the column clientnum"),
    "no value": (without("Credit_Limit"), "lacks the column credit_limit"),
    "repeated id": (changed("CLIENTNUM", 5, "K1"), "row 6 the first"),
    "missing id": (changed("CLIENTNUM", 5, ""), "clientnum of row 6"),
    "probability above 1": (changed("churn_probability", 7, "1.2"), "churn_probability of row 8"),
    "probability missing": (changed("churn_probability", 7, ""), "churn_probability of row 8"),
    "probability is text": (changed("churn_probability", 7, "high"), "churn_probability of row 8"),
    "value is text": (changed("Credit_Limit", 7, "much"), "credit_limit of row 8"),
    "ragged": (lambda path: path.write_bytes(b"CLIENTNUM,Credit_Limit,churn_probability\nK1,5,0.5\nK2,5\n"), "row 2 has 2 fields"),
    "all certain to stay": (lambda path: write(path, {**table(20), "churn_probability": [0.0] * 20}), "no contact pays"),
}


def nothing_written(home: Home, folder: Path) -> None:
    assert ledger_rows(home, "SELECT (SELECT count(*) FROM campaigns) + (SELECT count(*) FROM assignments)") == [(0,)]
    assert ledger_rows(home, "SELECT count(*) FROM events WHERE what = 'planned a campaign'") == [(0,)]
    assert not [path for path in folder.iterdir() if path.name.startswith(("plan", ".plan"))]


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_scored_file_that_cannot_be_used(name: str, say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    make, says = BAD_FILES[name]
    make(tmp_path / "scored.csv")
    answer = say("campaign", "plan", tmp_path / "scored.csv", tmp_path / "plan.csv", "--name", "a", "--contacts", 5, "--spec", spec)
    refused(answer, says)
    nothing_written(own_home, tmp_path)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--budget", 0), "budget must be"),
        (("--budget", -1), "budget must be"),
        (("--budget", "nan"), "budget must be"),
        (("--contacts", 0), "contacts must be"),
        ((), "Neither budget nor contacts"),
        (("--budget", 5, "--contacts", 5), "Both budget and contacts"),
        (("--budget", 5), "does not cover a single contact"),
        (("--contacts", 5, "--control", 1), "control group"),
        (("--contacts", 5, "--quiet-days", -1), "quiet days"),
        (("--contacts", 5, "--name", " "), "name of a campaign"),
        (("--contacts", 5, "--name", "a\nb"), "name of a campaign"),
        (("--contacts", 5, "--spec", "none"), "no spec 'none'"),
        (("--contacts", 5, "--spec", "bank"), "has no [money]"),
    ],
)
def test_terms_that_cannot_be_met(words: tuple[object, ...], says: str, say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    scored = write(tmp_path / "scored.csv", table(20))
    refused(say("campaign", "plan", scored, tmp_path / "plan.csv", "--name", "a", "--spec", spec, *words), says)
    nothing_written(own_home, tmp_path)


def test_without_prices_the_champion_s_spec_is_refused(say: Say, own_home: Home, tmp_path: Path) -> None:
    scored = write(tmp_path / "scored.csv", table(20))
    refused(say("campaign", "plan", scored, tmp_path / "plan.csv", "--name", "a", "--contacts", 5), "has no [money]")
    nothing_written(own_home, tmp_path)


def test_a_spec_without_an_id(say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    spec.write_text(spec.read_text().replace('id = "clientnum"\n', ""))
    scored = write(tmp_path / "scored.csv", table(20))
    refused(say("campaign", "plan", scored, tmp_path / "plan.csv", "--name", "a", "--contacts", 5, "--spec", spec), "names no id")


@pytest.mark.parametrize(
    ("output", "says"), [("plan.txt", "neither .csv nor .parquet"), ("scored.csv", "also the input"), ("folder.csv", "is a folder")]
)
def test_outputs_that_cannot_be(output: str, says: str, say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    scored = write(tmp_path / "scored.csv", table(20))
    (tmp_path / "folder.csv").mkdir()
    refused(say("campaign", "plan", scored, tmp_path / output, "--name", "a", "--contacts", 5, "--spec", spec), says)
    nothing_written(own_home, tmp_path)


def test_a_control_file_that_would_replace_the_input(say: Say, tmp_path: Path, spec: Path) -> None:
    scored = write(tmp_path / "p.control.csv", table(20))
    refused(say("campaign", "plan", scored, tmp_path / "p.csv", "--name", "a", "--contacts", 5, "--spec", spec), "also the input")


def test_a_ledger_that_fails_leaves_no_file(say: Say, own_home: Home, tmp_path: Path, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LedgerUnavailable("The ledger's disk is full.")

    monkeypatch.setattr(campaign_operation, "record_campaign", fail)
    scored = write(tmp_path / "scored.csv", table(20))
    code, out, err = say("campaign", "plan", scored, tmp_path / "plan.csv", "--name", "a", "--contacts", 5, "--spec", spec)
    assert (code, out) == (1, "")
    assert "disk is full" in err
    nothing_written(own_home, tmp_path)


def test_a_refused_command_leaves_no_key_behind(say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    scored = write(tmp_path / "scored.csv", table(20))
    (tmp_path / "file").write_text("")
    words = ("--name", "a", "--contacts", 5, "--spec", spec)
    assert say("campaign", "plan", scored, tmp_path / "file" / "plan.csv", *words)[0] == 2
    (tmp_path / "left.csv").write_text("CLIENTNUM,outcome\nA,1\n")
    refused(say("outcomes", tmp_path / "left.csv"), "knows none")
    assert not own_home.secrets.exists()


def test_a_folder_that_cannot_be_written_leaves_no_campaign(say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    scored = write(tmp_path / "scored.csv", table(20))
    (tmp_path / "file").write_text("")
    output = tmp_path / "file" / "plan.csv"
    refused(say("campaign", "plan", scored, output, "--name", "a", "--contacts", 5, "--spec", spec), "cannot be written")
    nothing_written(own_home, tmp_path)


def test_proving_a_campaign_that_is_not_there(say: Say) -> None:
    refused(say("campaign", "prove", "nothing"), "no campaign 'nothing'")


BAD_OUTCOMES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "header only": (b"CLIENTNUM,outcome\n", "no rows"),
    "binary": (bytes(range(256)) * 50, "NUL"),
    "no id": (b"outcome\n1\n", "lacks the column clientnum or customer_id"),
    "no outcome": (b"CLIENTNUM\nK1\n", "lacks the column attrition_flag or outcome"),
    "unknown customers only": (b"CLIENTNUM,outcome\nA,1\nB,0\n", "knows none of the customers"),
    "strange words only": (b"CLIENTNUM,outcome\nA,left\nB,stayed\n", "2 of 2 rows break the contract, most often outcome: label"),
    "missing ids": (b"CLIENTNUM,outcome\n,1\n,0\n", "clientnum: missing"),
    "ragged": (b"CLIENTNUM,outcome\nA,1,2\n", "line: fields"),
}


@pytest.mark.parametrize("name", BAD_OUTCOMES)
def test_outcomes_that_cannot_be_used(name: str, say: Say, own_home: Home, tmp_path: Path) -> None:
    content, says = BAD_OUTCOMES[name]
    (tmp_path / "left.csv").write_bytes(content)
    refused(say("outcomes", tmp_path / "left.csv"), says)
    assert ledger_rows(own_home, "SELECT count(*) FROM outcomes") == [(0,)]
    assert ledger_rows(own_home, "SELECT count(*) FROM events WHERE what = 'recorded outcomes'") == [(0,)]


def test_without_a_home(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for words in (
        ("outcomes", "x.csv"),
        ("campaign", "prove", "a"),
        ("campaign", "plan", "x.csv", "y.csv", "--name", "a", "--contacts", "5"),
    ):
        monkeypatch.setattr(sys, "argv", ["tidegate", *words, "--home", str(tmp_path / "none")])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert "no home" in capsys.readouterr().err
        assert not (tmp_path / "none").exists()
