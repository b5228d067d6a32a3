"""Campaigns over HTTP: prices of today, a preview that leaves nothing behind, outcomes from a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from campaigns import PRICES, SHIPPED, table
from desks import operated
from tidegate.ledger.events import list_events
from tidegate.operations.desk import campaigns, outcomes
from tidegate.operations.desk.desk import Desk

GIVEN = {"currency": "USD", "customer_value": "900", "contact_cost": "4", "incentive_cost": "40", "acceptance_rate": "0.35"}


@pytest.fixture
def api(tmp_path: Any) -> Iterator[tuple[TestClient, Desk]]:
    with operated(tmp_path) as made:
        yield made


def text(columns: Mapping[str, list[Any]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return written.getvalue().encode()


def asked(client: TestClient, fields: Mapping[str, str], columns: Mapping[str, list[Any]] | None = None, name: str = "scored.csv") -> Any:
    return client.post("/campaigns", data=dict(fields), files={"file": (name, text(columns or table()))})


def nothing_left(client: TestClient, desk: Desk) -> None:
    assert client.get("/campaigns").json() == {"campaigns": []}
    assert list_events(desk.ledger, "planned a campaign") == []
    assert list(desk.scratch.iterdir()) == []
    assert not desk.home.secrets.exists()


def test_what_a_plan_needs_of_the_spec(api: tuple[TestClient, Desk], tmp_path: Any) -> None:
    told = api[0].get("/prices").json()
    assert (told["model_version"], told["spec"], told["id"], told["prices"]) == ("1", "bank", "clientnum", None)
    assert {"name": "credit_limit", "meaning": "Credit limit of the card", "unit": "USD"} in told["value_columns"]
    (tmp_path / "priced").mkdir()
    with operated(tmp_path / "priced", SHIPPED.read_text() + PRICES) as (client, _):
        prices = client.get("/prices").json()["prices"]
    assert (prices["customer_value_column"], prices["contact_cost"], prices["acceptance_rate"]) == ("credit_limit", 4, 0.5)


def test_without_a_champion_there_are_no_prices(api: tuple[TestClient, Desk]) -> None:
    (api[1].home.storage / "champion.json").unlink()
    refused = api[0].get("/prices")
    assert (refused.status_code, "no champion yet" in refused.json()["detail"]) == (503, True)
    assert api[0].get("/campaigns").status_code == 200


def test_a_plan_with_prices_of_today_where_the_spec_has_none(api: tuple[TestClient, Desk]) -> None:
    client, desk = api
    told = asked(client, {**GIVEN, "name": "june", "budget": "2000"}).json()
    assert (told["currency"], told["recorded"], told["campaign"]) == ("USD", True, "june")
    assert len(told["contact"]) == told["contacts"] > 0
    assert told["who"].endswith("(operate API)")
    (kept,) = client.get("/campaigns").json()["campaigns"]
    assert kept["prices"] == told["prices"]
    assert (kept["prices"]["customer_value"], kept["who"], kept["created_at"][:19]) == (900, told["who"], told["planned_at"][:19])
    (event,) = list_events(desk.ledger, "planned a campaign")
    assert event.who == told["who"]


def test_a_column_is_the_value(api: tuple[TestClient, Desk]) -> None:
    by_column = {**{name: said for name, said in GIVEN.items() if name != "customer_value"}, "customer_value_column": "credit_limit"}
    columns = {**table(4), "Credit_Limit": ["100", "5000", "", "2000"], "churn_probability": ["0.9"] * 4}
    told = asked(api[0], {**by_column, "name": "june", "contacts": "9", "control": "0"}, columns).json()
    assert [row["CLIENTNUM"] for row in told["contact"]] == ["K1", "K3", "K0"]
    assert told["excluded"]["value_unknown"] == 1


def test_a_preview_is_the_plan_and_leaves_nothing_behind(api: tuple[TestClient, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    client, desk = api
    fields = {**GIVEN, "budget": "2000"}
    seen = asked(client, {**fields, "preview": "true"}).json()
    assert (seen["recorded"], seen["campaign"]) == (False, "")
    nothing_left(client, desk)
    assert asked(client, {**fields, "preview": "true", "name": "june"}).status_code == 200
    nothing_left(client, desk)
    done = asked(client, {**fields, "name": "june", "preview": "false"}).json()
    same = set(done) - {"campaign", "recorded", "planned_at"}
    assert {name: done[name] for name in same} == {name: seen[name] for name in same}
    monkeypatch.setattr(campaigns, "PREVIEW_ROWS", 5)
    short = asked(client, {**fields, "preview": "true"}).json()
    assert (short["contact"], len(short["keep_aside"])) == (done["contact"][:5], 5)
    assert short["contacts"] == done["contacts"]
    assert "also in the campaign 'june'" in short["warnings"][-1]
    taken = asked(client, {**fields, "preview": "true", "name": "june"})
    assert (taken.status_code, "'june' already" in taken.json()["detail"]) == (422, True)


@pytest.mark.parametrize("preview", ["true", "false"])
@pytest.mark.parametrize(
    ("changed", "columns", "said"),
    [
        ({"budget": "0"}, None, "budget must be a number above 0"),
        ({"budget": "-5"}, None, "budget must be a number above 0"),
        ({"budget": ""}, None, "Neither budget nor contacts"),
        ({"contacts": "5"}, None, "Both budget and contacts"),
        ({"quiet_days": "-1"}, None, "Give quiet_days as a whole number"),
        ({"contact_cost": "free"}, None, "contact_cost must be a valid number"),
        ({"acceptance_rate": "35"}, None, "acceptance_rate must be less than or equal to 1"),
        ({"acceptance_rate": ""}, None, "acceptance_rate is not given"),
        ({}, {name: cells for name, cells in table().items() if name != "churn_probability"}, "lacks the column churn_probability"),
        ({}, {**table(3), "CLIENTNUM": ["K1", "K2", "K1"]}, "1 rows repeat an id, row 3 the first"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence_and_leaves_nothing(
    api: tuple[TestClient, Desk], changed: dict[str, str], columns: dict[str, list[Any]] | None, said: str, preview: str
) -> None:
    client, desk = api
    refused = asked(client, {**GIVEN, "name": "june", "budget": "2000", "preview": preview, **changed}, columns)
    assert (refused.status_code, said in refused.json()["detail"]) == (422, True), refused.text
    nothing_left(client, desk)


def test_preview_is_true_or_false(api: tuple[TestClient, Desk]) -> None:
    refused = asked(api[0], {**GIVEN, "budget": "2000", "preview": "perhaps"})
    assert (refused.status_code, "preview is neither true nor false" in refused.json()["detail"]) == (422, True)


def test_a_spec_without_an_id_plans_nothing(tmp_path: Any) -> None:
    with operated(tmp_path, SHIPPED.read_text().replace('id = "clientnum"\n', "")) as (client, desk):
        assert client.get("/prices").json()["id"] is None
        refused = asked(client, {**GIVEN, "name": "june", "budget": "2000"})
        assert (refused.status_code, "names no id" in refused.json()["detail"]) == (422, True)
        nothing_left(client, desk)


@pytest.mark.parametrize("id_header", ["rank", "arm", "expected_net_value"])
def test_an_id_that_is_named_like_a_column_of_the_list_stays(tmp_path: Any, id_header: str) -> None:
    columns = {id_header: ["K1", "K2", "K3"], **{name: cells for name, cells in table(3).items() if name != "CLIENTNUM"}}
    with operated(tmp_path, SHIPPED.read_text().replace('id = "clientnum"', f'id = "{id_header}"')) as (client, _):
        told = asked(client, {**GIVEN, "name": "june", "contacts": "9", "control": "0"}, {**columns, "churn_probability": ["0.9"] * 3})
    assert told.status_code == 200, told.text
    rows = told.json()["contact"]
    assert {(row["customer_id"], row["arm"]) for row in rows} == {("K1", "treated"), ("K2", "treated"), ("K3", "treated")}
    assert [row["rank"] for row in rows] == ["1", "2", "3"]


@pytest.mark.parametrize("name", ["a/b", "..", "a b.c", "100%", "a/../b", "été"])
def test_a_campaign_of_any_name_is_found_again(api: tuple[TestClient, Desk], name: str) -> None:
    assert asked(api[0], {**GIVEN, "name": name, "budget": "2000"}).status_code == 200
    told = api[0].get(f"/campaigns/{quote(name, safe='').replace('.', '%2E')}")
    assert (told.status_code, told.json().get("campaign")) == (200, name)
    assert told.json()["treated"]["churn_rate_low"] is None


def test_no_cell_of_a_list_is_a_formula(api: tuple[TestClient, Desk]) -> None:
    columns = {**table(3), "CLIENTNUM": ["=cmd()", "-5", "+x"], "churn_probability": ["0.9"] * 3}
    told = asked(api[0], {**GIVEN, "name": "june", "contacts": "9", "control": "0"}, columns).json()
    assert {row["CLIENTNUM"] for row in told["contact"]} == {"'=cmd()", "-5", "'+x"}


def test_outcomes_from_a_file_prove_the_campaign(api: tuple[TestClient, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    client, desk = api
    told = asked(client, {**GIVEN, "name": "june", "contacts": "150", "control": "0.4"}).json()
    left = {row["CLIENTNUM"]: number % 10 < 3 for number, row in enumerate(told["contact"])}
    left |= {row["CLIENTNUM"]: number % 10 < 6 for number, row in enumerate(told["keep_aside"])}
    rows = {"CLIENTNUM": [*left, "stranger", "K1"], "outcome": [*map(int, left.values()), "1", "perhaps"]}
    answer = client.post("/outcomes", files={"file": ("left.csv", text(rows))})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["rows"], found["recorded"], found["unknown_customers"], found["quarantined"]) == (len(left) + 2, len(left), 1, 1)
    assert {row["rule"] for row in found["refused"]} == {"unknown customer", "label"}
    assert str(desk.scratch) not in answer.text
    assert "quarantine" not in found
    monkeypatch.setattr(outcomes, "REFUSED_ROWS", 1)
    again = client.post("/outcomes", files={"file": ("left.csv", text(rows))}).json()
    assert (again["recorded"], again["known_already"], len(again["refused"])) == (0, len(left), 1)
    proof = client.get("/campaigns/june").json()
    assert proof["verdict"] == "proved"
    for arm in ("treated", "control"):
        assert proof[arm]["churn_rate_low"] < proof[arm]["churn_rate"] < proof[arm]["churn_rate_high"]
    (event,) = list_events(desk.ledger, "recorded outcomes")
    assert event.who.endswith("(operate API)")
    assert list(desk.scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({"files": {"file": ("left.csv", b"CLIENTNUM,outcome\nA,1\n")}}, 422, "knows none of the customers"),
        ({"files": {"file": ("left.csv", b"CLIENTNUM\nA\n")}}, 422, "lacks the column attrition_flag or outcome"),
        ({"files": {"file": ("left.exe", b"x")}}, 422, "neither .csv nor .parquet"),
        ({"files": {"audit": (None, "false")}}, 422, 'no file named "file"'),
        ({"files": {"file": ("left.csv", b"a"), "audit": (None, "perhaps")}}, 422, "audit is neither true nor false"),
        ({"json": {"outcomes": []}}, 415, "not a form"),
    ],
)
def test_outcomes_that_cannot_be_used(api: tuple[TestClient, Desk], sent: dict[str, Any], status: int, said: str) -> None:
    client, desk = api
    refused = client.post("/outcomes", **sent)
    assert (refused.status_code, said in refused.json()["detail"]) == (status, True), refused.text
    assert list(desk.scratch.iterdir()) == []
    assert list_events(desk.ledger, "recorded outcomes") == []
