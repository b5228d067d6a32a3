"""What is killed outright takes what it started with it: no service, training or page outlives the verb that began it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from callers import wait_until
from commands import call, running
from e2e.test_operate import form
from e2e.test_reports import closed
from e2e.test_workers import alive
from ports import free_port
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home

PATIENCE_SECONDS = 150


def descendants(pid: int) -> list[int]:
    """Of a process: its children, theirs, and so on."""
    children: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += [int(child) for child in (task / "children").read_text().split()]
    return children + [one for child in children for one in descendants(child)]


def command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def kill(pid: int, *expected: str) -> None:
    """SIGKILL to this process alone, once each of the `expected` commands runs below it; all that runs there has to end by itself."""
    found: list[int] = []

    def all_run() -> bool:
        found[:] = descendants(pid)
        return all(any(part in command_of(one) for one in found) for part in expected)

    wait_until(all_run, lambda: [command_of(one) for one in found], PATIENCE_SECONDS)
    try:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(alive, found)), lambda: [command_of(one) for one in found if alive(one)], PATIENCE_SECONDS)
    finally:
        for one in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)


def begun(*words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tidegate", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def test_run_takes_its_services_with_it(own_home: Home) -> None:
    port = free_port()
    with running("run", "--home", own_home.root, "--port", port) as (process, _):
        kill(process.pid, "tidegate serve", "tidegate operate", "tidegate reports", "tidegate ui", "tidegate.ui.child")
        assert closed(port)


def test_run_takes_its_training_with_it(tmp_path: Path) -> None:
    with begun("run", "--home", tmp_path / "home", "--port", free_port()) as process:
        kill(process.pid, "tidegate train")


def test_the_pages_end_with_the_verb_that_serves_them() -> None:
    with running("ui", "--port", free_port()) as (process, _):
        kill(process.pid, "tidegate.ui.child")


def test_the_operate_api_takes_its_training_with_it(own_home: Home) -> None:
    with running("operate", "--home", own_home.root, "--port", free_port()) as (process, ready):
        status, answer = call(f"{ready['url']}/train", form({"budget": "standard"}), "multipart/form-data; boundary=x")
        assert status == 202, answer
        kill(process.pid, "tidegate train")


def test_watch_takes_its_step_with_it(own_home: Home) -> None:
    own_home.inbox.mkdir()
    write_simulated(own_home.inbox / "prod_batch_1.csv", 1_000, seed=9)
    with begun("watch", "--once", "--home", own_home.root) as process:
        kill(process.pid, "tidegate monitor", "evidently_pages")
    assert not (own_home.reports / "prod_batch_1").exists(), "it went on to its end"


def test_what_a_child_starts_is_not_told_to_end() -> None:
    """Its number would be that of somebody who is not its parent."""
    code = "import os; from tidegate.parent import end_with_parent; end_with_parent(); print('TIDEGATE_PARENT' in os.environ)"
    told = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "TIDEGATE_PARENT": str(os.getpid())}, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"
