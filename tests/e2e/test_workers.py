"""Several workers on one port: they answer alike, count together, are replaced when they die, and follow the pointer each for itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from commands import call, customers, running, tidegate
from ports import free_port
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home
from tidegate.ledger.predictions import count_predictions
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            command = status.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if lines["PPid"] == str(process.pid) and b"spawn_main" in command:
            found.append(int(lines["Pid"]))
    return found


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def counted(url: str) -> float:
    lines = call(f"{url}/metrics")[1].decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith('tidegate_requests_total{route="/predict",status="200"}'))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_workers_answer_alike_count_together_and_are_replaced(own_home: Home, tmp_path: Path) -> None:
    write_simulated(tmp_path / "new.csv", 200, seed=8)
    many = customers(tmp_path / "new.csv")
    with running("serve", "--home", own_home.root, "--port", free_port(), "--workers", 2) as (process, ready):
        url = ready["url"]
        before = workers_of(process)
        assert len(before) == 2
        answered = [json.loads(call(f"{url}/predict", one)[1])["probabilities"]["churn"] for one in many[:60]]
        batch = json.loads(call(f"{url}/predict-batch", {"customers": many[:60]})[1])["predictions"]
        assert [one["probabilities"]["churn"] for one in batch] == answered
        until(lambda: counted(url) >= 60)  # an answer is counted a moment after it was sent
        assert counted(url) == 60
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(set(workers_of(process)) - set(before)) == 1)
        until(lambda: call(f"{url}/ready")[0] == 200)
        assert all(call(f"{url}/predict", one)[0] == 200 for one in many[60:100])
        # what the dead worker counted stays counted
        until(lambda: counted(url) >= 100)
        assert counted(url) == 100
        present = workers_of(process)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        until(lambda: not any(alive(pid) for pid in present))
    ledger = open_ledger(sqlite_url(own_home.ledger))
    assert count_predictions(ledger) == 160
    close_ledger(ledger)


def test_workers_end_with_a_supervisor_that_was_killed(own_home: Home) -> None:
    with running("serve", "--home", own_home.root, "--port", free_port(), "--workers", 2) as (process, _):
        present = workers_of(process)
        process.kill()
        process.wait(10)
        until(lambda: not any(alive(pid) for pid in present))


def test_what_stands_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/home.json").write_text('{"format": 1}')
    refused = tidegate("serve", "--home", tmp_path / "home", "--port", free_port(), "--workers", 2)
    assert refused.returncode == 2
    assert "no champion" in refused.stderr
    assert "Traceback" not in refused.stderr
