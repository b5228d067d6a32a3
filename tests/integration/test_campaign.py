"""Campaigns and outcomes through the command line: from a scored file to the proof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from campaigns import PRICES, SHIPPED, Say, ledger_rows, read, refused, table, write
from tidegate.home import Home
from tidegate.operations import campaign as campaign_operation

ROLES = 'opt_out = "no_calls"\nlast_contact = "called_on"\n'
COLUMNS = '\n[columns.no_calls]\nkind = "boolean"\nnullable = true\n\n[columns.called_on]\nkind = "date"\nnullable = true\n'


def planned(say: Say, tmp_path: Path, spec: Path, name: str = "spring", *more: object) -> dict[str, Any]:
    scored = write(tmp_path / "scored.csv", table())
    words = more or ("--contacts", 150, "--control", 0.4)
    code, out, err = say("campaign", "plan", scored, tmp_path / "plan.csv", "--name", name, "--spec", spec, *words, "--json")
    assert code == 0, err
    told: dict[str, Any] = json.loads(out)
    return told


def test_a_plan_is_in_the_ledger_and_in_two_files(say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    told = planned(say, tmp_path, spec)
    assert (told["contacts"], told["control"], told["customers"]) == (150, 100, 400)
    treated, control = read(tmp_path / "plan.csv"), read(tmp_path / "plan.control.csv")
    assert {row["arm"] for row in treated} == {"treated"}
    assert {row["arm"] for row in control} == {"control"}
    assert not {row["CLIENTNUM"] for row in treated} & {row["CLIENTNUM"] for row in control}
    assert sorted(int(row["rank"]) for row in treated + control) == list(range(1, 251))
    worth = [float(row["expected_net_value"]) for row in treated]
    assert worth == sorted(worth, reverse=True)
    assert sum(worth) == pytest.approx(told["expected_net_value"]["value"], abs=1)
    assert list(treated[0]) == ["CLIENTNUM", "rank", "arm", "churn_probability", "expected_net_value"]
    kept = ledger_rows(own_home, "SELECT arm, count(*), min(model_version) FROM assignments GROUP BY arm ORDER BY arm")
    assert kept == [("control", 100, "7"), ("treated", 150, "7")]
    everything = str(ledger_rows(own_home, "SELECT * FROM assignments")) + str(ledger_rows(own_home, "SELECT * FROM campaigns"))
    assert "K1" not in everything, "the ledger holds a customer's id"
    (parameters,) = ledger_rows(own_home, "SELECT parameters FROM campaigns")
    assert json.loads(parameters[0])["prices"]["acceptance_rate"] == 0.5
    curve = read(tmp_path / "plan.curve.csv")
    assert max(float(row["expected_net_value"]) for row in curve) == pytest.approx(told["optimum"]["expected_net_value"])
    assert (tmp_path / "plan.curve.png").read_bytes().startswith(b"\x89PNG")
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]
    assert ledger_rows(own_home, "SELECT what FROM events ORDER BY sequence DESC LIMIT 1") == [("planned a campaign",)]


def test_the_text_says_what_a_manager_asks(say: Say, tmp_path: Path, spec: Path) -> None:
    scored = write(tmp_path / "scored.csv", table())
    code, out, err = say("campaign", "plan", scored, tmp_path / "p.csv", "--name", "a", "--budget", 3000, "--spec", spec)
    assert code == 0, err
    for words in ("Expected net value", "of a budget of 3,000 EUR", "Do not contact the", "Best without a limit"):
        assert words in out


def test_a_budget_is_kept(say: Say, tmp_path: Path, spec: Path) -> None:
    told = planned(say, tmp_path, spec, "spring", "--budget", 2_000)
    assert told["budget_binds"] is True
    assert 1_800 < told["expected_cost"] <= 2_000


def test_parquet_in_and_out_keeps_ids_and_formula_cells_are_harmless(say: Say, tmp_path: Path, spec: Path) -> None:
    columns = table(50)
    columns["CLIENTNUM"] = ["=cmd()", *(str(number) for number in range(1, 50))]
    columns["churn_probability"][0] = 1.0
    scored = write(tmp_path / "scored.parquet", columns)
    out = tmp_path / "plan.parquet"
    assert say("campaign", "plan", scored, out, "--name", "a", "--contacts", 50, "--control", 0, "--spec", spec)[0] == 0
    assert "'=cmd()" in pyarrow.parquet.read_table(out)["CLIENTNUM"].to_pylist()
    assert pyarrow.parquet.read_table(tmp_path / "plan.control.parquet").num_rows == 0
    # the id is known again as the customer's own, and as a file of Tidegate writes it
    for spelt in ("=cmd()", "'=cmd()"):
        found = write(tmp_path / "left.csv", {"CLIENTNUM": [spelt], "outcome": ["1"], "observed_at": ["2026-01-02"]})
        code, said, err = say("outcomes", found, "--json")
        assert code == 0, err
        assert json.loads(said)["unknown_customers"] == 0


def test_opted_out_unknown_and_recent_customers_are_left_out(say: Say, tmp_path: Path) -> None:
    text = SHIPPED.read_text().replace('id = "clientnum"\n', f'id = "clientnum"\n{ROLES}')
    (tmp_path / "roles.toml").write_text(text + COLUMNS + PRICES)
    columns = table(10)
    columns["no_calls"] = ["yes", "", "no", "no", "no", "no", "no", "no", "no", "no"]
    columns["called_on"] = ["", "", "2999-01-01", "2020-01-01", "", "", "", "", "", ""]
    scored = write(tmp_path / "scored.csv", columns)
    words = ("--name", "a", "--contacts", 50, "--spec", tmp_path / "roles.toml", "--control", 0, "--json")
    code, out, err = say("campaign", "plan", scored, tmp_path / "p.csv", *words)
    assert code == 0, err
    assert json.loads(out)["excluded"] == {"opted_out": 1, "opt_out_unknown": 1, "recently_contacted": 1, "value_unknown": 0}
    assert not {"K0", "K1", "K2"} & {row["CLIENTNUM"] for row in read(tmp_path / "p.csv")}
    columns["no_calls"] = ["yes"] * 9 + [""]
    code, _, err = say("campaign", "plan", write(scored, columns), tmp_path / "q.csv", "--name", "b", *words[2:])
    assert code == 2
    assert "9 opted out, 1 opt out unknown" in err
    columns["no_calls"] = ["perhaps", *["no"] * 9]
    code, _, err = say("campaign", "plan", write(scored, columns), tmp_path / "q.csv", "--name", "b", *words[2:])
    assert code == 2
    assert "no_calls of row 1 is not true or false" in err
    assert "perhaps" not in err
    assert not (tmp_path / "q.csv").exists()


def test_from_plan_to_proof(say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    planned(say, tmp_path, spec)
    code, out, _ = say("campaign", "prove", "spring")
    assert code == 0
    assert "not enough evidence yet" in out
    treated, control = ([row["CLIENTNUM"] for row in read(tmp_path / name)] for name in ("plan.csv", "plan.control.csv"))
    left = {one: number % 10 < 3 for number, one in enumerate(treated)} | {one: number % 10 < 6 for number, one in enumerate(control)}
    ids = [*left, "stranger", treated[0]]
    words = ["Attrited Customer" if left.get(one) else "Existing Customer" for one in ids[:-1]] + [""]
    words[1] = ""
    found = write(tmp_path / "left.csv", {"CLIENTNUM": ids, "Attrition_Flag": words})
    code, out, err = say("outcomes", found, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["rows"], told["recorded"], told["not_known_yet"], told["unknown_customers"]) == (252, 249, 2, 1)
    assert told["rows"] == sum(told[name] for name in ("recorded", "known_already", "not_known_yet", "unknown_customers", "quarantined"))
    assert read(Path(told["quarantine"]))[0]["rule"] == "unknown customer"
    assert "stranger" not in Path(told["quarantine"]).read_text()
    again = json.loads(say("outcomes", found, "--json")[1])
    assert (again["recorded"], again["known_already"]) == (0, 249)
    assert ledger_rows(own_home, "SELECT count(*) FROM outcomes") == [(249,)]
    code, out, err = say("campaign", "prove", "spring", "--json")
    assert code == 0, err
    proof = json.loads(out)
    assert proof["verdict"] == "proved"
    assert proof["uplift"]["value"] == pytest.approx(0.6 - 44 / 149)
    assert proof["uplift"]["low"] > 0
    assert (proof["treated"]["assigned"], proof["treated"]["observed"], proof["control"]["observed"]) == (150, 149, 100)
    assert proof["net_money"]["value"] == pytest.approx(proof["saved_value"]["value"] - proof["costs"])
    code, out, _ = say("campaign", "prove", "spring")
    assert "proved" in out
    assert "customers retained" in out


def test_outcomes_with_times(say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    planned(say, tmp_path, spec)
    one = read(tmp_path / "plan.csv")[0]["CLIENTNUM"]
    columns: dict[str, list[Any]] = {
        "customer_id": [one] * 8,
        "outcome": ["0", "1.0", "1", "Existing Customer", "2", "1", "0", "1"],
        "observed_at": [
            *("2026-01-02", "2026-01-03T10:00:00+02:00", "2999-01-01", "2026-01-04 05:06:07"),
            *("2026-01-05", "soon", "2026-01-02", "2999-01-01T00:00:00"),
        ],
    }
    code, out, err = say("outcomes", write(tmp_path / "o.csv", columns), "--json")
    assert code == 2, out
    assert "o.csv: 4 of 8 rows break the contract" in err
    assert ledger_rows(own_home, "SELECT count(*) FROM outcomes") == [(0,)]
    kept = {name: [cell for place, cell in enumerate(cells) if place in (0, 1, 3, 6)] for name, cells in columns.items()}
    code, out, err = say("outcomes", write(tmp_path / "o.csv", kept), "--json")
    assert code == 0, err
    assert (json.loads(out)["recorded"], json.loads(out)["known_already"]) == (3, 1)
    assert ledger_rows(own_home, "SELECT observed_at, outcome FROM outcomes ORDER BY 1") == [
        ("2026-01-02T23:59:59.999999+00:00", 0),
        ("2026-01-03T08:00:00.000000+00:00", 1),
        ("2026-01-04T05:06:07.000000+00:00", 0),
    ]
    kept["outcome"][0] = kept["outcome"][3] = "1"
    code, _, err = say("outcomes", write(tmp_path / "o.csv", kept))
    assert code == 2
    assert "another outcome in the ledger" in err
    code, out, _ = say("campaign", "prove", "spring", "--json")
    assert json.loads(out)["treated"]["observed"] == 0, "what was seen before the campaign says nothing of it"


def test_an_audit_sample_may_contradict_and_replaces_nothing(say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    planned(say, tmp_path, spec)
    ids = [row["CLIENTNUM"] for row in read(tmp_path / "plan.csv")][:3]
    columns: dict[str, list[Any]] = {"customer_id": ids, "outcome": [0, 0, 1], "observed_at": ["2026-01-02"] * 3}
    assert say("outcomes", write(tmp_path / "o.csv", columns))[0] == 0
    audit = write(tmp_path / "audit.csv", {**columns, "outcome": [1, 0, 1]})
    code, out, err = say("outcomes", audit, "--audit", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["recorded"], told["audit"]) == (3, True)
    assert json.loads(say("outcomes", audit, "--audit", "--json")[1])["known_already"] == 3
    assert "3 audit outcomes" in say("outcomes", write(audit, {**columns, "observed_at": ["2026-01-03"] * 3}), "--audit")[1]
    refused(say("outcomes", write(audit, columns), "--audit"), "another outcome in the ledger")
    assert ledger_rows(own_home, "SELECT sum(outcome), count(*) FROM outcomes") == [(1, 3)]
    assert ledger_rows(own_home, "SELECT sum(outcome), count(*) FROM audit_outcomes") == [(3, 6)]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_scored_file_in_another_encoding_is_read_as_it_is(encoding: str, say: Say, tmp_path: Path, spec: Path) -> None:
    text = "CLIENTNUM,Credit_Limit,churn_probability\nÉ1,900,0.9\nÜ2,800,0.8\n"
    (tmp_path / "scored.csv").write_bytes(text.encode(encoding))
    words = ("--name", "a", "--contacts", 5, "--control", 0, "--spec", spec)
    code, _, err = say("campaign", "plan", tmp_path / "scored.csv", tmp_path / "plan.csv", *words)
    assert code == 0, err
    assert [row["CLIENTNUM"] for row in read(tmp_path / "plan.csv")] == ["É1", "Ü2"]


def test_a_name_used_twice(say: Say, own_home: Home, tmp_path: Path, spec: Path) -> None:
    planned(say, tmp_path, spec)
    before = (tmp_path / "plan.csv").read_bytes()
    for output in ("plan.csv", "other.csv"):
        answer = say("campaign", "plan", tmp_path / "scored.csv", tmp_path / output, "--name", "spring", "--contacts", 5, "--spec", spec)
        refused(answer, "'spring' already")
    assert (tmp_path / "plan.csv").read_bytes() == before
    assert not (tmp_path / "other.csv").exists()
    assert ledger_rows(own_home, "SELECT count(*) FROM assignments") == [(250,)]


def test_a_second_campaign_on_the_same_customers_is_warned_about(say: Say, tmp_path: Path, spec: Path) -> None:
    planned(say, tmp_path, spec)
    assert "250 of the chosen customers are also in the campaign 'spring'" in planned(say, tmp_path, spec, "summer")["warnings"][-1]


def test_no_list_is_handed_out_before_the_ledger_has_the_campaign(
    say: Say, own_home: Home, tmp_path: Path, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, seen = campaign_operation.record_campaign, []

    def look(*words: Any) -> object:
        seen.append(sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("plan")))
        seen.append(len([path for path in tmp_path.iterdir() if path.name.startswith(".plan")]))
        return original(*words)

    monkeypatch.setattr(campaign_operation, "record_campaign", look)
    planned(say, tmp_path, spec)
    assert seen == [[], 4]
