"""Alerts on their way, through apprise, to servers on loopback that the tests start and stop: SMTP, a webhook, and Slack's shape.

Apprise's Slack plugin has no host in its URL: the test changes the one attribute that holds Slack's address, and the plugin does the rest
as it would.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller

from ports import closed_port, free_port
from receivers import Mailbox, Web
from tidegate.home import Home
from tidegate.ledger.events import list_events
from tidegate.ledger.store import Ledger
from tidegate.monitoring.alerts.conditions import Alert, Look
from tidegate.monitoring.alerts.flow import tell
from tidegate.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DRIFT = Alert(
    "drift", "drift", "warning", "5 features <have> & drifted", "Batch b7: a, b.", 5, 3, "http://r.example/b7", "docs/runbooks/drift.md"
)
OVER, CLEAR = Look((DRIFT,), judged=frozenset({"drift"})), Look((), judged=frozenset({"drift"}))


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


def settings(*urls: str) -> Settings:
    return Settings.model_validate({"alert_channels": " ".join(urls)})


def test_a_mail_arrives_once_and_its_resolution_once(home: Home, ledger: Ledger) -> None:
    box, port = Mailbox(), free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        mail = settings(f"mailto://127.0.0.1:{port}?from=tidegate@bank.example&to=oncall@bank.example&mode=insecure")
        for minute in range(3):
            tell(home, ledger, mail, OVER, NOW + timedelta(minutes=minute))
        for minute in range(3, 5):
            tell(home, ledger, mail, CLEAR, NOW + timedelta(minutes=minute))
    finally:
        server.stop()
    assert [one["subject"] for one in box.mails] == [f"[Tidegate] {DRIFT.title}", f"[Tidegate] Resolved: {DRIFT.title}"]
    assert box.mails[0]["to"] == "oncall@bank.example"
    text = box.mails[0].get_body(("plain", "html")).get_content()
    for words in ("Batch b7: a, b.", "Value 5, limit 3.", "http://r.example/b7", "docs/runbooks/drift.md"):
        assert words in text


def test_slacks_own_plugin_posts_what_slack_takes(home: Home, ledger: Ledger, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.slack import NotifySlack

    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{web.port}/services")
    slack = settings("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts")
    for minute in range(2):
        tell(home, ledger, slack, OVER, NOW + timedelta(minutes=minute))
    assert len(web.got) == 1
    path, body = web.got[0]
    assert path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert body["channel"] == "#alerts"
    assert "features" in json.dumps(body["attachments"])


def test_a_channel_that_is_down_gets_it_when_it_is_back_and_once_and_no_secret_is_written(
    home: Home, ledger: Ledger, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with closed_port() as port:
        hook = settings(f"json://user:secret-word@127.0.0.1:{port}/secret-path")
        found = tell(home, ledger, hook, OVER, NOW).delivery
    assert found is not None
    assert (found.delivered, found.waiting) == (0, 1)
    server = Web(port)
    try:
        server.status = 500
        tell(home, ledger, hook, OVER, NOW + timedelta(minutes=1))
        server.status = 200
        for minute in range(2, 5):
            tell(home, ledger, hook, OVER, NOW + timedelta(minutes=minute))
    finally:
        server.close()
    assert [body["title"] for _, body in server.got] == [f"[Tidegate] {DRIFT.title}"]
    trail = "".join(event.evidence + event.what for event in list_events(ledger, limit=1_000))
    out, err = capfd.readouterr()
    assert "secret" not in trail + out + err + caplog.text
    assert [event.what for event in reversed(list_events(ledger))] == ["alert raised", "alert undelivered", "alert delivered"]


def test_the_verb_lists_what_is_open_and_tests_channels(home: Home, ledger: Ledger, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def verb(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "tidegate", "alerts", "--home", str(home.root), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    with closed_port() as port:
        down = f"json://127.0.0.1:{port}/secret"
        monkeypatch.setenv("TIDEGATE_ALERT_CHANNELS", f"json://127.0.0.1:{web.port}/a, {down}")
        tell(home, ledger, settings(down), OVER, NOW)
        code, said = verb("--json")
        document = json.loads(said)
        assert code == 0
        assert [one["key"] for one in document["open"]] == ["drift"]
        assert [one["kind"] for one in document["undelivered"]] == ["drift"]
        code, said = verb("--test")
        assert code == 3
        assert said.count("did not arrive") == 1
        assert said.count(": arrived") == 1
        assert "secret" not in said
        assert [body["title"] for _, body in web.got] == ["[Tidegate] Test"]
        monkeypatch.setenv("TIDEGATE_ALERT_CHANNELS", "")
        assert verb("--test")[0] == 3
