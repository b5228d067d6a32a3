"""An alert is told once, reminded of, resolved, and owed to a channel until the channel has it."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tidegate.errors import MissingDependency, SettingRefused
from tidegate.home import Home
from tidegate.ledger.events import append_event, list_events, verify_events
from tidegate.ledger.store import Ledger
from tidegate.monitoring.alerts.channels import Channel, channels_of, named_channels
from tidegate.monitoring.alerts.conditions import Alert, Look
from tidegate.monitoring.alerts.deliver import deliver_alerts, send_by_apprise, tried
from tidegate.monitoring.alerts.flow import tell
from tidegate.monitoring.alerts.state import (
    BACK,
    CLEARING,
    RAISED,
    REMINDED,
    RESOLVED,
    UNDELIVERED,
    Policy,
    open_alerts,
    raise_alerts,
    undelivered,
)
from tidegate.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
DRIFT = Alert("drift", "drift", "warning", "5 features have drifted", "Batch b7: a, b.", 5, 3, "reports/b7", "docs/runbooks/drift.md")
MOMENT = Alert("canary_stopped", "canary_stopped:3", "warning", "The canary was stopped", "errors")
JUDGED = frozenset({"drift"})
OVER, NEAR, CLEAR = Look((DRIFT,), judged=JUDGED), Look((), JUDGED, JUDGED), Look((), judged=JUDGED)
POLICY = Policy(("mail", "chat"))
MAIL, CHAT = Channel("mail", "json://mail"), Channel("chat", "json://chat")


def told(ledger: Ledger, look: Look, at: datetime, policy: Policy = POLICY) -> list[str]:
    return [message.what for message in raise_alerts(ledger, look, at, policy)]


class Post:
    """Channels that take what is sent to them, apart from those that are down."""

    def __init__(self, *down: str) -> None:
        self.down, self.got = set(down), list[tuple[str, str]]()
        self.bodies: list[str] = []

    def __call__(self, channel: Channel, title: str, body: str, kind: str) -> bool:
        if channel.name in self.down:
            return False
        self.got.append((channel.name, title))
        self.bodies.append(body)
        return True


def test_an_alert_is_told_once_however_often_it_is_seen(ledger: Ledger) -> None:
    assert told(ledger, OVER, NOW) == [RAISED]
    assert [told(ledger, OVER, NOW + step * MINUTE) for step in range(1, 5)] == [[]] * 4
    assert [one.alert for one in open_alerts(ledger)] == [DRIFT]


def test_it_is_reminded_of_after_a_day_also_where_nobody_looks_and_when_the_clock_was_set_back(ledger: Ledger) -> None:
    told(ledger, OVER, NOW)
    assert told(ledger, Look(), NOW + DAY - MINUTE) == []
    assert told(ledger, Look(), NOW + DAY) == [REMINDED]
    assert told(ledger, Look(), NOW + DAY + MINUTE) == []
    assert told(ledger, OVER, NOW - 2 * DAY) == [REMINDED]


def test_it_resolves_at_once_where_it_is_clearly_over(ledger: Ledger) -> None:
    told(ledger, OVER, NOW)
    assert told(ledger, CLEAR, NOW + MINUTE) == [RESOLVED]
    assert told(ledger, CLEAR, NOW + 2 * MINUTE) == []
    assert open_alerts(ledger) == ()
    assert told(ledger, OVER, NOW + 3 * MINUTE) == [RAISED]


def test_at_the_limit_it_takes_two_looks_in_a_row_and_flapping_tells_nobody(ledger: Ledger) -> None:
    told(ledger, OVER, NOW)
    looks = [NEAR, OVER, NEAR, OVER, NEAR, NEAR]
    assert [told(ledger, look, NOW + step * MINUTE) for step, look in enumerate(looks)] == [[], [], [], [], [], [RESOLVED]]
    assert len(list_events(ledger, CLEARING)) == 3
    assert len(list_events(ledger, BACK)) == 2


def test_a_look_that_judged_something_else_resolves_nothing(ledger: Ledger) -> None:
    told(ledger, OVER, NOW)
    assert told(ledger, Look(judged=frozenset({"latency"})), NOW + MINUTE) == []
    assert len(open_alerts(ledger)) == 1


def test_a_moment_is_told_once_and_never_open(ledger: Ledger) -> None:
    look = Look((MOMENT,))
    assert told(ledger, look, NOW) == [RAISED]
    assert told(ledger, look, NOW + 9 * DAY) == []
    assert open_alerts(ledger) == ()


def test_a_channel_that_is_down_gets_it_later_and_once(ledger: Ledger) -> None:
    told(ledger, OVER, NOW)
    post = Post("mail")
    found = deliver_alerts(ledger, (MAIL, CHAT), NOW, post)
    assert (found.delivered, found.waiting, found.failing) == (1, 1, ("mail",))
    deliver_alerts(ledger, (MAIL, CHAT), NOW, post)
    assert len(list_events(ledger, UNDELIVERED)) == 1, "a channel that stays down fills the trail"
    assert [name for _, name in undelivered(ledger, ("mail", "chat"))] == ["mail"]
    post.down.clear()
    for _ in range(3):
        deliver_alerts(ledger, (MAIL, CHAT), NOW + MINUTE, post)
    assert post.got == [("chat", "[Tidegate] 5 features have drifted"), ("mail", "[Tidegate] 5 features have drifted")]
    assert verify_events(ledger) == "ok"


def test_a_failing_channel_is_asked_once_a_call_and_keeps_its_order(ledger: Ledger) -> None:
    asked: list[str] = []
    told(ledger, Look((DRIFT, MOMENT), judged=JUDGED), NOW)
    deliver_alerts(ledger, (MAIL,), NOW, lambda channel, *_: bool(asked.append(channel.name)))
    assert asked == ["mail"]
    told(ledger, CLEAR, NOW + MINUTE)
    post = Post()
    deliver_alerts(ledger, (MAIL,), NOW, post)
    assert [title.removeprefix("[Tidegate] ") for _, title in post.got] == [DRIFT.title, MOMENT.title, f"Resolved: {DRIFT.title}"]


def test_reminders_that_were_overtaken_are_not_sent(ledger: Ledger) -> None:
    for day in range(5):
        told(ledger, OVER, NOW + day * DAY)
    post = Post()
    deliver_alerts(ledger, (MAIL,), NOW + 5 * DAY, post)
    assert [title.removeprefix("[Tidegate] ") for _, title in post.got] == [DRIFT.title, f"Still open: {DRIFT.title}"]


def test_a_channel_with_a_new_secret_gets_what_the_old_one_did_not_and_a_further_one_gets_no_old_news(ledger: Ledger) -> None:
    told(ledger, OVER, NOW, Policy(("mail",)))
    deliver_alerts(ledger, (MAIL,), NOW, Post("mail"))
    renewed, post = Channel("mail-2", "json://new"), Post()
    deliver_alerts(ledger, (renewed,), NOW, post)
    deliver_alerts(ledger, (renewed, CHAT), NOW, post)
    assert [name for name, _ in post.got] == ["mail-2"]


def test_alertmanager_has_the_metric_alarms_and_nothing_else(ledger: Ledger) -> None:
    policy = Policy(("mail",), alertmanager=True)
    renewed = replace(MOMENT, kind="renewal", key="renewal:1:held", title="Renewal: held")
    raise_alerts(ledger, Look((DRIFT, MOMENT, renewed)), NOW, policy)
    post = Post()
    deliver_alerts(ledger, (MAIL,), NOW, post)
    assert [title for _, title in post.got] == [f"[Tidegate] {renewed.title}"]
    assert [one.alert.kind for one in open_alerts(ledger)] == ["drift"], "it is still known here"


def test_one_flow_records_tells_of_stopped_canaries_and_delivers(home: Home, ledger: Ledger) -> None:
    append_event(ledger, "serving", "canary stopped", {"experiment": 1, "reason": "old"}, NOW - 30 * DAY)
    append_event(ledger, "serving", "canary stopped", {"experiment": 2, "reason": "Errors rose."}, NOW - MINUTE)
    settings, post = Settings(alert_channels=SecretStr("json://127.0.0.1:1/hidden-word")), Post()
    done = tell(home, ledger, settings, OVER, NOW, post)
    assert [message.alert.key for message in done.messages] == ["drift", "canary_stopped:2"]
    assert done.delivery is not None
    assert done.delivery.delivered == 2
    assert tell(home, ledger, settings, OVER, NOW + MINUTE, post).messages == ()
    assert any("docs/runbooks/drift.md" in body and "Value 5, limit 3." in body for body in post.bodies)
    assert "hidden-word" not in "".join(event.evidence for event in list_events(ledger, limit=1_000))


def test_two_at_once_deliver_once(home: Home, ledger: Ledger) -> None:
    settings = Settings(alert_channels=SecretStr("json://127.0.0.1:1/x"))
    inner: list[object] = []
    post = Post()

    def send(channel: Channel, title: str, body: str, kind: str) -> bool:
        inner.append(tell(home, ledger, settings, OVER, NOW, post).delivery)
        return post(channel, title, body, kind)

    tell(home, ledger, settings, OVER, NOW, send)
    assert inner == [None]
    assert len(post.got) == 1


def test_channels_come_from_the_setting_and_the_file_and_never_show_their_secret(tmp_path: Path) -> None:
    path = tmp_path / "channels"
    path.write_text("# the desk\nslack://one/two/three\n\njson://h/secret-2\n")
    settings = Settings(alert_channels=SecretStr("mailto://u:secret-1@h?to=a,b, json://h/secret-2"), alert_channels_file=path)
    found = channels_of(settings)
    assert [channel.name.split("-")[0] for channel in found] == ["mailto", "json", "slack"]
    assert found[0].url == "mailto://u:secret-1@h?to=a,b"
    assert "secret" not in repr(found) + repr(settings)


@pytest.mark.parametrize("text", ["hooks.slack.com/secret", "json://", "://secret"])
def test_what_is_no_url_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        named_channels([text])
    assert "secret" not in str(refused.value)


def test_a_file_of_channels_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingRefused, match="absent cannot be read"):
        channels_of(Settings(alert_channels_file=tmp_path / "absent"))


def test_a_url_that_apprise_does_not_know_did_not_arrive(caplog: pytest.LogCaptureFixture) -> None:
    assert not send_by_apprise(Channel("x", "nosuch://secret-host/token"), "t", "b", "info")
    assert "secret" not in caplog.text


def test_without_the_library_a_message_is_owed_and_a_test_says_what_to_install(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    told(ledger, OVER, NOW)
    assert deliver_alerts(ledger, (MAIL,), NOW).failing == ("mail",)
    monkeypatch.setattr("tidegate.monitoring.alerts.deliver.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="pip install"):
        tried((MAIL,), NOW)
