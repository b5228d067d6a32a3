"""The campaign page in each of its states: a preview, a plan, what is refused, what it brought, and an API that is not there."""

from __future__ import annotations

import copy
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from campaigns import PRICES, SHIPPED, table
from desks import operated
from tidegate.ledger.events import list_events
from tidegate.operations.desk.desk import Desk
from tidegate.ui import session
from tidegate.ui.charts import campaign as charts
from unit.ui.visits import away, fake, texts, visit

TYPED = {"budget": 2000.0, "customer_value": 900.0, "contact_cost": 4.0, "incentive_cost": 40.0, "acceptance_rate": 35.0}
NEEDS = {"model_version": "1", "spec": "bank", "id": "clientnum", "prices": None, "value_columns": []}
AT = "2026-11-24T13:00:00+00:00"
RANGE = {"value": 1000.0, "low": -500.0, "high": 2500.0}
PAST = {
    "name": "june",
    "created_at": AT,
    "who": "ada (operate API)",
    "treated": 90,
    "control": 10,
    "prices": {"currency": "EUR"},
    "expected_net_value": RANGE,
    "expected_cost": 400.0,
}
SILENT = {"planned": 10, "assigned": 10, "observed": 0, "left": 0, "churn_rate": None, "churn_rate_low": None, "churn_rate_high": None}
TREATED = {**SILENT, "observed": 90, "left": 27, "churn_rate": 0.3, "churn_rate_low": 0.2, "churn_rate_high": 0.4}
CONTROL = {**SILENT, "observed": 10, "left": 6, "churn_rate": 0.6, "churn_rate_low": 0.4, "churn_rate_high": 0.8}
PROOF: dict[str, Any] = {
    "campaign": "june",
    "planned_at": AT,
    "verdict": "proved",
    "treated": TREATED,
    "control": CONTROL,
    "uplift": {"value": 0.3, "low": 0.1, "high": 0.5},
    "retained": {"value": 27.0, "low": 9.0, "high": 45.0},
    "saved_value": {"value": 24300.0, "low": 8100.0, "high": 40500.0},
    "net_money": {"value": 23500.0, "low": 7300.0, "high": 39700.0},
    "costs": 800.0,
    "currency": "EUR",
    "more_outcomes_needed": None,
    "warnings": [],
}


def page() -> None:
    from tidegate.ui import session
    from tidegate.ui.pages.campaign import page as campaign

    session.show_key()
    campaign.show()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[tuple[TestClient, Desk]]:
    with operated(tmp_path) as made:
        yield made


def scored(**changed: list[Any]) -> bytes:
    columns, written = {**table(), **changed}, io.StringIO()
    csv.writer(written).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return written.getvalue().encode()


def plain(test: AppTest) -> str:
    return texts(test).replace("\\", "")


def filled(test: AppTest, content: bytes | None = None, **changed: Any) -> AppTest:
    if content is not None:
        test.file_uploader(key="campaign.upload").upload("scored.csv", content, "text/csv")
    for name, value in {**TYPED, **changed}.items():
        test.number_input(key=f"campaign.{name}").set_value(value)
    return run(test)


def run(what: Any) -> AppTest:
    """The page, run again, after a widget was set where `what` is one."""
    test: AppTest = what.run()
    assert not test.exception, test.exception
    return test


def pressed(test: AppTest, button: str) -> AppTest:
    return run(test.button(key=f"campaign.{button}").click())


def previewed(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk], language: str = "en") -> AppTest:
    test = filled(visit(monkeypatch, page, fake({}), api[0], language), scored())
    return pressed(test, "look")


def planned(desk: Desk) -> list[str]:
    return [event.who for event in list_events(desk.ledger, "planned a campaign")]


def typed(test: AppTest) -> dict[str, Any]:
    return {name: test.number_input(key=f"campaign.{name}").value for name in TYPED}


# Plan


