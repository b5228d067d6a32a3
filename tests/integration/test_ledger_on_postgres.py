"""What only a database server can do to a ledger: refuse, end connections, stop, crash, come back. All else runs in tests/unit/ledger."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from databases import PASSWORD, Outsider, Postgres
from tidegate.errors import LedgerUnavailable
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.connections import reading, writing
from tidegate.ledger.events import append_event, verify_events
from tidegate.ledger.joins import matured_predictions
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.predictions import Prediction, count_predictions, find_by_id, insert_predictions
from tidegate.ledger.store import Ledger, check_ledger, close_ledger, open_ledger
from tidegate.ledger.times import time_text

pytestmark = pytest.mark.servers

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENCE = 15


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.place()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = open_ledger(url)
    yield opened
    close_ledger(opened)


@pytest.fixture
def writer(ledger: Ledger) -> Iterator[GroupCommit]:
    opened = GroupCommit(ledger)
    yield opened
    opened.close()


def make(number: int, at: datetime = NOW) -> Prediction:
    return Prediction(
        f"id-{number:08d}", f"key-{number}", "d", f"{number:032x}", "7", "b" * 64, "champion", 0.1, 0.5, 0, "{}", "predict", time_text(at)
    )


@dataclass
class Breakage:
    """A way to break a database, the way back, and the sentence for a person."""

    sentence: str
    end: str
    again: str


# A trigger answers with the state that a full disk has: https://www.postgresql.org/docs/current/errcodes-appendix.html
FULL_DISK = """
CREATE FUNCTION full_disk() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$ LANGUAGE plpgsql;
CREATE TRIGGER full_disk BEFORE INSERT ON predictions EXECUTE FUNCTION full_disk()
"""
READ_ONLY = "ALTER ROLE CURRENT_USER SET default_transaction_read_only = on"
WRITABLE = "SET default_transaction_read_only = off; ALTER ROLE CURRENT_USER RESET default_transaction_read_only"
BREAKAGES = {
    "full disk": Breakage("disk is full", FULL_DISK, "DROP FUNCTION full_disk CASCADE"),
    "read only": Breakage("cannot be written", READ_ONLY, WRITABLE),
    "no right to write": Breakage(
        "cannot be written", "REVOKE INSERT ON predictions FROM CURRENT_USER", "GRANT INSERT ON predictions TO CURRENT_USER"
    ),
}
UNREACHABLE: dict[str, dict[str, Any]] = {
    "password": {"password": "not-this-one"},
    "database": {"database": "nowhere"},
    "port": {"port": 9},
}


@pytest.mark.parametrize("kind", BREAKAGES)
def test_a_refusing_database_fails_every_waiting_request_and_is_forgiven(kind: str, url: str, ledger: Ledger, writer: GroupCommit) -> None:
    broken, outsider = BREAKAGES[kind], Outsider(url)
    writer.submit([make(1)]).result(PATIENCE)
    outsider.execute(broken.end)
    ledger.engine.dispose()  # the next connection is a new one, with the role's new settings
    futures = [writer.submit([make(number)]) for number in range(100, 110)]
    for future in futures:
        with pytest.raises(LedgerUnavailable, match=broken.sentence) as failure:
            future.result(PATIENCE)
        assert PASSWORD not in str(failure.value)
        assert "INSERT" not in str(failure.value)
    outsider.execute(broken.again)
    ledger.engine.dispose()
    assert writer.submit([make(200)]).result(PATIENCE) == [make(200)]
    assert count_predictions(ledger) == 2
    outsider.close()


def test_a_stopped_server_is_said_at_once_and_a_restarted_one_is_used_again(
    postgres: Postgres, ledger: Ledger, writer: GroupCommit
) -> None:
    writer.submit([make(1)]).result(PATIENCE)
    append_event(ledger, "ana", "promote", {}, NOW)
    postgres.stop()
    try:
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable, match="ledger's database") as failure:
            writer.submit([make(2)]).result(PATIENCE)
        assert time.monotonic() - began < 3
        assert PASSWORD not in str(failure.value)
        assert "absent or cannot be opened" in check_ledger(ledger)
        with pytest.raises(LedgerUnavailable):
            append_event(ledger, "ana", "rollback", {}, NOW)
        with pytest.raises(LedgerUnavailable):
            open_ledger(ledger.url)
    finally:
        postgres.start()
    assert writer.submit([make(2)]).result(PATIENCE) == [make(2)]
    assert append_event(ledger, "ana", "rollback", {}, NOW) == 2
    assert (check_ledger(ledger), verify_events(ledger), count_predictions(ledger)) == ("ok", "ok", 2)


def test_a_restart_between_two_requests_is_not_noticed(postgres: Postgres, ledger: Ledger, writer: GroupCommit) -> None:
    writer.submit([make(1)]).result(PATIENCE)
    postgres.stop()
    postgres.start()
    assert writer.submit([make(2)]).result(PATIENCE) == [make(2)]


def under_load(writer: GroupCommit, disturb: Callable[[], None]) -> tuple[list[str], int]:
    """Ids acknowledged to four callers who write all the time, before, during and after the disturbance; and how many were refused."""
    acknowledged: list[str] = []
    refused: list[str] = []
    ending = threading.Event()

    def write(caller: int) -> None:
        number = caller * 1_000_000
        while not ending.is_set():
            number += 1
            try:
                acknowledged.append(writer.submit([make(number)]).result(PATIENCE)[0].prediction_id)
            except LedgerUnavailable as error:
                refused.append(error.detail)
                time.sleep(0.01)

    def wait_for_more(count: int = 100) -> None:
        goal, deadline = len(acknowledged) + count, time.monotonic() + PATIENCE
        while len(acknowledged) < goal:
            assert time.monotonic() < deadline, refused[-3:]
            time.sleep(0.01)

    threads = [threading.Thread(target=write, args=(caller,)) for caller in range(4)]
    for thread in threads:
        thread.start()
    try:
        wait_for_more()
        disturb()
        wait_for_more()
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    return acknowledged, len(refused)


def require_all(ledger: Ledger, acknowledged: list[str]) -> None:
    with reading(ledger.engine) as connection:
        held = connection.exec_driver_sql("SELECT prediction_id FROM predictions").scalars().all()
    assert len(held) == len(set(held))
    assert set(acknowledged) <= set(held)
    assert check_ledger(ledger) == "ok"


def test_connections_ended_under_load_lose_nothing_acknowledged(postgres: Postgres, ledger: Ledger, writer: GroupCommit) -> None:
    account = ledger.engine.url.username

    def disturb() -> None:
        for _ in range(20):
            postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{account}'")
            time.sleep(0.02)

    acknowledged, refused = under_load(writer, disturb)
    assert refused, "no connection was ended in the middle, so this test shows nothing"
    require_all(ledger, acknowledged)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_stopped_or_crashed_under_load_loses_nothing_acknowledged(
    postgres: Postgres, ledger: Ledger, writer: GroupCommit, mode: str
) -> None:
    def disturb() -> None:
        postgres.stop(mode)
        try:
            time.sleep(0.3)
        finally:
            postgres.start()

    acknowledged, refused = under_load(writer, disturb)
    assert refused
    require_all(ledger, acknowledged)


def test_a_commit_waits_for_the_disk_whatever_the_account_says(postgres: Postgres, url: str) -> None:
    postgres.sql(f"ALTER ROLE {sa.make_url(url).username} SET synchronous_commit = off")
    ledger = open_ledger(url)
    with reading(ledger.engine) as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    close_ledger(ledger)


@pytest.mark.parametrize("wrong", UNREACHABLE)
def test_what_cannot_be_reached_is_one_sentence_without_the_password(url: str, wrong: str) -> None:
    with pytest.raises(LedgerUnavailable, match="absent or cannot be opened") as failure:
        open_ledger(sa.make_url(url).set(**UNREACHABLE[wrong]).render_as_string(hide_password=False))
    for secret in (PASSWORD, "not-this-one"):
        assert secret not in str(failure.value) + str(failure.value.__cause__)


def test_texts_come_back_as_texts_from_a_database_without_encoding(postgres: Postgres, ledger: Ledger) -> None:
    assert postgres.sql("SHOW server_encoding") == [("SQL_ASCII",)]
    append_event(ledger, "Zoë", "promote", {}, NOW)
    with writing(ledger.engine) as connection:
        insert_predictions(connection, [make(1)])
    assert find_by_id(ledger, "id-00000001") == make(1)
    assert verify_events(ledger) == "ok"


def test_the_join_reads_no_outcomes_but_those_it_gives(url: str, ledger: Ledger) -> None:
    many = 20_000
    with writing(ledger.engine) as connection:
        insert_predictions(connection, [make(number, NOW + timedelta(seconds=number)) for number in range(many)])
    outcomes = [Outcome(f"{number:032x}", time_text(NOW + timedelta(days=9)), number % 2, "x", time_text(NOW)) for number in range(many)]
    record_outcomes(ledger, outcomes, "ana", {}, NOW)
    outsider = Outsider(url)
    outsider.execute("ANALYZE")
    plans: list[str] = []

    def explain(connection: sa.Connection, cursor: object, statement: str, values: object, *_others: object) -> None:
        if "predictions" in statement and not plans:
            explained = connection.connection.cursor()
            explained.execute(f"EXPLAIN {statement}", values)
            plans.append("\n".join(row[0] for row in explained.fetchall()))

    sa.event.listen(ledger.engine, "before_cursor_execute", explain)
    found = list(matured_predictions(ledger, NOW + timedelta(days=60), 30))
    assert [one.outcome for one in found] == [number % 2 for number in range(many)]
    assert plans[0].count("using outcomes_pkey on outcomes") == 2, plans[0]
    assert "predictions_created_at" in plans[0], plans[0]
    assert "Seq Scan" not in plans[0], plans[0]
    outsider.close()
