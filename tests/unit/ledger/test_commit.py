"""Group commit: durable before answered, one row per key, and alive after every failure."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path

import pytest
import sqlalchemy as sa

from databases import Outsider
from tidegate.errors import KeyReused, LedgerUnavailable
from tidegate.ledger import commit as commit_module
from tidegate.ledger import connections
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.predictions import Prediction, count_predictions, find_by_id, find_by_key
from tidegate.ledger.store import Ledger, close_ledger, open_ledger

Make = Callable[..., Prediction]
PATIENCE = 10


@pytest.fixture
def writer(ledger: Ledger) -> Iterator[GroupCommit]:
    opened = GroupCommit(ledger)
    yield opened
    opened.close()


@pytest.fixture
def held(outsider: Outsider) -> Iterator[Callable[[], None]]:
    """Hold the write lock from outside, so that submissions gather; the test calls the fixture to let go."""
    outsider.hold()
    yield outsider.release
    outsider.release()


def occupy(writer: GroupCommit, prediction: Prediction) -> Future[list[Prediction]]:
    """Give the thread a group to wait with, so that what comes next is one group."""
    future = writer.submit([prediction])
    while not (future.running() or future.done()):
        time.sleep(0.001)
    return future


def test_an_answer_means_the_row_is_committed(writer: GroupCommit, outsider: Outsider, make: Make) -> None:
    seen: list[int] = []

    def look(_future: Future[list[Prediction]]) -> None:
        seen.append(outsider.execute("SELECT count(*) FROM predictions").fetchone()[0])

    for number in range(5):
        future = writer.submit([make(number)])
        future.add_done_callback(look)
        assert future.result(PATIENCE) == [make(number)]
    writer.close()  # the last callback may run after the last result
    assert seen == [1, 2, 3, 4, 5]


def test_nothing_is_answered_while_the_commit_waits(writer: GroupCommit, held: Callable[[], None], make: Make) -> None:
    future = writer.submit([make(1)])
    assert wait([future], timeout=0.2).not_done
    held()
    assert future.result(PATIENCE) == [make(1)]


def test_what_queues_up_shares_commits(
    ledger: Ledger, writer: GroupCommit, held: Callable[[], None], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    original = commit_module.record_group

    def counting(ledger: Ledger, submissions: list[list[Prediction]]) -> object:
        sizes.append(sum(map(len, submissions)))
        return original(ledger, submissions)

    monkeypatch.setattr(commit_module, "record_group", counting)
    futures = [occupy(writer, make(0))]
    futures += [writer.submit([make(number)]) for number in range(1, 701)]
    held()
    assert [future.result(PATIENCE) for future in futures] == [[make(number)] for number in range(701)]
    assert sizes == [1, 512, 188]


def test_a_submission_larger_than_a_group_is_one_transaction(ledger: Ledger, make: Make) -> None:
    writer = GroupCommit(ledger, max_group=4, max_queue=10)
    many = [make(number) for number in range(25)]
    assert writer.submit(many).result(PATIENCE) == many
    writer.close()
    assert count_predictions(ledger) == 25


def test_an_empty_submission_is_answered(writer: GroupCommit) -> None:
    assert writer.submit([]).result(0) == []


def test_a_known_key_answers_with_the_stored_prediction(ledger: Ledger, writer: GroupCommit, make: Make) -> None:
    first = make(1, key="k", digest="d")
    assert writer.submit([first]).result(PATIENCE) == [first]
    assert writer.submit([make(2, key="k", digest="d")]).result(PATIENCE) == [first]
    assert count_predictions(ledger) == 1


def test_a_key_twice_in_one_group_is_one_row(ledger: Ledger, writer: GroupCommit, held: Callable[[], None], make: Make) -> None:
    occupy(writer, make(0))
    futures = [writer.submit([make(number, key="k", digest="d")]) for number in range(1, 4)]
    same = writer.submit([make(4, key="m", digest="d"), make(5, key="m", digest="d")])
    held()
    assert [future.result(PATIENCE) for future in futures] == [[make(1, key="k", digest="d")]] * 3
    assert same.result(PATIENCE) == [make(4, key="m", digest="d")] * 2
    assert count_predictions(ledger) == 3


def test_a_key_with_another_body_fails_alone(ledger: Ledger, writer: GroupCommit, held: Callable[[], None], make: Make) -> None:
    occupy(writer, make(0, key="old", digest="d"))
    before = writer.submit([make(1)])
    reused = writer.submit([make(2), make(3, key="old", digest="other")])
    first = writer.submit([make(4, key="new", digest="d")])
    clash = writer.submit([make(5, key="other", digest="d"), make(6, key="new", digest="e")])
    after = writer.submit([make(7, key="other", digest="z")])
    held()
    for future in (reused, clash):
        with pytest.raises(KeyReused, match="key was already used") as refusal:
            future.result(PATIENCE)
        assert refusal.value.remedy
    for future in (before, first, after):
        assert len(future.result(PATIENCE)) == 1
    assert find_by_id(ledger, "id-00000002") is None  # nothing of a refused submission is written
    assert find_by_key(ledger, "other") == make(7, key="other", digest="z")  # nor is its key taken
    assert count_predictions(ledger) == 4


def test_a_row_the_database_refuses_fails_alone(ledger: Ledger, writer: GroupCommit, held: Callable[[], None], make: Make) -> None:
    occupy(writer, make(0))
    futures = [
        writer.submit(predictions)
        for predictions in ([make(1)], [make(2), make(0)], [make(3, row="\ud800")], [make(4, key="k")], [make(5)])
    ]
    held()
    assert [future.exception(PATIENCE) is None for future in futures] == [True, False, False, True, True]
    assert isinstance(futures[1].exception(), LedgerUnavailable)
    assert isinstance(futures[2].exception(), LedgerUnavailable)
    assert count_predictions(ledger) == 4


def test_a_full_queue_refuses_at_once(ledger: Ledger, held: Callable[[], None], make: Make) -> None:
    writer = GroupCommit(ledger, max_queue=10)
    futures = [occupy(writer, make(0))]
    futures += [writer.submit([make(number)]) for number in range(1, 11)]
    started = time.monotonic()
    with pytest.raises(LedgerUnavailable, match="behind"):
        writer.submit([make(11)])
    assert time.monotonic() - started < 0.5
    held()
    for future in futures:
        future.result(PATIENCE)
    assert writer.submit([make(12)]).result(PATIENCE)
    writer.close()


def test_closing_writes_what_is_queued_and_refuses_more(ledger: Ledger, held: Callable[[], None], make: Make) -> None:
    writer = GroupCommit(ledger)
    futures = [occupy(writer, make(0))] + [writer.submit([make(number)]) for number in range(1, 20)]
    closing = threading.Thread(target=writer.close)
    closing.start()

    def submit_until_refused() -> None:
        while True:
            futures.append(writer.submit([make(99 + len(futures))]))

    with pytest.raises(LedgerUnavailable, match="closing"):
        submit_until_refused()
    held()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert all(future.done() and future.exception() is None for future in futures)
    assert count_predictions(ledger) == len(futures)
    writer.close()


def test_a_cancelled_submission_is_not_written(ledger: Ledger, writer: GroupCommit, held: Callable[[], None], make: Make) -> None:
    first = occupy(writer, make(0))
    gone, stays = writer.submit([make(1)]), writer.submit([make(2)])
    assert gone.cancel()
    assert not first.cancel()
    held()
    assert stays.result(PATIENCE) == [make(2)]
    with pytest.raises(CancelledError):
        gone.result(PATIENCE)
    assert find_by_id(ledger, "id-00000001") is None


def test_many_threads_and_an_event_loop(ledger: Ledger, writer: GroupCommit, make: Make) -> None:
    async def client(start: int) -> None:
        for number in range(start, start + 50):
            assert await asyncio.wrap_future(writer.submit([make(number)])) == [make(number)]

    async def clients() -> None:
        await asyncio.gather(*(client(start) for start in range(0, 1000, 50)))

    threads = [
        threading.Thread(target=lambda base=base: [writer.submit([make(base + n)]).result(PATIENCE) for n in range(50)])
        for base in (5000, 6000)
    ]
    for thread in threads:
        thread.start()
    asyncio.run(clients())
    for thread in threads:
        thread.join()
    assert count_predictions(ledger) == 1100


def fails_then_recovers(
    ledger: Ledger, writer: GroupCommit, make: Make, sentence: str, repair: Callable[[], None], **changes: object
) -> None:
    """Every future of a group fails soon and clearly; after the repair the same thread records again."""
    futures = [writer.submit([make(number, **changes)]) for number in range(100, 110)]
    for future in futures:
        with pytest.raises(LedgerUnavailable, match=sentence) as failure:
            future.result(PATIENCE)
        assert failure.value.remedy
        assert "INSERT" not in str(failure.value)
    assert len({id(future.exception()) for future in futures}) == len(futures)
    repair()
    assert writer.submit([make(200)]).result(PATIENCE) == [make(200)]
    assert count_predictions(ledger) == 2


def pragma_on_checkout(ledger: Ledger, pragma: str) -> Callable[[], None]:
    def apply(connection: sqlite3.Connection, *_others: object) -> None:
        connection.execute(pragma)

    sa.event.listen(ledger.engine, "checkout", apply)
    return lambda: sa.event.remove(ledger.engine, "checkout", apply)


def test_a_full_disk(path: Path, ledger: Ledger, writer: GroupCommit, make: Make) -> None:
    writer.submit([make(1)]).result(PATIENCE)
    end = pragma_on_checkout(ledger, "PRAGMA max_page_count=1")  # rounded up to the present size

    def repair() -> None:
        end()
        ledger.engine.dispose()

    fails_then_recovers(ledger, writer, make, "disk is full", repair, row="x" * 100_000)


def test_a_read_only_database(path: Path, ledger: Ledger, writer: GroupCommit, make: Make) -> None:
    writer.submit([make(1)]).result(PATIENCE)
    end = pragma_on_checkout(ledger, "PRAGMA query_only=ON")

    def repair() -> None:
        end()
        ledger.engine.dispose()

    fails_then_recovers(ledger, writer, make, "cannot be written", repair)


def test_a_deleted_file(path: Path, ledger: Ledger, writer: GroupCommit, make: Make) -> None:
    writer.submit([make(1)]).result(PATIENCE)
    names = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
    for name in names:
        name.rename(f"{name}.away")

    def repair() -> None:
        for name in names:
            name.with_name(f"{name.name}.away").rename(name)

    fails_then_recovers(ledger, writer, make, "absent", repair)


def test_a_lock_held_too_long(ledger: Ledger, outsider: Outsider, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BUSY_TIMEOUT_MS", 50)
    impatient = open_ledger(ledger.url)
    writer = GroupCommit(impatient)
    writer.submit([make(1)]).result(PATIENCE)
    outsider.hold()
    fails_then_recovers(impatient, writer, make, "locked", outsider.release)
    writer.close()
    close_ledger(impatient)


def test_a_fault_of_ours_does_not_end_the_thread(writer: GroupCommit, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(commit_module, "record_group", lambda *_: 1 / 0)
        with pytest.raises(LedgerUnavailable, match="unexpectedly") as failure:
            writer.submit([make(1)]).result(PATIENCE)
        assert isinstance(failure.value.__cause__, ZeroDivisionError)
    assert writer.submit([make(1)]).result(PATIENCE) == [make(1)]


RIVAL = """
import dataclasses, json, sys
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.predictions import Prediction
from tidegate.ledger.store import open_ledger
ledger = open_ledger(sys.argv[1])
writer = GroupCommit(ledger, max_group=16)
print("ready", flush=True)
sys.stdin.readline()
example = json.loads(sys.argv[3])
futures = []
for number in range(300):
    example.update(prediction_id=f"{sys.argv[2]}-{number}", idempotency_key=f"key-{number}", request_digest="d")
    futures.append(writer.submit([Prediction(**example)]))