def test_a_preview_shows_what_is_expected_and_records_nothing(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = previewed(monkeypatch, api)
    fields = {**{name: str(value) for name, value in TYPED.items()}, "acceptance_rate": "0.35", "currency": "EUR", "preview": "true"}
    said = api[0].post("/campaigns", data=fields, files={"file": ("scored.csv", scored())}).json()
    metrics = {metric.label: metric.value for metric in test.metric}
    assert metrics == {
        "Customers to contact": str(said["contacts"]),
        "Expected net value": f"€{said['expected_net_value']['value']:,.0f}",
        "Expected cost": f"€{said['expected_cost']:,.0f}",
        "Control group": str(said["control"]),
        "Chance of proof": f"{said['power']['chance']:.0%}",
        "Expected uplift": f"{said['power']['expected_uplift']:.1%}",
    }
    shown = plain(test)
    low, high = said["expected_net_value"]["low"], said["expected_net_value"]["high"]
    for part in (f"€{low:,.0f} to €{high:,.0f}", "of a budget of €2,000", "nothing of it is recorded", "of 400 in the table"):
        assert part in shown, part
    first, left = test.dataframe[0].value, test.dataframe[1].value
    assert first.iloc[0].tolist()[:2] == [int(said["contact"][0]["rank"]), said["contact"][0]["CLIENTNUM"]]
    counts = left.iloc[:, 1].str.replace(",", "").astype(int)
    assert counts.sum() + said["contacts"] + said["control"] == 400
    assert planned(api[1]) == []
    assert test.get("download_button") == []


def test_a_preview_in_french(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = previewed(monkeypatch, api, "fr")
    metrics = {metric.label: metric.value for metric in test.metric}
    assert metrics["Valeur nette attendue"].endswith("\u00a0€")
    assert metrics["Effet attendu"].endswith("\u00a0%")
    assert "rien n’en est enregistré" in plain(test)
    named(test, "juin")
    assert "La campagne juin est enregistrée" in plain(test)


def named(test: AppTest, name: str) -> AppTest:
    test.text_input(key="campaign.name").set_value(name)
    return pressed(test, "plan")


def test_a_plan_is_recorded_once_and_its_lists_stay(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = named(previewed(monkeypatch, api), "June [1]")
    assert len(planned(api[1])) == 1
    assert "Campaign June [1] is on record" in plain(test)
    assert "June \\[1\\]" in texts(test)
    lists = test.session_state["campaign.planned"][0].lists
    contact, aside = (list(csv.DictReader(io.StringIO(part.decode()))) for part in (lists.contact, lists.keep_aside))
    (kept,) = api[0].get("/campaigns").json()["campaigns"]
    assert (len(contact), len(aside)) == (kept["treated"], kept["control"])
    assert not {row["CLIENTNUM"] for row in contact} & {row["CLIENTNUM"] for row in aside}
    assert lists.curve.startswith(b"contacts,expected_cost,expected_net_value")
    assert [one.label for one in test.get("download_button")] == ["Whom to contact", "Control group: do not contact", "Profit curve"]
    run(test)
    assert len(planned(api[1])) == 1
    assert len(test.get("download_button")) == 3
    pressed(test, "look")
    named(test, "July")
    assert len(test.get("download_button")) == 6
    assert any("are also in the campaign 'June [1]'" in one.value.replace("\\", "") for one in test.warning)


def test_no_cell_of_a_download_is_a_formula(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    content = scored(CLIENTNUM=["=cmd()", *(f"K{number}" for number in range(1, 400))], churn_probability=[1.0, *[0.5] * 399])
    test = pressed(filled(visit(monkeypatch, page, fake({}), api[0]), content, control=0.0), "look")
    assert any("no control group" in one.value for one in test.warning)
    named(test, "june")
    lists = test.session_state["campaign.planned"][0].lists
    assert b"\n'=cmd()," in lists.contact
    assert lists.keep_aside == b""


def test_what_is_changed_after_a_preview_is_previewed_again(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = previewed(monkeypatch, api)
    assert not test.button(key="campaign.plan").disabled
    run(test.number_input(key="campaign.budget").set_value(3000.0))
    assert test.button(key="campaign.plan").disabled
    assert any("preview it again" in one.value for one in test.info)
    assert not pressed(test, "look").button(key="campaign.plan").disabled


def test_a_head_count_is_the_limit(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = filled(visit(monkeypatch, page, fake({}), api[0]), scored())
    run(test.radio(key="campaign.limit.en").set_value("contacts"))
    run(test.number_input(key="campaign.contacts").set_value(20))
    pressed(test, "look")
    assert {metric.label: metric.value for metric in test.metric}["Customers to contact"] == "20"
    assert "of a budget" not in plain(test)


def test_the_value_may_be_a_column(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = filled(visit(monkeypatch, page, fake({}), api[0]), scored())
    run(test.radio(key="campaign.value.kind.en").set_value("customer_value_column"))
    assert [one.value for one in pressed(test, "look").error] == ["A price is missing: Column with the value."]
    run(test.selectbox(key="campaign.value.column").set_value("credit_limit"))
    named(pressed(test, "look"), "june")
    (kept,) = api[0].get("/campaigns").json()["campaigns"]
    assert kept["prices"]["customer_value_column"] == "credit_limit"


def test_another_language_and_another_page_change_nothing(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = filled(visit(monkeypatch, page, fake({}), api[0]), scored())
    run(test.radio(key="campaign.limit.en").set_value("contacts"))
    run(test.radio(key="campaign.value.kind.en").set_value("customer_value_column"))
    test.number_input(key="campaign.contacts").set_value(20)
    run(test.selectbox(key="campaign.value.column").set_value("credit_limit"))
    pressed(test, "look")
    for language in ("fr", "en", "fr"):
        test.session_state["tidegate.language"] = language
        run(test)
        assert test.radio(key=f"campaign.limit.{language}").value == "contacts"
        assert test.radio(key=f"campaign.value.kind.{language}").value == "customer_value_column"
        assert test.selectbox(key="campaign.value.column").value == "credit_limit"
        assert test.number_input(key="campaign.contacts").value == 20
        assert not test.button(key="campaign.plan").disabled


def test_prices_are_those_of_the_spec_where_it_has_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with operated(tmp_path, SHIPPED.read_text() + PRICES) as (client, _):
        test = visit(monkeypatch, page, fake({}), client)
        values = {name: test.number_input(key=f"campaign.{name}").value for name in ("contact_cost", "incentive_cost", "acceptance_rate")}
        assert values == {"contact_cost": 4, "incentive_cost": 40, "acceptance_rate": 50}
        assert test.selectbox(key="campaign.value.column").value == "credit_limit"
        assert "Filled in from the champion's spec (version 1)" in plain(test)
        test.file_uploader(key="campaign.upload").upload("scored.csv", scored(), "text/csv")
        test.number_input(key="campaign.budget").set_value(2000.0)
        pressed(run(test), "look")
        assert test.metric[0].value != "0"


def test_the_file_that_was_scored_in_this_visit_is_there(
    monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk], tmp_path: Path
) -> None:
    place = tmp_path / "made.csv"
    place.write_bytes(scored())
    test = visit(monkeypatch, page, fake({}), api[0])
    test.session_state["tidegate.scored"] = {"name": "bank_a*b.csv", "path": str(place), "rows": 400, "at": AT, "model_version": "1"}
    run(test)
    assert "400 rows, scored in this visit by version 1, 24 Nov 2026, 13:00 UTC" in test.radio(key="campaign.source.en").options[0].replace(
        "\\", ""
    )
    assert pressed(filled(test), "look").metric[0].label == "Customers to contact"
    place.unlink()
    assert [one.value for one in pressed(test, "look").error] == ["The scored table is no longer there: score it again, or upload it."]
    run(test.radio(key="campaign.source.en").set_value(True))
    assert [one.value for one in pressed(test, "look").error] == ["Choose a scored table."]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"budget": 0.0}, "The budget must be above 0."),
        ({"budget": -5.0}, "The budget must be above 0."),
        ({"budget": None}, "Say how much may be spent."),
        ({"contact_cost": None, "acceptance_rate": None}, "A price is missing: Cost of a contact, Acceptance rate (%)."),
        ({"contact_cost": -1.0}, "Cost of a contact: it must be 0 or more."),
        ({"customer_value": 0.0}, "Value of a customer: it must be above 0."),
        ({"acceptance_rate": 120.0}, "The acceptance rate must be above 0% and at most 100%."),
        ({"budget": 5.0}, "Refused: The budget does not cover a single contact: give at least 44.00 EUR."),
        ({"customer_value": 1.0}, "Refused: At these prices no contact pays for any customer left: check the prices."),
    ],
)
def test_what_cannot_be_planned_is_one_sentence_and_what_was_typed_stays(
    monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk], changed: dict[str, Any], said: str
) -> None:
    test = pressed(filled(visit(monkeypatch, page, fake({}), api[0]), scored(), **changed), "look")
    assert [one.value.replace("\\", "") for one in test.error] == [said]
    assert typed(test) == {**TYPED, **changed}
    assert test.metric == []
    assert planned(api[1]) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"churn_probability": None}, "scored.csv is not scored: it lacks the column churn_probability."),
        ({"CLIENTNUM": ["K1"] * 400}, "scored.csv: 399 rows repeat an id, row 2 the first. Give one row a customer."),
        ({"churn_probability": [1.5] * 400}, "scored.csv: churn_probability of row 1 cannot be used. Correct it, or leave the row out."),
    ],
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_table_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk], changed: dict[str, Any], said: str, language: str
) -> None:
    columns = {name: cells for name, cells in {**table(), **changed}.items() if cells is not None}
    written = io.StringIO()
    csv.writer(written).writerows([list(columns), *zip(*columns.values(), strict=True)])
    test = filled(visit(monkeypatch, page, fake({}), api[0], language), written.getvalue().encode())
    (error,) = pressed(test, "look").error
    assert (error.value.replace("\\", "") == f"Refused: {said}") == (language == "en")
    assert ("Refusé" in error.value and "Give" not in error.value and "row" not in error.value) == (language == "fr")
    assert typed(test) == TYPED


