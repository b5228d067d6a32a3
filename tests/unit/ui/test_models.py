"""The page Models over a real operate API: what each section shows, in each state, in both languages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from second_versions import plant_copy
from tidegate.home import Home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import Jobs
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings
from unit.ui.visits import away, fake, texts, visit

NO_VERSIONS: dict[str, Any] = {
    "/models": {"champion": None, "models": [], "earlier_versions": []},
    "/renewals": {"renewals": [], "jobs": []},
    "/history": {"champion": None, "events": [], "champions": [], "warnings": []},
    "/train": {"trainings": []},
}
EVERY = ("versions", "curves", "groups", "card", "champions", "decisions", "work")


def page() -> None:
    from tidegate.ui import session
    from tidegate.ui.pages import models

    session.show_key()
    models.show()


@pytest.fixture
def desk(own_home: Home, tmp_path: Path) -> Iterator[Desk]:
    ledger = open_ledger(sqlite_url(own_home.ledger))
    yield Desk(own_home, Settings(home=own_home.root), ledger, Jobs(), Metrics(), tmp_path)
    close_ledger(ledger)


@pytest.fixture
def operate(desk: Desk) -> TestClient:
    return TestClient(create_operate_app(desk), raise_server_exceptions=False)


def at(test: AppTest, section: str) -> AppTest:
    """The same visit, at another section."""
    test.session_state["models.section"] = section
    test.run()
    assert not test.exception, test.exception
    return test


def cells(test: AppTest) -> str:
    """Everything that stands in the page's tables, and its plain lines."""
    tables = [str(one.value.columns.tolist()) + str(one.value.values.tolist()) for one in test.dataframe]
    return "\n".join([*tables, *(one.value for one in test.text), texts(test)])


def figures(test: AppTest) -> dict[str, Any]:
    """The page's figures by key, as they are drawn."""
    return {one.proto.id.rsplit("-", 1)[-1]: json.loads(one.proto.spec) for one in test.get("plotly_chart")}