print(json.dumps([future.result(30)[0].prediction_id for future in futures]))
writer.close()
"""


def test_processes_that_race_for_the_same_keys_agree(ledger: Ledger, make: Make) -> None:
    example = json.dumps({name: getattr(make(1), name) for name in Prediction.__slots__})
    rivals = [
        subprocess.Popen([sys.executable, "-c", RIVAL, ledger.url, name, example], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    for rival in rivals:
        assert rival.stdout is not None
        assert rival.stdout.readline() == "ready\n"
    for rival in rivals:
        assert rival.stdin is not None
        rival.stdin.write("\n")
        rival.stdin.flush()
    answers = [json.loads(rival.communicate(timeout=60)[0]) for rival in rivals]
    assert answers[0] == answers[1]
    assert count_predictions(ledger) == 300


def test_the_backlog_says_how_much_waits_and_for_how_long(writer: GroupCommit, make: Make, held: Callable[[], None]) -> None:
    assert (writer.backlog().rows, writer.backlog().seconds) == (0, 0.0)
    futures = [writer.submit([make()]) for _ in range(3)]
    time.sleep(0.2)
    waiting = writer.backlog()
    assert waiting.rows == 3
    assert waiting.seconds >= 0.2
    held()
    wait(futures, PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while writer.backlog().rows and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (writer.backlog().rows, writer.backlog().seconds) == (0, 0.0)