def test_no_table_and_no_name(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = filled(visit(monkeypatch, page, fake({}), api[0]))
    assert [one.value for one in pressed(test, "look").error] == ["Choose a scored table."]
    test = previewed(monkeypatch, api)
    assert [one.value for one in pressed(test, "plan").error] == ["Give the campaign a name."]
    assert planned(api[1]) == []


def test_a_name_is_used_once(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    fields = {**{name: str(value) for name, value in TYPED.items()}, "acceptance_rate": "0.35", "name": "june"}
    assert api[0].post("/campaigns", data=fields, files={"file": ("scored.csv", scored())}).status_code == 200
    test = named(previewed(monkeypatch, api), "june")
    assert [one.value.replace("\\", "") for one in test.error] == [
        "Refused: There is a campaign 'june' already: give this one another name."
    ]
    assert (test.text_input(key="campaign.name").value, typed(test)) == ("june", TYPED)
    assert len(planned(api[1])) == 1
    assert test.get("download_button") == []
    assert "is on record" in plain(named(test, "july"))


def test_where_the_api_goes_away_what_was_typed_stays(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = previewed(monkeypatch, api)
    monkeypatch.setattr(session, "_connected", lambda _: away())
    pressed(test, "look")
    assert any("The operate API does not answer." in one.value for one in test.error)
    assert typed(test) == TYPED
    assert test.metric[0].label == "Customers to contact"


def test_a_spec_without_an_id_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, fake({}), fake({"/prices": {**NEEDS, "id": None}}))
    assert [one.value for one in test.warning] == [
        "The champion's spec names no id, so nobody could be told apart: no campaign can be planned."
    ]
    assert list(test.button) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((503, "This home has no champion yet. Train one."), "Refused: This home has no champion yet. Train one."),
        ((403, "It needs the role operate."), "Your key may not do this: It needs the role operate."),
        ((401, "This route needs an API key."), "An API key is needed: give it at the side."),
    ],
)
def test_no_champion_no_rights_no_key(monkeypatch: pytest.MonkeyPatch, answer: tuple[int, str], said: str) -> None:
    test = visit(monkeypatch, page, fake({}), fake({"/prices": answer}))
    assert [one.value for one in [*test.error, *test.warning]] == [said]


