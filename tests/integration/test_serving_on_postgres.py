"""`tidegate serve` on PostgreSQL, as a process: killed under load, and with a database that goes away and comes back under load."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callers import calling, wait_until
from champions import write_linear_champion
from commands import call, running
from databases import PASSWORD, Postgres
from ports import free_port
from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.home import Home, open_home
from tidegate.ledger.events import list_events, verify_events
from tidegate.ledger.joins import heard_predictions, matured_predictions
from tidegate.ledger.store import check_ledger, close_ledger, open_ledger
from tidegate.storage.files import Folder

pytestmark = pytest.mark.servers

CALLERS, KILLS, PATIENCE = 6, 3, 60


@dataclass
class Load:
    """Callers who each repeat a request, with its key, until it is acknowledged, and then send the next."""

    port: int
    rows: list[dict[str, Any]]
    acknowledged: dict[str, str] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    unanswered: int = 0
    repeated: int = 0
    refused_after: list[float] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def send(self, caller: int) -> None:
        number = 0
        while not self.ending.is_set():
            key = f"{caller}-{number}"
            answer = self._ask(key, {**self.rows[number % len(self.rows)], "customer_id": key})
            if answer is None:
                time.sleep(0.02)
                continue
            assert self.acknowledged.setdefault(key, answer) == answer
            # now and then somebody asks again for what was answered: it has to be the same prediction
            if number % 10:
                number += 1
            elif self._ask(key, {**self.rows[number % len(self.rows)], "customer_id": key}) == answer:
                self.repeated += 1
                number += 1

    def _ask(self, key: str, body: dict[str, Any]) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        began = time.monotonic()
        try:
            connection.request("POST", "/predict", json.dumps(body), {"Content-Type": "application/json", "Idempotency-Key": key})
            response = connection.getresponse()
            document = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            self.unanswered += 1
            return None
        finally:
            connection.close()
        self.statuses[response.status] = self.statuses.get(response.status, 0) + 1
        if response.status == 503:
            self.refused_after.append(time.monotonic() - began)
        return str(document["prediction_id"]) if response.status == 200 else None

    def wait_for_more(self, count: int = 60) -> None:
        goal = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= goal, lambda: (self.statuses, self.unanswered))


@contextmanager
def load(port: int, rows: list[dict[str, Any]]) -> Iterator[Load]:
    sent = Load(port, rows)
    with calling(CALLERS, sent.send, sent.ending):
        yield sent


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = open_home(tmp_path_factory.mktemp("served") / "home")
    write_linear_champion(home)
    return home


@pytest.fixture(scope="module")
def rows(home: Home) -> list[dict[str, Any]]:
    return synthetic_rows(open_champion(Folder(home.storage)).contract.spec, seed=5, count=40)


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.place()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def serving(home: Home, url: str, port: int) -> Callable[..., Any]:
    """`tidegate serve` on the database, which it waits so many seconds for."""

    def serve(seconds: float = 25) -> Any:
        environment = {"TIDEGATE_LEDGER_URL": url, "TIDEGATE_LEDGER_SECONDS": str(seconds)}
        return running("serve", "--home", home.root, "--port", port, environment=environment)

    return serve


def require_each_once(url: str, acknowledged: dict[str, str]) -> None:
    ledger = open_ledger(url)
    try:
        with ledger.engine.connect() as connection:
            held = connection.exec_driver_sql("SELECT idempotency_key, prediction_id FROM predictions").all()
        assert len(held) == len({key for key, _ in held})
        stored = dict(map(tuple, held))
        assert {key: stored.get(key) for key in acknowledged} == acknowledged
        assert (check_ledger(ledger), verify_events(ledger)) == ("ok", "ok")
    finally:
        close_ledger(ledger)


def test_a_service_killed_under_load_loses_nothing_acknowledged(
    serving: Callable[..., Any], port: int, url: str, rows: list[dict[str, Any]]
) -> None:
    with load(port, rows) as sent:
        for _ in range(KILLS):
            with serving() as (process, _ready):
                sent.wait_for_more()
                process.send_signal(signal.SIGKILL)
                process.wait(10)
        with serving():
            sent.wait_for_more()  # every caller goes on with the request that was in its hands when the service died
    assert sent.unanswered
    assert sent.repeated
    assert set(sent.statuses) == {200}
    require_each_once(url, sent.acknowledged)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_database_restarted_under_load_is_a_503_at_once_and_no_restart_of_ours(
    serving: Callable[..., Any], postgres: Postgres, port: int, url: str, rows: list[dict[str, Any]], mode: str
) -> None:
    with serving(0.5) as (process, ready), load(port, rows) as sent:
        sent.wait_for_more()
        postgres.stop(mode)
        try:
            stopped = len(sent.acknowledged)
            time.sleep(1.5)
            assert len(sent.acknowledged) <= stopped + CALLERS, "answered without a database"
            assert call(f"{ready['url']}/ready")[0] == 503
            assert call(f"{ready['url']}/health")[0] == 200
            assert call(f"{ready['url']}/outcomes", {"outcomes": [{"customer_id": "0-0", "outcome": 1}]})[0] == 503
            status, said = call(f"{ready['url']}/feedback", {"customer_id": "0-0", "heard": "other"})
            assert (status, PASSWORD in said.decode()) == (503, False)
        finally:
            postgres.start()
        sent.wait_for_more()
        assert call(f"{ready['url']}/ready")[0] == 200
        assert process.poll() is None
        sent.ending.set()
    assert sent.unanswered == 0
    assert set(sent.statuses) == {200, 503}
    slow = sorted(sent.refused_after)[int(len(sent.refused_after) * 0.95)]
    assert slow < 1, f"a refusal took {slow:.2f} s"
    require_each_once(url, sent.acknowledged)


def test_outcomes_and_feedback_reach_the_database_and_meet_their_predictions(
    serving: Callable[..., Any], url: str, rows: list[dict[str, Any]]
) -> None:
    with serving() as (_, ready):
        people = [{**rows[0], "customer_id": f"C-{number}"} for number in range(3)]
        ids = [json.loads(call(f"{ready['url']}/predict", person)[1])["prediction_id"] for person in people]
        body = {"outcomes": [{"customer_id": name, "outcome": left} for name, left in (("C-0", 1), ("C-1", 0), ("C-9", 1))]}
        first, again = (json.loads(call(f"{ready['url']}/outcomes", body)[1]) for _ in range(2))
        heard = json.loads(call(f"{ready['url']}/feedback", {"customer_id": "C-2", "heard": "will_leave", "note": "“Zoë” said so"})[1])
        assert call(f"{ready['url']}/feedback", {"customer_id": "C-2", "heard": "other", "note": "a\0b"})[0] == 422
    assert (first["recorded"], first["known_already"], [one["rule"] for one in first["rejected"]]) == (2, 0, ["unknown customer"])
    assert (again["recorded"], again["known_already"]) == (0, 2)
    assert heard["prediction_id"] == ids[2]
    ledger = open_ledger(url)
    later = datetime.now(UTC) + timedelta(days=40)
    assert {one.prediction_id: one.outcome for one in matured_predictions(ledger, later, 30)} == dict(zip(ids, [1, 0, None], strict=True))
    assert [one.heard for one in heard_predictions(ledger)] == ["will_leave"]
    assert [event.what for event in list_events(ledger)] == ["recorded feedback", "recorded outcomes"]
    assert verify_events(ledger) == "ok"
    close_ledger(ledger)
