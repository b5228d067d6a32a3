"""What a person does on the page Models: a reason, a sentence, a yes; and what becomes of it when somebody else was faster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from second_versions import plant_copy
from tidegate.access.file import keys_file, write_keys
from tidegate.access.keyring import Keyring
from tidegate.access.keys import make_key
from tidegate.home import Home
from tidegate.ledger.events import list_events
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.operations import renew as renewing
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import Job, Jobs
from tidegate.registry.appoint import present_champion, required_digest
from tidegate.registry.promote import Gate
from tidegate.renewal.trail import Decided, record_decision, record_start
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings
from tidegate.storage.objects import open_storage
from tidegate.ui import session
from tidegate.ui.pages.models import gates
from tidegate.ui.words import french
from unit.ui.visits import away, fake, texts, visit

NOW = datetime(2026, 11, 23, tzinfo=UTC)
GATES = (Gate("audit_positives", 0, 25, False), Gate("holdout_pr_auc_gain_waived", -0.5, -0.02, True), Gate("parity", 2e-7, 1e-6, True))


def page() -> None:
    from tidegate.ui import session
    from tidegate.ui.pages import models

    session.show_key()
    models.show()


@pytest.fixture
def desk(own_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Versions 1 (champion), 2 and 3; the registry is left alone, because its client costs seconds."""
    monkeypatch.setattr("tidegate.operations.champion.told_registry", lambda *given: "")
    monkeypatch.setattr(renewing, "tell", lambda *given: None)
    ledger = open_ledger(sqlite_url(own_home.ledger))
    made = Desk(own_home, Settings(home=own_home.root), ledger, Jobs(), Metrics(), tmp_path)
    for version in ("2", "3"):
        plant_copy(own_home, ledger, version)
    yield made
    close_ledger(ledger)


@pytest.fixture
def operate(desk: Desk) -> TestClient:
    return TestClient(create_operate_app(desk), raise_server_exceptions=False)


def hold(desk: Desk, challenger: str) -> int:
    """A renewal that waits for a person."""
    champion = present_champion(open_storage(desk.home))
    assert champion is not None
    number = record_start(desk.ledger, "root", {}, NOW)
    digest, reasons = (
        required_digest(desk.home, desk.ledger, challenger),
        ("Gate audit_positives: there is no *audit* sample (0, limit 25).",),
    )
    at = NOW.isoformat()
    decided = Decided(number, "held", challenger, digest, champion.version, champion.digest, reasons, GATES, "[november](http://x)", at, at)
    record_decision(desk.ledger, "root", decided, NOW)
    return number


def opened(monkeypatch: pytest.MonkeyPatch, operate: httpx.Client, section: str = "decisions", language: str = "en") -> AppTest:
    test = visit(monkeypatch, page, away(), operate, language)
    test.session_state["models.section"] = section
    return test.run()


def press(test: AppTest, label: str) -> AppTest:
    next(one for one in test.button if one.label.startswith(label)).click().run()
    assert not test.exception, test.exception
    return test


def fill(test: AppTest, key: str, text: str) -> AppTest:
    test.text_input(key=key).input(text).run()
    return test


def champion(operate: TestClient) -> str:
    return str(operate.get("/models").json()["champion"]["version"])


def newest(desk: Desk, kind: str) -> Any:
    return list_events(desk.ledger, kind)[0]


def promotion(test: AppTest, version: str, reason: str) -> AppTest:
    """Up to the sentence that asks for a yes."""
    test.selectbox(key="models.promote.version").set_value(version).run()
    fill(test, "models.promote.reason", reason)
    return press(test, f"Promote version {version}")