# What it brought


def brought(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any] | httpx.Client, language: str = "en") -> AppTest:
    operate = fake({"/prices": NEEDS, **answers}) if isinstance(answers, dict) else answers
    test = visit(monkeypatch, page, fake({}), operate, language)
    test.session_state["campaign.tab"] = 1
    return run(test)


def proof(**changed: Any) -> dict[str, Any]:
    return {"/campaigns": {"campaigns": [PAST]}, "/campaigns/june": {**copy.deepcopy(PROOF), **changed}}


def test_without_a_campaign_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    test = brought(monkeypatch, {"/campaigns": {"campaigns": []}})
    assert [one.value for one in test.info] == ["No campaign was planned yet. Plan one in the tab Plan, or with tidegate campaign plan."]


def test_a_proved_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    test = brought(monkeypatch, proof())
    metrics = {metric.label: metric.value for metric in test.metric}
    assert metrics == {"Uplift": "30.0%", "Customers retained": "27", "Value kept": "€24,300", "Costs": "€800", "Net": "€23,500"}
    said = plain(test)
    for part in ("**Proved.** It helped: of 100 customers to be contacted, 30.0 stayed", "10.0% to 50.0%", "€7,300 to €39,700"):
        assert part in said, part
    assert "by ada (operate API): expected net value €1,000 (-€500 to €2,500), expected cost €400." in said
    assert test.dataframe[0].value.iloc[0].tolist() == ["june", "24 Nov 2026, 13:00 UTC", "90", "10", "€1,000"]
    assert test.dataframe[1].value.iloc[:, 4].tolist() == ["60.0%", "30.0%"]