def test_one_version(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = visit(monkeypatch, page, away(), operate)
    said, model = cells(test), operate.get("/models").json()["models"][0]
    found = model["intervals"]["pr_auc"]
    for part in (
        "Version 1 is champion since",
        "★ champion",
        f"{found['value']:.3f} ({found['low']:.3f}–{found['high']:.3f})",
        f"{model['threshold']:.3f}",
        "Why it won",
        operate.get("/models/1").json()["card"]["model"]["why"],
        "lightgbm ★",
        "logistic regression",
    ):
        assert part in said, part
    drawn = figures(test)
    names = {"models.compare.high", "models.compare.low", "models.candidates.chart"}
    assert names <= set(drawn)
    (series,) = drawn["models.compare.high"]["data"]
    place = series["customdata"].index("PR-AUC")
    assert series["x"][place] == found["value"]
    assert series["error_x"]["array"][place] == pytest.approx(found["high"] - found["value"])
    assert series["error_x"]["arrayminus"][place] == pytest.approx(found["value"] - found["low"])


def test_two_versions_are_compared(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    plant_copy(desk.home, desk.ledger, "2")
    test = visit(monkeypatch, page, away(), operate)
    assert test.multiselect[0].value == ["1", "2"]
    assert [one["name"] for one in figures(test)["models.compare.high"]["data"]] == ["Version 1 (champion)", "Version 2"]
    assert "Both were measured on the same table" in texts(test)
    test.multiselect[0].set_value(["2"]).run()
    assert [one["name"] for one in figures(test)["models.compare.high"]["data"]] == ["Version 2"]
    test.multiselect[0].set_value([]).run()
    assert "Choose a version above" in texts(test)


def test_curves_are_those_of_the_evaluation(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = at(visit(monkeypatch, page, away(), operate), "curves")
    told, drawn = operate.get("/models/1/evaluation").json(), figures(test)
    names = {"roc", "pr", "calibration", "gain", "lift", "thresholds", "learning"}
    assert {name.rsplit(".", 1)[-1] for name in drawn} == names
    chance, line, mark = drawn["models.curves.roc"]["data"]
    assert chance["name"] == "chance"
    assert line["y"] == [100 * value for value in told["curve"]["recall"]]
    assert mark["y"] == [100 * told["decisions"]["recall"]]
    whiskers = drawn["models.curves.calibration"]["data"][1]["error_y"]["array"]
    highs, lefts = told["calibration"]["share_left_high"], told["calibration"]["share_left"]
    assert whiskers == pytest.approx([100 * (high - left) for high, left in zip(highs, lefts, strict=True)])
    assert f"{told['decisions']['left_flagged']}" in cells(test)
    assert "No prices" in texts(test)


def test_another_model_beside_the_one_that_serves(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = at(visit(monkeypatch, page, away(), operate), "curves")
    picked = next(one for one in test.multiselect if one.key == "models.curves.of")
    picked.set_value([("1", "lightgbm"), ("1", "logistic_regression")]).run()
    assert not test.exception, test.exception
    lines = [one for one in figures(test)["models.curves.roc"]["data"] if one["mode"] == "lines"]
    assert [one["name"] for one in lines] == ["chance", "1 · lightgbm ★", "1 · logistic regression"]
    assert len({one["line"]["dash"] for one in lines[1:]}) == len({one["line"]["color"] for one in lines[1:]}) == 2


def test_a_version_trained_elsewhere_has_no_curves_and_says_so(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    shutil.rmtree(desk.home.evaluations / "1")
    test = at(visit(monkeypatch, page, away(), operate), "curves")
    assert "No curves of version 1: This home has no evaluation of version 1." in texts(test)
    assert not test.error
    assert "lightgbm ★" in cells(at(test, "versions"))


def test_a_damaged_evaluation_is_one_sentence(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    (desk.home.evaluations / "1/lightgbm/curves.csv").write_text("x\n1\n")
    test = at(visit(monkeypatch, page, away(), operate), "curves")
    assert [one.value.split(". ")[0] for one in test.error] == ["Refused: The evaluation of version 1 is damaged"]


def test_groups(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = at(visit(monkeypatch, page, away(), operate), "groups")
    groups = operate.get("/models/1").json()["card"]["segments"]["groups"]
    column = groups[0]["column"]
    mine = [group for group in groups if group["column"] == column]
    drawn = figures(test)["models.groups.recall"]["data"][0]
    assert drawn["x"] == [100 * group["recall"]["value"] for group in mine if group.get("recall")]
    assert "–" in cells(test)
    other = next(group["column"] for group in groups if group["column"] != column)
    next(one for one in test.selectbox if one.key == "models.groups.column").set_value(other).run()
    assert next(group["group"] for group in groups if group["column"] == other) in cells(test)


def test_the_card_is_readable_and_can_be_kept(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = at(visit(monkeypatch, page, away(), operate), "card")
    said, card = cells(test).replace("\\", ""), operate.get("/models/1").json()["card"]
    parts = [*card["use"]["intended"], *card["use"]["out_of_scope"], *card["limits"], *(one["sentence"] for one in card["findings"])]
    for part in (*parts, card["data"]["sha256"], card["again"]["identical"][0], "Honesty checks", "What moves it"):
        assert part in said, part
    assert test.code[0].value == card["again"]["command"]
    assert figures(test)["models.card.drivers"]["data"][0]["x"] == [one["mean_absolute"] for one in card["drivers"]["columns"]][:20]
    (button,) = test.get("download_button")
    assert button.proto.label == "Keep the card as a page"


def test_history_says_who_and_why(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = at(visit(monkeypatch, page, away(), operate), "champions")
    event = operate.get("/history").json()["events"][0]
    for part in ("★ 1", "promoted", event["who"], event["reason"], "today"):
        assert part in cells(test), part
    assert "models.history.reigns" in figures(test)


def test_a_damaged_version_is_said_and_the_page_stands(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    plant_copy(desk.home, desk.ledger, "2")
    with (desk.home.storage / "bundles/2/card.html").open("ab") as file:
        file.write(b"<script>")
    test = visit(monkeypatch, page, away(), operate)
    assert "✗ damaged" in cells(test)
    assert "Version 2 is damaged and cannot serve" in texts(test)
    assert test.multiselect[0].options == ["1 · lightgbm · champion"]
    assert "no other sound version" in texts(at(test, "decisions"))


@pytest.mark.parametrize("section", EVERY)
def test_without_any_version_each_section_says_what_to_do(monkeypatch: pytest.MonkeyPatch, section: str) -> None:
    test = at(visit(monkeypatch, page, away(), fake(NO_VERSIONS)), section)
    said = texts(test)
    assert "tidegate train" in said or "Start a renewal" in said or "None" in said or "No version was champion yet." in said
    assert not test.error


@pytest.mark.parametrize("section", EVERY)
def test_in_french(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk, section: str) -> None:
    plant_copy(desk.home, desk.ledger, "2")
    test = at(visit(monkeypatch, page, away(), operate, "fr"), section)
    said = texts(test)
    assert "Modèles" in said
    assert "La version 1 est championne" in said
    for word in ("Choose", "Version to promote", "At work", "Trained with", "Flagged"):
        assert word not in said + cells(test), word
    layouts = [one["layout"] for one in figures(test).values()]
    assert all(layout["separators"] == ",\u202f" for layout in layouts)


@pytest.mark.parametrize("section", EVERY)
def test_the_api_goes_away_and_what_was_known_stays(monkeypatch: pytest.MonkeyPatch, operate: TestClient, section: str) -> None:
    from tidegate.ui import session

    test = at(visit(monkeypatch, page, away(), operate), section)
    before = texts(test)
    monkeypatch.setattr(session, "_connected", lambda url: away())
    test.run()
    assert not test.exception, test.exception
    assert [one.value for one in test.error] == [
        "The operate API does not answer. Start it, or wait a moment and try again; what you typed stays."
    ]
    assert set(before.splitlines()) <= set(texts(test).splitlines())


def test_away_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, away(), away())
    assert len(test.error) == 1
    assert not test.dataframe


@pytest.mark.parametrize(
    ("status", "said"), [(401, "An API key is needed: give it at the side."), (403, "Your key may not do this: Role operate.")]
)
def test_no_key_or_one_of_another_role(monkeypatch: pytest.MonkeyPatch, status: int, said: str) -> None:
    detail = said.removeprefix("Your key may not do this: ")
    test = visit(monkeypatch, page, away(), fake({"/models": (status, detail)}))
    assert [one.value for one in test.warning] == [said]
    assert len(test.sidebar.text_input) == (status == 401)