def test_a_promotion_is_named_confirmed_recorded_and_shown(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    test = promotion(opened(monkeypatch, operate), "2", "better in October")
    assert [one.value for one in test.warning] == [
        "Version 2 becomes champion instead of version 1: it is checked, then running servers follow within seconds."
    ]
    assert "Reason: better in October" in [one.value for one in test.text]
    assert champion(operate) == "1"
    press(test, "Yes, version 2 shall serve")
    assert champion(operate) == "2"
    assert "better in October" in newest(desk, "promoted").evidence
    (done,) = [one.value for one in test.success]
    assert done.startswith("Version 2 is champion since ")
    assert "instead of version 1" in done
    assert "A rollback leads to version 1." in done
    assert "Version 2 is champion since" in texts(test)
    assert test.text_input(key="models.promote.reason").value == ""
    assert not test.error
    assert not test.run().success


def test_without_a_reason_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    hold(desk, "3")
    test = promotion(opened(monkeypatch, operate), "2", "  ")
    assert [one.value for one in test.error] == ["Nothing was done: say why, in one line. The audit trail keeps it."]
    assert not test.warning
    assert champion(operate) == "1"


def test_a_no_changes_nothing(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    test = press(promotion(opened(monkeypatch, operate), "2", "better"), "No, change nothing")
    assert champion(operate) == "1"
    assert not test.warning
    assert test.text_input(key="models.promote.reason").value == "better"


def test_a_rollback(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    test = opened(monkeypatch, operate)
    assert "There is no earlier champion to go back to." in texts(test)
    press(promotion(test, "3", "better"), "Yes")
    fill(test, "models.rollback.reason", "precision fell")
    press(test, "Roll back to version 1")
    assert "Version 1 serves again instead of version 3; running servers follow within seconds." in texts(test)
    press(test, "Yes, back to version 1")
    assert champion(operate) == "1"
    assert "precision fell" in newest(desk, "rolled back").evidence
    assert "Version 1 is champion since" in test.success[0].value
    assert "The registry was not asked" in test.success[0].value


def test_of_two_tabs_that_promote_the_same_version_the_second_is_told(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    first, second = (promotion(opened(monkeypatch, operate), "2", reason) for reason in ("ours", "mine"))
    press(press(first, "Yes"), "Promote version")
    press(second, "Yes")
    said = "Somebody was faster: version 2 is champion by now. Nothing was changed; look at it again."
    assert [one.value for one in second.error] == [said]
    assert second.text_input(key="models.promote.reason").value == "mine"


def test_of_two_tabs_that_roll_back_the_second_is_told(monkeypatch: pytest.MonkeyPatch, operate: TestClient) -> None:
    for version in ("2", "3"):
        operate.post("/promote", json={"version": version, "reason": "better"})
    tabs = [fill(opened(monkeypatch, operate), "models.rollback.reason", "alarms") for _ in range(2)]
    for test in tabs:
        press(test, "Roll back to version 2")
    for test in tabs:
        press(test, "Yes")
    assert champion(operate) == "2"
    assert "version 2 is champion by now" in tabs[1].error[0].value


@pytest.mark.parametrize("when", ["before the yes is drawn", "between the page and the act"])
def test_of_two_tabs_at_once_the_second_is_told(monkeypatch: pytest.MonkeyPatch, operate: TestClient, when: str) -> None:
    first = opened(monkeypatch, operate)
    second = promotion(opened(monkeypatch, operate), "2", "mine is better")
    promotion(first, "3", "ours")
    if when == "before the yes is drawn":
        press(first, "Yes")
        press(second, "Yes")
        said = "Somebody was faster: version 3 is champion by now. Nothing was changed; look at it again."
    else:
        from tidegate.ui.client import models

        promote = models.promote

        def later(*given: Any) -> Any:
            monkeypatch.setattr(models, "promote", promote)
            operate.post("/promote", json={"version": "3", "reason": "ours"})
            return promote(*given)

        monkeypatch.setattr(models, "promote", later)
        press(second, "Yes")
        said = "Refused: Version 3 is champion by now, not version 1. Look at it again; nothing was changed."
    assert [one.value for one in second.error] == [said]
    assert champion(operate) == "3"
    assert "Version 3 is champion since" in texts(second)
    assert second.text_input(key="models.promote.reason").value == "mine is better"
    assert not second.success
    press(second, "Promote version 2")
    assert "Version 2 becomes champion instead of version 3" in texts(second)
    press(second, "Yes")
    assert champion(operate) == "2"


def test_a_held_renewal_shows_its_gates_and_is_approved(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    number = hold(desk, "2")
    test = opened(monkeypatch, operate)
    table = next(one.value for one in test.dataframe if "Passed" in one.value.columns)
    assert table["Passed"].tolist() == ["✗ failed", "~ waived: the world changed", "✓ passed"]
    assert table["What it asks"].tolist()[0] == "Leavers in the audit sample, at least"
    assert (table["Value"].tolist(), table["Limit"].tolist()) == (["0", "-0.500", "0.0000002"], ["25", "-0.020", "0.000001"])
    said = texts(test)
    assert f"**Renewal {number}**: version **2** instead of version **1**" in said
    assert "\\[november\\]\\(http\\:" in said
    assert "no \\*audit\\* sample" in said
    assert "2 of 3 gates passed." in said
    fill(test, f"models.reason.{number}", "a sample was checked by hand")
    press(test, "Approve")
    assert f"Renewal {number} is approved: version 2 becomes champion instead of version 1" in texts(test)
    press(test, "Yes, version 2 shall serve")
    assert champion(operate) == "2"
    assert [one.value for one in test.success] == [f"Renewal {number} is approved: version 2 is champion now, instead of version 1."]
    assert "a sample was checked by hand" in newest(desk, "renewal concluded").evidence
    became = next(one.value for one in test.dataframe if "What became of it" in one.value.columns)
    assert became["What became of it"].tolist()[0].startswith("then promoted by ")


def test_a_held_renewal_is_refused(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    number = hold(desk, "2")
    test = fill(opened(monkeypatch, operate), f"models.reason.{number}", "labels are wrong")
    press(press(test, "Refuse"), "Yes, version 1 shall stay")
    assert champion(operate) == "1"
    assert [one.value for one in test.success] == [f"Renewal {number} is refused: version 1 stays champion."]
    assert "None." in texts(test)


def test_a_renewal_that_somebody_else_decided_meanwhile(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    number = hold(desk, "2")
    test = press(fill(opened(monkeypatch, operate), f"models.reason.{number}", "checked"), "Approve")
    operate.post(f"/renewals/{number}/refuse", json={"reason": "no"})
    press(test, "Yes")
    (said,) = [one.value for one in test.error]
    assert said.startswith(f"Somebody was faster with renewal {number}: then refused by")
    assert champion(operate) == "1"
    assert not test.success


def test_a_challenger_compared_with_another_champion_is_refused_and_the_reason_stays(
    monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk
) -> None:
    number = hold(desk, "2")
    test = press(fill(opened(monkeypatch, operate), f"models.reason.{number}", "checked"), "Approve")
    operate.post("/promote", json={"version": "3", "reason": "ours"})
    press(test, "Yes")
    (said,) = [one.value for one in test.error]
    assert "Version 2 was compared with version 1, which is not the champion any more." in said
    assert test.text_input(key=f"models.reason.{number}").value == "checked"
    assert "Version 3 is champion since" in texts(test)


def test_a_key_that_expires_in_the_middle(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    kept, text = make_key("ada", ["operate"], None, NOW)
    path = keys_file(desk.home, None)
    path.parent.mkdir(exist_ok=True)
    write_keys(path, [kept])
    keyring = Keyring(path)
    operate = TestClient(create_operate_app(desk, keyring), raise_server_exceptions=False)
    test = visit(monkeypatch, page, away(), operate)
    test.session_state["tidegate.key"] = text
    test.session_state["models.section"] = "decisions"
    promotion(test.run(), "2", "better in October")
    other, new = make_key("bob", ["operate"], None, NOW)
    write_keys(path, [other])
    monkeypatch.setattr(keyring, "follow", lambda: None)
    monkeypatch.setattr(keyring, "holder", Keyring(path).holder)
    press(test, "Yes")
    assert len(test.warning) + len(test.error) == 1
    assert "key" in texts(test)
    assert test.text_input(key="models.promote.reason").value == "better in October"
    field = test.sidebar.text_input[0]
    field.input(new)
    next(one for one in test.sidebar.button if one.label == "Use this key").click().run()
    assert not test.exception
    assert test.text_input(key="models.promote.reason").value == "better in October"
    press(press(test, "Promote version 2"), "Yes")
    assert newest(desk, "promoted").who == "bob (operate API)"
    assert new not in str(test.main) + str(test.sidebar)


def running(**changes: Any) -> dict[str, Any]:
    job = Job("ab12", "running", "ada", ("--reason=drift",), NOW.isoformat(), share=0.4, doing="Training *lightgbm*")
    return {**job.document(), **changes}


WORK: dict[str, Any] = {
    "/models": {"champion": None, "models": [], "earlier_versions": []},
    "/renewals": {"renewals": [], "jobs": []},
    "/train": {"trainings": []},
}


def test_running_work_is_shown_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {**WORK, "/renewals": {"renewals": [], "jobs": [running()]}, "/renewals/jobs/ab12": running(state="stopped")}
    test = opened(monkeypatch, fake(said), "work")
    (bar,) = test.get("progress")
    assert (bar.proto.value, bar.proto.text) == (40, "Renewal · 40% · Training \\*lightgbm\\*")
    assert "One renewal at a time" in texts(test)
    press(test, "Stop it")
    refused = fake({**said, "/renewals/jobs/ab12": (404, "There is no such renewal.")})
    monkeypatch.setattr(session, "_connected", lambda url: refused)
    press(test, "Stop it")
    assert [one.value for one in test.error] == ["Refused: There is no such renewal."]


def test_what_has_ended_says_what_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    renewal = running(state="done", result={"decision": "held", "dry_run": True, "reasons": ["Gate *a* failed."], "because": []})
    training = running(job="cd34", state="failed", error="The table has no label.")
    test = opened(
        monkeypatch, fake({**WORK, "/renewals": {"renewals": [], "jobs": [renewal]}, "/train": {"trainings": [training]}}), "work"
    )
    table = test.dataframe[0].value
    assert set(table["Result"]) == {"a try: held", "The table has no label."}
    assert set(table["State"]) == {"✓ done", "✗ broke off"}
    assert "Gate \\*a\\* failed\\." in texts(test)


def test_a_renewal_is_started_after_a_yes(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    asked: list[list[str]] = []

    def start(words: list[str], shown: list[str], who: str, folder: Path) -> Job:
        asked.append(shown)
        return Job("ab12", "running", who, tuple(shown), NOW.isoformat())

    monkeypatch.setattr(desk.renewals, "start", start)
    test = opened(monkeypatch, operate, "work")
    press(test, "Renew…")
    assert "becomes champion by itself" in test.warning[0].value
    assert asked == []
    press(test, "Yes, renew")
    assert test.success[0].value.startswith("A renewal was started at 23 Nov 2026")
    fill(test, "models.renew.reason", "new customers")
    press(press(test, "Only try…"), "Yes, try")
    assert asked == [[], ["--reason=new customers", "--dry-run"]]


def test_every_gate_has_words_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names are those that the gates of a renewal can have."""
    import ast
    import inspect

    from tidegate.registry import gates as registry

    names = {
        "".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.args[0].values)
        if isinstance(node.args[0], ast.JoinedStr)
        else getattr(node.args[0], "value", "")
        for node in ast.walk(ast.parse(inspect.getsource(registry)))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Gate"
    }
    monkeypatch.setattr(gates, "say", lambda text, **values: text.format(**values))
    places = {"*_segment_recall_loss": ("holdout", "new")}
    whole = {name.replace("*", place) for name in names if name for place in places.get(name, ("holdout", "reserved", "audit"))}
    assert len(whole) > 15
    assert sorted(name for name in whole if gates.title(name) == name.replace("_", " ")) == []
    assert "Leavers in the {place}, at least" in french()


def test_in_french(monkeypatch: pytest.MonkeyPatch, operate: TestClient, desk: Desk) -> None:
    number = hold(desk, "2")
    test = fill(opened(monkeypatch, operate, language="fr"), f"models.reason.{number}", "vérifié à la main")
    table = next(one.value for one in test.dataframe if "Rempli" in one.value.columns)
    assert table["Rempli"].tolist() == ["✗ non", "~ levée : le monde a changé".replace(" :", "\u00a0:"), "✓ oui"]
    assert "-0,500" in table["Valeur"].tolist()
    press(press(test, "Approuver"), "Oui, que la version 2 serve")
    assert "est approuvé" in test.success[0].value
    assert champion(operate) == "2"