def test_a_proved_campaign_in_french(monkeypatch: pytest.MonkeyPatch) -> None:
    test = brought(monkeypatch, proof(warnings=["No control group was kept aside: nothing can be proved."]), "fr")
    assert {metric.label: metric.value for metric in test.metric}["Net"] == "23\u202f500\u00a0€"
    assert "Prouvé." in plain(test)
    assert [one.value.replace("\\", "") for one in test.warning] == [
        "Aucun groupe témoin n’a été mis de côté\u00a0: rien ne peut être prouvé."
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"verdict": "harmful"}, "**Harmful.** More left of those"),
        ({"verdict": "not enough evidence yet", "more_outcomes_needed": 1234}, "**Not enough evidence yet.** About 1,234 more outcomes"),
        ({"verdict": "not enough evidence yet"}, "An effect as large as planned would have shown by now"),
        ({"verdict": "not enough evidence yet", "uplift": None}, "Outcomes of both arms are needed to tell."),
        ({"verdict": "not enough evidence yet", "uplift": None, "control": {**SILENT, "planned": 0}}, "Without a control group nobody"),
    ],
)
def test_each_verdict_in_plain_words(monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], said: str) -> None:
    assert said in plain(brought(monkeypatch, proof(**changed)))


def test_what_is_not_known_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = dict.fromkeys(("uplift", "retained", "saved_value", "net_money", "costs"))
    silent = {"verdict": "not enough evidence yet", "treated": SILENT, "control": SILENT, "more_outcomes_needed": 70, **nothing}
    test = brought(monkeypatch, proof(**silent))
    assert list(test.metric) == []
    assert test.get("plotly_chart") == []
    assert test.dataframe[1].value.iloc[:, 4].tolist() == ["–", "–"]


