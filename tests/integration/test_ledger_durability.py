"""What was acknowledged survives a killed process, a refusing disk, and is synchronised before the answer."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.ledger.predictions import count_predictions, find_by_id
from tidegate.ledger.store import check_ledger, close_ledger, open_ledger, sqlite_url

ROUNDS = 4
ACKNOWLEDGED_BEFORE_THE_KILL = 300

MAKE = """
import json, resource, sys, threading
from tidegate.errors import LedgerUnavailable
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.predictions import Prediction
from tidegate.ledger.store import close_ledger, open_ledger

def make(name):
    return Prediction(name, "key-" + name, "d", "c" * 32, "7", "b" * 64, "champion", 0.1, 0.5, 0, '{"age": 41}' * 50, "predict",
                      "2026-01-01T00:00:00.000000+00:00")

ledger = open_ledger(sys.argv[1])
writer = GroupCommit(ledger)
"""

# Each line is printed by the writer's own thread at the moment of the acknowledgement.
SUBMIT_WITHOUT_END = (
    MAKE
    + """
free = threading.Semaphore(64)

def acknowledged(future):
    sys.stdout.write("".join(prediction.prediction_id + "\\n" for prediction in future.result()))
    sys.stdout.flush()
    free.release()

number = 0
while True:
    free.acquire()
    size = 1 + number % 3
    writer.submit([make(f"{sys.argv[2]}-{number}-{part}") for part in range(size)]).add_done_callback(acknowledged)
    number += 1
"""
)

SUBMIT_ONE_BY_ONE = (
    MAKE
    + """
for number in range(int(sys.argv[2])):
    writer.submit([make(str(number))]).result()
writer.close()
close_ledger(ledger)
"""
)

# A limit on the size of files makes the operating system itself refuse a write in the middle of a transaction.
SUBMIT_INTO_A_REFUSING_DISK = (
    MAKE
    + """
accepted, refused = [], []
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
for number in range(60):
    if number == 20:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, unlimited[1]))
    if number == 40:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    try:
        futures = [writer.submit([make(f"{number}-{part}")]) for part in range(5)]
        accepted += [future.result()[0].prediction_id for future in futures]
    except LedgerUnavailable as error:
        refused.append([number, error.detail])
print(json.dumps([accepted, refused]))
writer.close()
close_ledger(ledger)
"""
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "ledger.db")


def test_every_acknowledged_prediction_survives_kill_9(url: str) -> None:
    acknowledged: list[str] = []
    for round_number in range(ROUNDS):
        child = subprocess.Popen(
            [sys.executable, "-c", SUBMIT_WITHOUT_END, url, str(round_number)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(ACKNOWLEDGED_BEFORE_THE_KILL)]
        child.send_signal(signal.SIGKILL)
        rest, faults = child.communicate()
        assert child.returncode == -signal.SIGKILL, faults
        acknowledged += [line.strip() for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith("\n")]

    assert len(acknowledged) == len(set(acknowledged)) >= ROUNDS * ACKNOWLEDGED_BEFORE_THE_KILL
    ledger = open_ledger(url)
    assert check_ledger(ledger) == "ok"
    with ledger.engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT prediction_id FROM predictions").scalars().all()
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    # a submission of several is there as a whole or not at all
    parts: dict[str, int] = {}
    for name in stored:
        submission = name.rsplit("-", 1)[0]
        parts[submission] = parts.get(submission, 0) + 1
    assert all(count == 1 + int(submission.split("-")[1]) % 3 for submission, count in parts.items())
    close_ledger(ledger)


def test_a_refusing_disk_loses_nothing_acknowledged_and_is_forgiven(url: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", SUBMIT_INTO_A_REFUSING_DISK, url], stdout=subprocess.PIPE, text=True, check=True, timeout=60
    )
    accepted, refused = json.loads(child.stdout)
    assert refused
    assert all(20 <= number < 40 and detail.startswith("The ledger's disk") for number, detail in refused), refused
    assert {f"{number}-0" for number in range(40, 60)} <= set(accepted)
    ledger = open_ledger(url)
    assert check_ledger(ledger) == "ok"
    assert count_predictions(ledger) >= len(accepted)
    assert all(find_by_id(ledger, name) is not None for name in accepted)
    close_ledger(ledger)


def test_each_acknowledgement_waited_for_the_disk(url: str, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace, which counts the system calls, is not installed")
    close_ledger(open_ledger(url))
    submissions = 40
    synchronised = []
    for count in (0, submissions):
        log = tmp_path / f"calls-{count}"
        traced = subprocess.run(
            [strace, "-f", "-e", "trace=fsync,fdatasync", "-o", log, sys.executable, "-c", SUBMIT_ONE_BY_ONE, url, str(count)],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if traced.returncode != 0 and "ptrace" in traced.stderr:
            pytest.skip("this machine does not allow tracing")
        assert traced.returncode == 0, traced.stderr
        synchronised.append(len(re.findall(r"\b(?:fsync|fdatasync)\(", log.read_text())))
    assert synchronised[1] - synchronised[0] >= submissions
