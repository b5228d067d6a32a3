"""The monitoring page in each of its states: nothing yet, drifted, a damaged run, alerts, an API down, no rights, French."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from tidegate.home import Home, open_home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.monitoring.alerts.conditions import DRIFT, Alert, Look
from tidegate.monitoring.alerts.flow import tell
from tidegate.monitoring.alerts.state import Policy, raise_alerts
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import Jobs
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings
from unit.operations.desk.runs import NOW, write_run
from unit.ui.monitoring_answers import EMPTY, FLOORS, QUIET, column, page, with_
from unit.ui.visits import away, fake, texts, visit

CHANNELS = SecretStr("json://127.0.0.1:9/token-1 json://127.0.0.1:9/token-2")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


@pytest.fixture
def operate(home: Home, tmp_path: Path) -> Iterator[TestClient]:
    """The real API over a home with three runs, one of them damaged, one drifted, and an alert that one of two channels took."""
    write_run(home, "june", columns=[column("age", 0.02, False), column("visits", 0.01, False)], limits={"floors": FLOORS}, health="PASS")
    write_run(
        home, "july", at=NOW.isoformat(), health="FAIL", column_drift="FAIL", drifted_features=["age"],
        rules={"age: limit": 200, "visits: missing": 13},
        columns=[column("age", 0.25, True), column("visits", 0.01, False)], limits={"floors": FLOORS},
        warnings=["7.1% of the rows broke the contract and were quarantined.", "A sentence with <b>markup</b> of a later version."],
    )  # fmt: skip
    area = {"value": 0.9, "low": 0.875, "high": 0.925}
    timeline = {
        "holdout": 0.95,
        "batches": [
            {"batch": "june", "seen_at": NOW.isoformat(), "state": "realised", "estimated": {**area, "trusted": False}, "realised": area},
            {"batch": "july", "seen_at": NOW.isoformat(), "state": "maturing", "estimated": {**area, "trusted": True}, "realised": None},
        ],
    }
    (home.reports / "july" / "performance_timeline.json").write_text(json.dumps(timeline))
    (home.reports / "damaged").mkdir()
    (home.reports / "damaged" / "drift_tests.json").write_text("{")
    ledger = open_ledger(sqlite_url(home.ledger))
    settings = Settings(home=home.root, alert_channels=CHANNELS)
    taking = iter((True, False))
    drifted = Alert(DRIFT, DRIFT, "warning", "5 features have drifted", "Batch july: age.", 5, 3, "https://desk.bank/july", "docs/drift.md")
    tell(home, ledger, settings, Look((drifted,), judged=frozenset({DRIFT})), NOW, lambda *_: next(taking))
    yield TestClient(create_operate_app(Desk(home, settings, ledger, Jobs(), Metrics(), tmp_path)), raise_server_exceptions=False)
    close_ledger(ledger)


def drawn(test: AppTest) -> dict[str, Any]:
    """The pictures' specifications by the end of their keys."""
    return {chart.proto.id.rsplit("monitoring.", 1)[-1]: json.loads(chart.proto.spec) for chart in test.get("plotly_chart")}