def test_a_campaign_with_slashes_in_its_name_is_asked_for_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return httpx.Response(200, json={"campaigns": [{**PAST, "name": "../a b"}]} if request.url.path == "/campaigns" else PROOF)

    operate = httpx.Client(transport=httpx.MockTransport(lambda request: handle(request)), base_url="http://api")
    monkeypatch.setattr("tidegate.ui.client.campaigns.needs", lambda _: None)
    brought(monkeypatch, operate)
    assert asked[-1] == b"/campaigns/%2E%2E%2Fa%20b"


def test_the_list_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    test = brought(monkeypatch, {"/campaigns": (503, "The ledger does not answer.")})
    assert [one.value for one in test.error] == ["Refused: The ledger does not answer."]
    test = brought(monkeypatch, {**proof(), "/campaigns/june": (503, "The ledger does not answer.")})
    assert [one.value.replace("\\", "") for one in test.error] == ["Refused: The ledger does not answer."]
    assert test.dataframe[0].value.iloc[0, 0] == "june"


def test_outcomes_are_handed_in_and_count(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = named(previewed(monkeypatch, api), "june")
    lists = test.session_state["campaign.planned"][0].lists
    ids = [row["CLIENTNUM"] for part in (lists.contact, lists.keep_aside) for row in csv.DictReader(io.StringIO(part.decode()))]
    test.session_state["campaign.tab"], test.session_state["campaign.tab.en"] = 1, "What it brought"
    assert "Not enough evidence yet." in plain(run(test))
    assert test.button(key="campaign.record").disabled
    content = "CLIENTNUM,outcome\n" + "".join(f"{one},1\n" for one in ids) + "stranger,1\n"
    test.file_uploader(key="campaign.outcomes").upload("left.csv", content.encode(), "text/csv")
    pressed(run(test), "record")
    said = plain(test)
    assert f"{len(ids)} outcomes recorded from {len(ids) + 1} rows of left.csv" in said
    assert "1 rows were refused, 1 of them of customers whom the ledger does not know." in said
    assert test.dataframe[1].value.iloc[:, 4].tolist() == ["100.0%", "100.0%"]


def test_outcomes_that_cannot_be_used_are_one_sentence(monkeypatch: pytest.MonkeyPatch, api: tuple[TestClient, Desk]) -> None:
    test = named(previewed(monkeypatch, api), "june")
    test.session_state["campaign.tab"], test.session_state["campaign.tab.en"] = 1, "What it brought"
    run(test).file_uploader(key="campaign.outcomes").upload("left.csv", b"CLIENTNUM,outcome\nA,1\n", "text/csv")
    pressed(run(test), "record")
    assert [one.value.replace("\\", "") for one in test.error] == [
        "Refused: The ledger knows none of the customers in this file: check the column of the id."
    ]
    assert list_events(api[1].ledger, "recorded outcomes") == []


# Pictures


def test_the_curve_marks_the_optimum_and_the_chosen_size_on_itself() -> None:
    figure = charts.profit_curve([0, 10, 20], [0.0, 100.0, 50.0], (10, 100.0, "best"), (15, "chosen"), ("x", "y"), "fr")
    line, best, chosen = figure.data
    assert (list(best.x), list(best.y), best.name) == ([10], [100.0], "best")
    assert (list(chosen.x), list(chosen.y), chosen.name) == ([15], [75.0], "chosen")
    assert best.marker.symbol != chosen.marker.symbol
    assert (line.name, figure.layout.separators) == ("y", ",\u202f")


def test_each_arm_has_its_interval() -> None:
    figure = charts.arms(["control", "treated"], [(0.6, 0.4, 0.9), (0.3, 0.2, 0.35)], ["60%", "30%"], "rate", "en")
    control, treated = figure.data
    assert (control.x[0], treated.x[0]) == pytest.approx((60, 30))
    assert (control.error_x.arrayminus[0], control.error_x.array[0]) == pytest.approx((20, 30))
    assert control.marker.symbol != treated.marker.symbol
