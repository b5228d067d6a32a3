"""Monitoring, alerts and renewals over HTTP: the verbs' own answers, hostile names, what is refused and what is on record."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from tidegate.home import Home, open_home
from tidegate.ledger.events import list_events
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.monitoring.alerts.conditions import DRIFT, Alert, Look
from tidegate.monitoring.alerts.flow import tell
from tidegate.operations.alerts import standing
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import MONITORING, RENEWAL, Job, Jobs
from tidegate.operations.reports import HEADERS
from tidegate.registry.promote import Gate
from tidegate.renewal.trail import Decided, record_decision, record_start
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings
from unit.operations.desk.runs import NOW, write_run

DRIFTED = Alert(DRIFT, DRIFT, "warning", "5 features have drifted", "Batch b2: age.", 5, 3, "reports/b2/monitoring_report.html", "docs")


class Started(Jobs):
    """Jobs that note what they were asked to start, and start nothing."""

    def start(self, words: Any, shown: Any, who: str, folder: Path) -> Job:
        self.asked = (list(words), list(shown), who, [path.name for path in folder.iterdir()])
        return Job("1", "running", who, tuple(shown), NOW.isoformat())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


@pytest.fixture
def desk(home: Home, tmp_path: Path) -> Iterator[Desk]:
    ledger = open_ledger(sqlite_url(home.ledger))
    (tmp_path / "scratch").mkdir()
    jobs = (Started(MONITORING), Started(RENEWAL))
    yield Desk(home, Settings(home=home.root), ledger, Jobs(), Metrics(), tmp_path / "scratch", *jobs)
    close_ledger(ledger)


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return TestClient(create_operate_app(desk), raise_server_exceptions=False)


def decided(desk: Desk, decision: str = "held") -> int:
    number = record_start(desk.ledger, "ada", {"because": ["drift"]}, NOW)
    gates = (Gate("audit_positives", 0, 25, False),)
    one = Decided(number, decision, "2", "d2", "1", "d1", ("Gate audit_positives: none.",), gates, "b1", NOW.isoformat(), "")
    record_decision(desk.ledger, "ada", one, NOW)
    return number


# Monitoring


def test_the_list_is_newest_first_with_figures_and_links(client: TestClient, home: Home) -> None:
    assert client.get("/monitoring").json() == {"batches": [], "jobs": []}
    write_run(home, "b1")
    write_run(home, "b2", at=NOW.isoformat(), health="FAIL", realised=None)
    (home.reports / "b3").mkdir()
    (home.reports / "b3" / "drift_tests.json").write_text('{"batch": ')
    told = client.get("/monitoring").json()["batches"]
    assert [(one["folder"], one["health"], one["damaged"]) for one in told] == [
        ("b2", "FAIL", False),
        ("b1", "WARNING", False),
        ("b3", None, True),
    ]
    assert (told[0]["realised_roc_auc"], told[1]["realised_roc_auc"], told[1]["estimated_roc_auc"]) == (None, 0.92, 0.93)
    assert (told[1]["performance"], told[1]["estimate_trusted"]) == ("PASS", False)
    links = {"report": "reports/b1/monitoring_report.html", "performance": None, "document": "reports/b1/drift_tests.json"}
    assert told[1]["links"] == links
    assert len(client.get("/monitoring", params={"limit": 1}).json()["batches"]) == 1
    assert client.get("/monitoring", params={"limit": 0}).status_code == 422


def test_one_batch_is_the_document_of_the_verb(client: TestClient, home: Home) -> None:
    assert client.get("/monitoring/b1").status_code == 404
    found = write_run(home, "b1")
    assert client.get("/monitoring/b1").json() == found
    (home.reports / "b1" / "drift_tests.json").write_text("[1]")
    assert client.get("/monitoring/b1").status_code == 503


@pytest.mark.parametrize(
    "name",
    [
        "..%2foutside",
        "%2e%2e%2foutside",
        "..%5coutside",
        "%2e%2e",
        ".hidden",
        "b1%2f..%2f..%2foutside",
        "%2fetc",
        "b1%00",
        "linked",
        "b" * 5_000,
        "%ff%fe",
        "b1%0a",
        "",
    ],
)
def test_a_hostile_name_leads_nowhere(client: TestClient, home: Home, name: str) -> None:
    write_run(home, "b1")
    for place in (home.root / "outside", home.reports / ".hidden"):
        place.mkdir()
        (place / "drift_tests.json").write_text('{"secret": 1}')
    (home.root / "drift_tests.json").write_text('{"secret": 1}')
    (home.reports / "linked").symlink_to(home.root / "outside")
    (home.root / "monitoring_report.html").write_text("secret")
    (home.root / "outside" / "monitoring_report.html").write_text("secret")
    for answer in (client.get(f"/monitoring/{name}"), client.get(f"/monitoring/{name}/report")):
        assert answer.status_code == 404, answer.text
        assert set(answer.json()) == {"error", "detail", "id"}
        assert str(home.root) not in answer.text


def test_a_drawn_page_comes_with_a_policy_under_which_it_can_ask_nobody(client: TestClient, home: Home) -> None:
    write_run(home, "b1")
    page = client.get("/monitoring/b1/report")
    assert (page.status_code, page.text, page.headers["content-type"]) == (200, "<html>", "text/html; charset=utf-8")
    assert page.headers.get_list("content-security-policy") == [HEADERS["Content-Security-Policy"]]
    policy = page.headers["content-security-policy"]
    assert ("sandbox allow-scripts" in policy, "allow-same-origin" in policy, "connect-src" in policy) == (True, False, False)
    absent = client.get("/monitoring/b1/performance")
    assert (absent.status_code, "no such page" in absent.json()["detail"]) == (404, True)
    (home.reports / "b1" / "performance_report.html").write_text("<p>é")
    assert client.get("/monitoring/b1/performance").text == "<p>é"
    (home.reports / "b1" / "performance_report.html").unlink()
    (home.reports / "b1" / "performance_report.html").mkdir()
    assert client.get("/monitoring/b1/performance").status_code == 404


def test_a_batch_of_any_name_is_reached(client: TestClient, home: Home) -> None:
    for name in ("jobs", "history", "trends"):
        write_run(home, name)
        assert client.get(f"/monitoring/{name}").json()["batch"] == name
        assert client.get(f"/monitoring/{name}/report").text == "<html>"


def test_a_run_is_the_verb_with_its_options(client: TestClient, desk: Desk) -> None:
    home = ["--home", str(desk.home.root.resolve())]
    newest = client.post("/monitoring")
    assert (newest.status_code, newest.json()["state"]) == (202, "running")
    assert desk.monitorings.asked[:2] == (["--pictures", *home], ["--pictures"])  # type: ignore[attr-defined]
    assert desk.monitorings.asked[2].endswith("(operate API)")  # type: ignore[attr-defined]
    client.post("/monitoring", files={"since": (None, "-1"), "until": (None, "2026-11-01"), "pictures": (None, "false")})
    assert desk.monitorings.asked[1] == ["--since=-1", "--until=2026-11-01", "--no-pictures"]  # type: ignore[attr-defined]
    client.post("/monitoring", files={"file": ("../../prod_batch_07.csv", b"a,b\n1,2\n")})
    words, shown, _, held = desk.monitorings.asked  # type: ignore[attr-defined]
    assert (shown, held) == (["prod_batch_07.csv", "--pictures"], ["prod_batch_07.csv"])
    assert Path(words[0]).is_relative_to(desk.scratch)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"files": {"batch": (None, "/etc/passwd")}}, "does not know"),
        ({"files": {"pictures": (None, "maybe")}}, "neither true nor false"),
        ({"files": {"file": ("passwd", b"x")}}, "neither .csv nor .parquet"),
        ({"json": {"since": "2026-11-01"}}, "not a form"),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=y"}}, "cannot be read"),
    ],
)
def test_what_is_no_batch_starts_no_run(client: TestClient, desk: Desk, sent: dict[str, Any], said: str) -> None:
    refused = client.post("/monitoring", **sent)
    assert (refused.status_code, said in refused.json()["detail"]) == (422, True), refused.text
    assert not hasattr(desk.monitorings, "asked")
    assert list(desk.scratch.iterdir()) == []


def test_a_run_that_nobody_started(client: TestClient) -> None:
    for where, noun in (("/monitoring/jobs/x", "monitoring run"), ("/renewals/jobs/x", "renewal")):
        for method in ("GET", "DELETE"):
            answer = client.request(method, where)
            assert (answer.status_code, f"no such {noun}" in answer.json()["detail"]) == (404, True)


@pytest.mark.parametrize("word", ["a\0b", "a\ud800b"])
def test_what_no_command_line_takes_is_refused(desk: Desk, word: str) -> None:
    client = TestClient(create_operate_app(Desk(desk.home, desk.settings, desk.ledger, Jobs(), Metrics(), desk.scratch)))
    if "\0" in word:
        refused = client.post("/monitoring", files={"since": (None, word)})
        assert (refused.status_code, "no command line" in refused.json()["detail"]) == (422, True)
    assert client.post("/renewals", content=json.dumps({"reason": word})).status_code == 422
    assert list(desk.scratch.iterdir()) == []


# Alerts


def test_alerts_are_those_of_the_verb(client: TestClient, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/alerts").json() == {"open": [], "undelivered": [], "channels": [], "deliveries": []}
    settings = desk.settings.model_copy(update={"alert_channels": SecretStr("json://127.0.0.1:9/token-1 json://127.0.0.1:9/token-2")})
    taking = iter((True, False))
    tell(desk.home, desk.ledger, settings, Look((DRIFTED,), judged=frozenset({DRIFT})), NOW, lambda *_: next(taking))
    told_desk = Desk(desk.home, settings, desk.ledger, Jobs(), Metrics(), desk.scratch)
    answer = TestClient(create_operate_app(told_desk)).get("/alerts")
    told = answer.json()
    assert told == standing(desk.ledger, settings).document()
    assert [(one["kind"], one["value"], one["limit"], one["clearing"]) for one in told["open"]] == [(DRIFT, 5, 3, False)]
    assert [one["arrived"] for one in told["deliveries"]] == [False, True]
    assert [one["channel"] for one in told["undelivered"]] == [told["deliveries"][0]["channel"]]
    assert "token" not in answer.text


def test_a_test_message_is_sent_and_on_record(client: TestClient, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.post("/alerts/test").json() == {"arrived": {}}
    began, go = threading.Event(), threading.Event()

    def tried(*_: Any) -> dict[str, bool]:
        began.set()
        go.wait(20)
        return {"json-1": False}

    monkeypatch.setattr("tidegate.operations.alerts.tried", tried)
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(client.post("/alerts/test").json()))
    first.start()
    assert began.wait(20)
    assert client.post("/alerts/test").status_code == 409
    go.set()
    first.join(20)
    assert answers == [{"arrived": {"json-1": False}}]
    newest = list_events(desk.ledger, "tested alert channels")[0]
    assert (newest.document(), newest.who.endswith("(operate API)")) == ({"arrived": {"json-1": False}}, True)


def test_channels_that_cannot_be_read_are_a_refusal(desk: Desk) -> None:
    settings = desk.settings.model_copy(update={"alert_channels": SecretStr("hush-hush")})
    client = TestClient(create_operate_app(Desk(desk.home, settings, desk.ledger, Jobs(), Metrics(), desk.scratch)))
    for answer in (client.get("/alerts"), client.post("/alerts/test")):
        assert (answer.status_code, answer.json()["error"]) == (422, "setting_refused")
        assert "hush" not in answer.text


# Renewals


def test_renewals_and_what_became_of_them(client: TestClient, desk: Desk) -> None:
    assert client.get("/renewals").json() == {"renewals": [], "jobs": []}
    assert client.get("/renewals/1").status_code == 404
    older, newer = decided(desk, "refused"), decided(desk)
    told = client.get("/renewals").json()["renewals"]
    assert [(one["renewal"], one["decision"], one["waiting"]) for one in told] == [(newer, "held", True), (older, "refused", False)]
    assert told[0]["gates"] == [{"name": "audit_positives", "value": 0, "limit": 25, "passed": False}]
    assert told[0]["reasons"] == ["Gate audit_positives: none."]
    refused = client.post(f"/renewals/{newer}/refuse", json={"reason": "labels look wrong"})
    assert (refused.status_code, refused.json()["decision"], refused.json()["challenger"]) == (200, "refused", "2")
    one = client.get(f"/renewals/{newer}").json()
    assert (one["waiting"], one["concluded"]["decision"], one["concluded"]["reason"]) == (False, "refused", "labels look wrong")
    assert one["concluded"]["who"].endswith("(operate API)")
    again = client.post(f"/renewals/{newer}/approve", json={"reason": "after all"})
    assert (again.status_code, again.json()["detail"]) == (409, f"No renewal {newer} is held for a person. None is held.")


def test_an_approval_promotes_what_was_compared_with_the_champion_of_today(client: TestClient, desk: Desk) -> None:
    number = decided(desk)
    refused = client.post(f"/renewals/{number}/approve", json={"reason": "checked by hand"})
    assert (refused.status_code, "not the champion any more" in refused.json()["detail"]) == (422, True)
    assert client.get(f"/renewals/{number}").json()["waiting"]


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": "a\nb"}, {"reason": "x" * 10_000}, "secret-value"])
def test_a_decision_needs_a_reason(client: TestClient, desk: Desk, body: Any) -> None:
    number = decided(desk)
    for verb in ("approve", "refuse"):
        refused = client.post(f"/renewals/{number}/{verb}", json=body)
        assert refused.status_code == 422
        assert "secret-value" not in refused.text
    assert client.get(f"/renewals/{number}").json()["waiting"]


@pytest.mark.parametrize("number", ["0", "-1", "x", "1e3", "9" * 40, "%00", "%2e%2e"])
def test_a_strange_number_is_refused(client: TestClient, number: str) -> None:
    assert client.get(f"/renewals/{number}").status_code in (404, 422)
    assert client.post(f"/renewals/{number}/refuse", json={"reason": "no"}).status_code in (404, 422)


def test_a_renewal_is_the_verb_with_its_options(client: TestClient, desk: Desk) -> None:
    started = client.post("/renewals", json={"reason": "--home=/elsewhere", "dry_run": True})
    assert started.status_code == 202, started.text
    words, shown, who, _ = desk.renewals.asked  # type: ignore[attr-defined]
    assert words == ["--reason=--home=/elsewhere", "--dry-run", "--home", str(desk.home.root.resolve())]
    assert (shown, who.endswith("(operate API)")) == (words[:2], True)
    client.post("/renewals", json={})
    assert desk.renewals.asked[1] == []  # type: ignore[attr-defined]
    assert client.post("/renewals", json={"dry_run": "perhaps"}).status_code == 422


def test_the_shapes_are_in_the_document(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    shown = {
        (route, method): operation["responses"]
        for route, operations in document["paths"].items()
        for method, operation in operations.items()
        if route.startswith(("/monitoring", "/trends", "/alerts", "/renewals"))
    }
    assert len(shown) == 17
    pages = {("/monitoring/{name}/report", "get"), ("/monitoring/{name}/performance", "get")}
    assert all(list(shown.pop(page)["200"]["content"]) == ["text/html"] for page in pages)
    whole = {("/monitoring/{name}", "get")}
    for place, responses in shown.items():
        answered = responses.get("200") or responses["202"]
        assert place in whole or "$ref" in answered["content"]["application/json"]["schema"], place