def table(test: AppTest, place: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = test.dataframe[place].value.to_dict("records")
    return rows


def test_nothing_yet_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    said = texts(visit(monkeypatch, page, away(), fake(EMPTY)))
    for part in (
        "No batch was monitored yet",
        "Nothing to compare over time yet",
        "No alert is open.",
        "TIDEGATE_ALERT_CHANNELS",
        "Nothing was sent",
    ):
        assert part in said, part


def test_without_a_champion_nothing_can_be_monitored(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, away(), fake(with_(models={"champion": None, "models": []})))
    assert "There is no champion yet" in texts(test)
    assert not test.radio


def test_batches_are_listed_newest_first_with_sign_and_word(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = visit(monkeypatch, page, away(), operate)
    rows = table(test, 0)
    assert [row["Batch"] for row in rows] == ["july", "june", "damaged"]
    assert [row["Health"] for row in rows] == ["✕ FAIL", "✓ PASS", "? DAMAGED"]
    assert rows[0]["Columns"] == "✕ FAIL, 1"
    assert rows[0]["Rows"] == "3,000 · 7.1%"
    assert rows[0]["ROC-AUC"] == "0.930 · 0.920"
    assert rows[0]["When (UTC)"] == "23 Nov 2026, 12:00"


def test_one_batch_in_sentences_and_by_column(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = visit(monkeypatch, page, away(), operate)
    said = texts(test)
    for part in (
        "Columns\u00a0:red-badge[✕ FAIL]",
        "3,000 rows came, 213 of them (7.1%) went into quarantine.",
        "most often for age\\: limit (200), visits\\: missing (13).",
        "1 of 2 features drifted: age.",
        "is not to be trusted. broken",
        "7\\.1% of the rows broke the contract",
        "A sentence with \\<b\\>markup",
        "Estimated: 0.930",
        "0.910 to 0.940",
        "Realised: 0.920",
        "Holdout: 0.950",
    ):
        assert part in said, part
    (age, visits) = table(test, 1)
    assert (age["Column"], age["Drifted?"], age["Measure"], age["Effect"], age["Limit"], age["p, adjusted"]) == (
        "age", "✕ drifted", "PSI", "0.250", "0.100", "1e-19",
    )  # fmt: skip
    assert (visits["Drifted?"], visits["p"], visits["Influence"], visits["Test"]) == ("✓ no", "0.500", "0.0125", "Kolmogorov–Smirnov")
    test.selectbox[0].select("june").run()
    assert "3,000 rows came" in texts(test)
    assert "✓ PASS" in texts(test)


def test_a_damaged_run_says_so_and_the_others_are_there(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = visit(monkeypatch, page, away(), operate)
    test.selectbox[0].select("damaged").run()
    assert not test.exception
    said = [one.value for one in test.warning]
    assert "The file of this run is damaged: remove its folder from the reports, or monitor the batch again." in said
    assert "Left empty, because their files are damaged: damaged." in said
    assert len(table(test, 0)) == 3


def test_what_moved_when(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = visit(monkeypatch, page, away(), operate)
    charts = drawn(test)
    shades, written = charts["heat"]["data"]
    assert shades["y"] == ["age", "visits"]
    assert shades["z"][0] == [None, pytest.approx(0.2), pytest.approx(2.5)]
    assert written["text"] == ["?", "0.2", "2.5 ✕", "?", "0.1", "0.1"]
    assert charts["heat"]["layout"]["xaxis"]["ticktext"] == ["damaged", "june", "july"]
    lines = charts["lines"]["data"]
    assert [(line["name"], line["marker"]["symbol"][-1]) for line in lines] == [("age", "circle"), ("visits", "square-open")]
    assert len({line["line"]["dash"] for line in lines}) == 2
    assert "PSI 0.250, limit 0.100" in lines[0]["text"][2]
    test.multiselect[0].set_value(["visits"]).run()
    assert [line["name"] for line in drawn(test)["lines"]["data"]] == ["visits"]


def test_no_name_is_markup(monkeypatch: pytest.MonkeyPatch, home: Home, operate: TestClient) -> None:
    attack = "<a href='https:..evil'>**x**"
    write_run(home, attack, columns=[column(attack, 0.9, True)], limits={"floors": FLOORS}, drifted_features=[attack], warnings=[attack])
    test = visit(monkeypatch, page, away(), operate)
    test.selectbox[0].select(attack).run()
    assert attack not in texts(test)
    assert all(attack not in json.dumps(picture, ensure_ascii=False) for picture in drawn(test).values())
    assert "&lt;a href" in json.dumps(drawn(test)["heat"])


def test_roc_auc_over_batches_with_intervals_and_levels(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = visit(monkeypatch, page, away(), operate)
    picture = drawn(test)["performance"]
    estimated, realised = picture["data"]
    assert estimated["marker"]["symbol"] == ["circle-open", "circle"]
    assert realised["y"] == [0.9]
    assert realised["error_y"]["array"] == [pytest.approx(0.025)]
    levels = [one["text"] for one in picture["layout"]["annotations"]]
    assert levels == ["holdout 0.950", "alarm below 0.902"]
    assert [shape["y0"] for shape in picture["layout"]["shapes"]] == [0.95, pytest.approx(0.9025)]
    assert "Labels have not matured yet: july." in texts(test)


def test_an_alert_says_from_when_its_figure_is(monkeypatch: pytest.MonkeyPatch, operate: TestClient, home: Home) -> None:
    ledger = open_ledger(sqlite_url(home.ledger))
    worse = Alert(DRIFT, DRIFT, "warning", "7 features have drifted", "Batch august: age.", 7, 3, "", "")
    raise_alerts(ledger, Look((worse,), judged=frozenset({DRIFT})), NOW + timedelta(hours=25), Policy())
    close_ledger(ledger)
    (alert,) = [one.value for one in visit(monkeypatch, page, away(), operate).warning if "have drifted" in one.value]
    assert "Since 23 Nov 2026, 12:00 UTC. It was 7 on 24 Nov 2026, 13:00 UTC, the limit is 3." in alert


def test_alerts_with_their_state(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = visit(monkeypatch, page, away(), operate)
    (alert,) = [one.value for one in test.warning if "have drifted" in one.value]
    for part in (
        "**5 features have drifted** · warning",
        "Since 23 Nov 2026, 12:00 UTC. It was 5 on 23 Nov 2026, 12:00 UTC, the limit is 3.",
        "[Report](https://desk.bank/july)",
    ):
        assert part in alert, part
    assert "What to do: docs/drift\\.md" in alert
    owed, sent = table(test, 2), table(test, 3)
    assert [row["Message"] for row in owed] == ["5 features have drifted"]
    assert sorted(row["Arrived?"] for row in sent) == ["✓ arrived", "✕ did not arrive"]
    assert "token" not in texts(test) + str(owed) + str(sent)


def test_a_test_message_says_which_channel_took_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = with_(alerts={**QUIET, "channels": ["json-1", "mail-2"]})
    test = visit(monkeypatch, page, away(), fake({**answers, "/alerts/test": {"arrived": {"json-1": True, "mail-2": False}}}))
    assert "Configured: json\\-1, mail\\-2." in texts(test)
    test.button(key="monitoring.test").click().run()
    assert "json\\-1 took it." in [one.value for one in test.success]
    assert "mail\\-2 did not take it: check its address and its secret." in [one.value for one in test.error]
    refused = visit(monkeypatch, page, away(), fake({**answers, "/alerts/test": (409, "A test message is being sent.")}))
    refused.button(key="monitoring.test").click().run()
    assert [one.value for one in refused.error] == ["Refused: A test message is being sent."]


def test_a_report_is_fetched_when_asked_for_and_framed_apart(monkeypatch: pytest.MonkeyPatch, operate: TestClient, home: Home) -> None:
    attack = '"></iframe><script>document.title="owned"</script>'
    (home.reports / "july" / "monitoring_report.html").write_text(f"<html>{attack}")
    test = visit(monkeypatch, page, away(), operate)
    assert not test.get("iframe")
    test.button_group(key="monitoring.report.july").set_value("drift").run()
    assert not test.exception
    (frame,) = test.get("iframe")
    document = frame.proto.srcdoc
    assert document.index("Content-Security-Policy") < document.index("<iframe")
    assert 'sandbox="allow-scripts"' in document
    assert "allow-same-origin" not in document
    assert attack not in document
    assert "&lt;/iframe&gt;" in document
    (home.reports / "july" / "monitoring_report.html").unlink()
    test.run()
    # What is drawn is what the list says is there.
    assert not test.get("iframe")
    assert "No page was drawn of this batch" in texts(test)


def test_a_report_that_goes_away_in_the_middle_is_one_sentence(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = visit(monkeypatch, page, away(), operate)
    monkeypatch.setattr("tidegate.operations.desk.monitoring.drawn_page", gone)
    test.button_group(key="monitoring.report.july").set_value("drift").run()
    assert [one.value for one in test.error] == ["Refused: There is no such page of this batch. It was removed."]


def gone(*_: Any) -> bytes:
    from tidegate.errors import NotFound

    raise NotFound("There is no such page of this batch.", "It was removed.")


def test_an_api_that_goes_down_is_one_sentence_and_costs_nothing(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    from tidegate.ui import session

    test = visit(monkeypatch, page, away(), operate)
    test.multiselect[0].set_value(["visits"]).run()
    monkeypatch.setattr(session, "_connected", lambda _: away())
    test.run()
    assert [one.value for one in test.error] == [
        "The operate API does not answer. Start it, or wait a moment and try again; what you typed stays."
    ]
    assert "1 of 2 features drifted: age." in texts(test)
    assert [line["name"] for line in drawn(test)["lines"]["data"]] == ["visits"]
    assert len(table(test, 0)) == 3


def test_a_part_that_fails_does_not_take_the_others_along(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, away(), fake(with_(alerts=(503, "The ledger does not answer."))))
    assert [one.value for one in test.error] == ["Refused: The ledger does not answer."]
    assert "No batch was monitored yet" in texts(test)
    assert "No alert is open" not in texts(test)


def test_who_has_no_rights_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, away(), fake(with_(monitoring=(403, "It needs the role operate."))))
    assert [one.value for one in test.warning] == ["Your key may not do this: It needs the role operate."]
    asked = visit(monkeypatch, page, away(), fake(with_(monitoring=(401, "This route needs an API key."))))
    assert asked.sidebar.text_input


def test_in_french(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = visit(monkeypatch, page, away(), operate, "fr")
    rows = table(test, 0)
    assert (rows[0]["État"], rows[2]["État"]) == ("✕ ALARME", "? ILLISIBLE")
    said = texts(test)
    for part in (
        "Surveillance",
        "Variables qui ont dérivé\u00a0: 1 sur 2 (age).",
        "dont 213 (7,1\u00a0%) mises en quarantaine",
        "7,1\u00a0% des lignes ont enfreint le contrat",
        "**5 variables ont dérivé** · avertissement",
        "de 0,910 à 0,940",
    ):
        assert part in said, part
    assert drawn(test)["performance"]["layout"]["separators"] == ",\u202f"
