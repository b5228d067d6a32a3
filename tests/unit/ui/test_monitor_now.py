"""A run from the monitoring page: what is sent, how it goes, how it ended, and what stays where it is refused."""

from __future__ import annotations

import datetime
from typing import Any

import httpx
import pytest

from tidegate.ui import session
from tidegate.ui.client.http import Api
from tidegate.ui.client.monitoring import monitored
from unit.operations.desk.runs import NOW
from unit.ui.monitoring_answers import EMPTY, page, with_
from unit.ui.visits import away, fake, texts, visit

RUN: dict[str, Any] = {
    "job": "j1",
    "state": "done",
    "who": "ada (operate API)",
    "words": ["march.csv", "--pictures"],
    "started_at": NOW.isoformat(),
    "ended_at": NOW.isoformat(),
    "share": 1.0,
    "doing": "",
    "result": {"batch": "march", "health": "FAIL", "drifted_features": ["age"], "again": False, "report_dir": "/home/reports/march"},
    "error": None,
}


def asking(answers: dict[str, Any], sent: list[tuple[str, bytes]], start: Any = None) -> httpx.Client:
    """Fixed answers, and what was sent."""
    plain = fake(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return plain.get(str(request.url.raw_path.decode()))
        sent.append((f"{request.method} {request.url.path}", request.read()))
        if isinstance(start, tuple):
            return httpx.Response(start[0], json={"error": "x", "detail": start[1], "id": "1"})
        return httpx.Response(202, json={**RUN, "state": "running", "result": None})

    return httpx.Client(transport=httpx.MockTransport(handle), base_url="http://api")


def test_the_newest_of_the_inbox_is_monitored(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, bytes]] = []
    test = visit(monkeypatch, page, away(), asking(EMPTY, sent))
    test.checkbox(key="monitoring.pictures").uncheck()
    test.button(key="monitoring.start").click().run()
    assert sent == [("POST /monitoring", b"pictures=false")]


def test_a_window_takes_its_last_day_along(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, bytes]] = []
    test = visit(monkeypatch, page, away(), asking(EMPTY, sent))
    test.radio(key="monitoring.source").set_value("window").run()
    test.date_input(key="monitoring.since").set_value(datetime.date(2026, 3, 1))
    test.date_input(key="monitoring.until").set_value(datetime.date(2026, 3, 31))
    test.button(key="monitoring.start").click().run()
    assert sent == [("POST /monitoring", b"since=2026-03-01&until=2026-04-01&pictures=true")]


def test_a_refused_file_is_one_sentence_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, bytes]] = []
    test = visit(monkeypatch, page, away(), asking(EMPTY, sent, (422, "The form cannot be read.")))
    test.radio(key="monitoring.source").set_value("file").run()
    assert test.button(key="monitoring.start").disabled
    test.file_uploader(key="monitoring.file").upload("march.csv", b"a,b\n1,2\n", "text/csv").run()
    test.button(key="monitoring.start").click().run()
    assert [one.value for one in test.error] == ["Refused: The form cannot be read."]
    assert b'filename="march.csv"' in sent[0][1]
    assert test.session_state["monitoring.file"].name == "march.csv"


def jobs(**changed: Any) -> dict[str, Any]:
    return with_(monitoring={"batches": [], "jobs": [{**RUN, **changed}]})


def test_a_run_shows_its_progress_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, bytes]] = []
    running = {"state": "running", "share": 0.2, "doing": "Judging drift", "result": None}
    answers = {**jobs(**running), "/monitoring/jobs/j1": {**RUN, **running}}
    test = visit(monkeypatch, page, away(), asking(answers, sent))
    assert test.button(key="monitoring.start").disabled
    (bar,) = test.get("progress")
    assert (bar.proto.value, bar.proto.text) == (20, "Judging drift · 20%")
    test.button(key="monitoring.stop").click().run()
    assert sent == [("DELETE /monitoring/jobs/j1", b"")]


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({}, "error", "Batch march: health ✕ FAIL, 1 drifted features."),
        (
            {"result": {**RUN["result"], "health": "PASS", "drifted_features": []}},
            "success",
            "Batch march: health ✓ PASS, 0 drifted features.",
        ),
        ({"result": {**RUN["result"], "health": "WARNING", "again": True}}, "warning", "monitored it before; this is what was found then."),
        (
            {"state": "failed", "result": None, "error": "wrong.csv lacks columns age."},
            "error",
            "It failed: wrong\\.csv lacks columns age\\.",
        ),
        ({"state": "stopped", "result": None}, "info", "It was stopped; nothing of it is kept."),
    ],
)
def test_how_a_run_ended(monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], kind: str, said: str) -> None:
    test = visit(monkeypatch, page, away(), fake(jobs(**changed)))
    assert any(said in one.value for one in getattr(test, kind)), texts(test)
    assert "Asked for by ada" in texts(test)


def test_what_a_run_says_of_its_batch() -> None:
    found = monitored(Api("operate API", fake(jobs(result={**RUN["result"], "again": True}))), 1)
    assert (found.runs[0].folder, found.runs[0].again) == ("march", True)


def test_where_the_api_goes_down_what_was_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, away(), asking(EMPTY, []))
    test.radio(key="monitoring.source").set_value("file").run()
    test.file_uploader(key="monitoring.file").upload("march.csv", b"a,b", "text/csv").run()
    monkeypatch.setattr(session, "_connected", lambda _: away())
    test.button(key="monitoring.start").click().run()
    assert not test.exception
    assert {one.value for one in test.error} == {
        "The operate API does not answer. Start it, or wait a moment and try again; what you typed stays."
    }
    assert test.radio(key="monitoring.source").value == "file"
    assert test.session_state["monitoring.file"].name == "march.csv"


def test_a_run_that_has_just_ended_chooses_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    running = {**RUN, "state": "running", "result": None}
    batch = {
        "folder": "march", "batch": "march", "at": None, "health": "FAIL", "rows": None, "quarantined": None, "drifted_features": None,
        "estimated_roc_auc": None, "realised_roc_auc": None, "damaged": True,
    }  # fmt: skip
    answers = with_(monitoring={"batches": [{**batch, "folder": "june"}, batch], "jobs": [running]})
    test = visit(monkeypatch, page, away(), fake({**answers, "/monitoring/jobs/j1": running}))
    assert test.selectbox[0].value == "june"
    test.session_state["monitoring.batch.next"] = "march"
    test.run()
    assert test.selectbox[0].value == "march"
