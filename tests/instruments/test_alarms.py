"""A service that misbehaves for real, until people are told, and until they are told that it is over.

The ledger is held by somebody (latency, then errors), a batch comes that has drifted and whose labels are not as foretold (drift, ROC-AUC),
the operate API is killed (target down). Prometheus, Alertmanager, the Slack-shaped endpoint and the mail server are real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from aiosmtpd.controller import Controller

from callers import wait_until
from commands import tidegate
from instruments.conftest import ENVIRONMENT, MOVED, Bank, settle
from instruments.instruments import PATIENCE_SECONDS, Prometheus, alertmanager, all_rules, binary, metrics_in, prometheus
from ports import free_port
from receivers import Mailbox, Web

pytestmark = pytest.mark.instruments
RUNBOOKS = "https://bank.example/runbooks"


@dataclass
class Told:
    """What arrived: in Slack and by mail, as (title, text)."""

    web: Web
    box: Mailbox
    smtp_port: int

    def slack(self) -> list[tuple[str, str]]:
        return [(one["title"], one["text"]) for _, body in self.web.got for one in body["attachments"]]

    def mail(self) -> list[tuple[str, str]]:
        return [(one["subject"], one.get_body(("plain",)).get_content()) for one in self.box.mails]

    def both(self, about: str, resolved: bool) -> Callable[[], bool]:
        """Whether both were told of a kind (by its runbook), that it is wrong, or that it is over."""

        def arrived() -> bool:
            wanted = f"{RUNBOOKS}/{about}.md"
            return all(
                any(("Resolved" in title) == resolved and wanted in text for title, text in got) for got in (self.slack(), self.mail())
            )

        return arrived


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    web, box, port = Web(), Mailbox(), free_port()
    mail = Controller(box, hostname="127.0.0.1", port=port)
    mail.start()
    yield Told(web, box, port)
    mail.stop()
    web.close()


@dataclass
class Watched:
    """A bank, who watches it, and who is told."""

    bank: Bank
    prometheus: Prometheus
    told: Told
    operating: ExitStack

    def until_told(self, kind: str, resolved: bool = False) -> None:
        seen = lambda: (kind, self.prometheus.firing(), self.told.slack(), self.told.mail())  # noqa: E731
        wait_until(self.told.both(kind, resolved), seen, PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def watched(bank: Bank, told: Told, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    binary("prometheus")
    folder = tmp_path_factory.mktemp("watched")
    (folder / "slack").write_text(f"http://127.0.0.1:{told.web.port}/services/T0/B0/hidden-word")
    channels = {
        "ALERTS_SLACK_URL_FILE": str(folder / "slack"),
        "ALERTS_SLACK_CHANNEL": "#churn",
        "ALERTS_SMTP_HOST": f"127.0.0.1:{told.smtp_port}",
        "ALERTS_SMTP_FROM": "tidegate@bank.example",
        "ALERTS_SMTP_TO": "oncall@bank.example",
        "ALERTS_SMTP_TLS": "false",
        "ALERTS_RUNBOOKS_URL": RUNBOOKS,
    }
    assert bank.monitor(21, days_ago=45, wrong=False) == 0
    watch = ("watch", "--once", "--no-renew", "--home", bank.home.root, "--json")
    rounds = tidegate(*watch, environment={**ENVIRONMENT, "TIDEGATE_PORT": str(bank.api_port), "TIDEGATE_WATCH_API_KEY": bank.key})
    assert rounds.returncode in (0, 3), rounds.stderr  # 3: the API is not there yet
    with ExitStack() as stack:
        bank.serving(stack)
        operating = stack.enter_context(ExitStack())
        bank.operating(operating)
        address = stack.enter_context(alertmanager(folder / "alertmanager", channels))
        asked = stack.enter_context(prometheus(folder / "prometheus", [bank.api], bank.worker, address, bank.key))
        wait_until(lambda: len(asked.ask("up == 1")) == 4, lambda: asked.ask("up"), PATIENCE_SECONDS)
        yield Watched(bank, asked, told, operating)


def test_a_service_that_is_well_alarms_nobody(watched: Watched) -> None:
    with watched.bank.busy():
        settle()
        settle()
    assert watched.prometheus.firing() == set()
    assert (watched.told.slack(), watched.told.mail()) == ([], [])


def test_a_slow_ledger_is_latency_and_no_error_and_a_held_one_is_errors(watched: Watched) -> None:
    with watched.bank.busy():
        settle()
        # SQLite asks for a lock every tenth of a second: in each pause whoever waits gets it
        with watched.bank.ledger_held(0.9, 0.25):
            watched.until_told("latency")
            assert "TidegateErrors" not in watched.prometheus.firing()
        with watched.bank.ledger_held(3_600, 0):
            watched.until_told("errors")
            watched.until_told("ledger_lag")
        for kind in ("latency", "errors", "ledger_lag"):
            watched.until_told(kind, resolved=True)


def test_a_batch_that_has_drifted_and_was_foretold_badly(watched: Watched) -> None:
    assert watched.bank.monitor(22, days_ago=40, wrong=True) == 3
    watched.until_told("drift")
    watched.until_told("performance_realised")
    told = " ".join(text for _, text in watched.told.slack() if "/drift.md" in text)
    assert all(name.lower() in told for name in MOVED), told
    assert watched.bank.monitor(23, days_ago=35, wrong=False) == 0
    watched.until_told("drift", resolved=True)
    watched.until_told("performance_realised", resolved=True)


def test_a_server_that_is_killed(watched: Watched) -> None:
    watched.operating.close()
    watched.until_told("target_down")
    watched.bank.operating(watched.operating)
    watched.until_told("target_down", resolved=True)


def test_what_was_told_is_complete_and_quotes_no_secret(watched: Watched) -> None:
    summaries = {rule["labels"]["kind"]: rule["labels"]["severity"] for rule in all_rules().values()}
    for title, text in watched.told.slack() + watched.told.mail():
        assert title.startswith("[Tidegate] ")
        assert any(f"{RUNBOOKS}/{kind}.md" in text for kind in summaries)
        assert "hidden-word" not in title + text
    channels = {body["channel"] for _, body in watched.told.web.got}
    colours = {one["color"] for _, body in watched.told.web.got for one in body["attachments"]}
    assert (channels, colours) == ({"#churn"}, {"danger", "warning", "good"})
    assert {path for path, _ in watched.told.web.got} == {"/services/T0/B0/hidden-word"}
    assert {one["to"] for one in watched.told.box.mails} == {"oncall@bank.example"}


def test_every_rule_asks_for_metrics_that_are_there(watched: Watched) -> None:
    """A rule on a name that nobody writes would never fire, and nobody would know."""
    named = {name for rule in all_rules().values() for name in metrics_in(rule["expr"])}
    # nobody stopped a canary here; the dashboards' test does
    assert named - watched.prometheus.names() == {"tidegate_canary_stopped_timestamp_seconds"}
