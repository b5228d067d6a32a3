"""`/predict-csv` with files that a child process scores: as right as in the service, and gone without a trace however it ends."""

from __future__ import annotations

import csv
import http.client
import io
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from champions import write_linear_champion
from commands import call, running
from ports import free_port
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home, open_home
from tidegate.ledger.predictions import count_predictions
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.serving.uploads.stream import SMALL_FILE_BYTES

PATIENCE_SECONDS = 300


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = open_home(tmp_path / "home")
    write_linear_champion(home)
    return home


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Large enough for a child process that a test can meet at work."""
    place = tmp_path_factory.mktemp("tables") / "bank.csv"
    write_simulated(place, 60_000, seed=3)
    return place.read_bytes()


@pytest.fixture
def serving(home: Home) -> Iterator[tuple[Any, int]]:
    port = free_port()
    with running("serve", "--home", home.root, "--port", port, environment={"TIDEGATE_MAX_CONCURRENT_UPLOADS": "1"}) as (process, _):
        yield process, port


def head_and_form(content: bytes, extra: str = "") -> tuple[bytes, bytes]:
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="bank.csv"\r\n\r\n' + content + b"\r\n--x--\r\n"
    said = "POST /predict-csv HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    return f"{said}Content-Length: {len(form)}\r\n{extra}\r\n".encode(), form


def send(port: int, content: bytes) -> socket.socket:
    caller = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    caller.sendall(b"".join(head_and_form(content)))
    return caller


def upload(port: int, content: bytes, key: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    headers = {"Content-Type": "multipart/form-data; boundary=x"} | ({"Idempotency-Key": key} if key else {})
    connection.request("POST", "/predict-csv", head_and_form(content)[1], headers)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def workers(process: Any) -> list[int]:
    """The child processes that score files for this one."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = []
    for child in children:
        with suppress(OSError):  # it has just ended
            found += [int(child)] if "worker_process" in Path(f"/proc/{child}/cmdline").read_text() else []
    return found


def within(patience_seconds: float, true: Callable[[], object]) -> object:
    deadline = time.monotonic() + patience_seconds
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def left_in_scratch(home: Home) -> list[Path]:
    return [path for path in home.scratch.glob("serve.*/*") if path.is_dir()]


def recorded(home: Home) -> int:
    ledger = open_ledger(sqlite_url(home.ledger))
    try:
        return count_predictions(ledger)
    finally:
        close_ledger(ledger)


def test_a_large_file_is_scored_as_a_small_one_and_a_repeat_is_the_same_answer(serving: tuple[Any, int], home: Home, table: bytes) -> None:
    _, port = serving
    lines = table.splitlines(keepends=True)
    lines[40] = lines[40].replace(b",", b",,", 1)
    large = lines[:20_001]
    assert sum(map(len, large)) > SMALL_FILE_BYTES
    status, whole = upload(port, b"".join(large), "one")
    assert status == 200
    answered = list(csv.DictReader(io.StringIO(whole.decode())))
    assert len(answered) == 20_000
    assert [number for number, line in enumerate(answered, 1) if line["refused"]] == [40]
    assert recorded(home) == 19_999
    assert upload(port, b"".join(large), "one") == (200, whole)
    assert recorded(home) == 19_999
    assert upload(port, b"".join(large[:15_000]), "one")[0] == 422
    # the other way, in a thread of the service
    few = list(csv.DictReader(io.StringIO(upload(port, b"".join([lines[0], *lines[3_001:5_001]]))[1].decode())))
    assert [line["churn_probability"] for line in few] == [line["churn_probability"] for line in answered[3_000:5_000]]
    within(PATIENCE_SECONDS, lambda: not left_in_scratch(home))  # the file goes after the last byte of its answer


def test_a_worker_that_is_killed_is_a_503_and_the_service_goes_on(serving: tuple[Any, int], home: Home, table: bytes) -> None:
    process, port = serving
    with send(port, table) as caller:
        within(PATIENCE_SECONDS, lambda: workers(process))
        for worker in workers(process):
            signal.pidfd_send_signal(os.pidfd_open(worker), signal.SIGKILL)
        response = http.client.HTTPResponse(caller)
        response.begin()
        document = json.loads(response.read())
    assert (response.status, document["error"]) == (503, "worker_lost")
    assert response.getheader("Retry-After")
    within(PATIENCE_SECONDS, lambda: not left_in_scratch(home))
    assert call(f"http://127.0.0.1:{port}/ready")[0] == 200
    assert upload(port, table[:200_000].rpartition(b"\n")[0])[0] == 200


@pytest.mark.parametrize("moment", ["before the answer", "while it is read"])
def test_a_caller_who_hangs_up_ends_the_worker(serving: tuple[Any, int], home: Home, table: bytes, moment: str) -> None:
    process, port = serving
    caller = send(port, table)
    within(PATIENCE_SECONDS, lambda: workers(process))
    if moment == "while it is read":
        assert b"200 OK" in caller.recv(100)
        assert workers(process)
    caller.close()
    within(PATIENCE_SECONDS, lambda: not workers(process) and not left_in_scratch(home))
    assert recorded(home) < 60_000
    assert upload(port, table[:200_000].rpartition(b"\n")[0])[0] == 200, "its place is free again"


def test_a_service_that_is_killed_takes_its_worker_along(serving: tuple[Any, int], table: bytes) -> None:
    process, port = serving
    with send(port, table):
        (worker,) = within(PATIENCE_SECONDS, lambda: workers(process))  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        process.wait()
        within(PATIENCE_SECONDS, lambda: not Path(f"/proc/{worker}/exe").exists())


def test_what_is_refused_before_it_is_read_reaches_a_caller_who_sends_on(serving: tuple[Any, int], table: bytes) -> None:
    process, port = serving
    with send(port, table):
        within(PATIENCE_SECONDS, lambda: workers(process))
        for _ in range(3):
            status, said = upload(port, table)
            assert (status, json.loads(said)["error"]) == (429, "too_many_requests")
        # one who waits for a word sends nothing
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as polite:
            polite.sendall(head_and_form(table, "Expect: 100-continue\r\n")[0])
            assert polite.recv(1000).startswith(b"HTTP/1.1 429 ")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.request("POST", "/predict", bytes(9 << 20), {"Content-Type": "application/json"})
    assert connection.getresponse().status == 413
    connection.close()
