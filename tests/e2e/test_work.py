"""`work`: operate API, reports and watch as one process that stops as one, and ends where one of them does."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from champions import write_linear_champion
from commands import call, running
from e2e.test_reports import closed
from ports import free_port
from tidegate.home import Home, open_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One with a champion, which nobody had to train."""
    made = open_home(tmp_path / "home")
    write_linear_champion(made)
    return made


@pytest.fixture
def ports() -> dict[str, str]:
    return {"TIDEGATE_OPERATE_PORT": str(free_port()), "TIDEGATE_REPORTS_PORT": str(free_port())}


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_the_three_services_begin_and_end_together(home: Home, ports: dict[str, str]) -> None:
    environment = {**ports, "TIDEGATE_BOOTSTRAP": "simulated"}
    with running("work", "--home", home.root, "--every", "60s", environment=environment) as (process, ready):
        assert ready["trained"] is None, "there is a champion: nothing was trained"
        assert call(ready["urls"]["operate"] + "/ready")[0] == 200
        assert call(ready["urls"]["reports"] + "/")[0] == 200
        assert len(children_of(process.pid)) == 3
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(40) == 0
    assert all(closed(int(port)) for port in ports.values())


def test_where_one_service_dies_the_others_are_stopped_and_the_code_says_so(home: Home, ports: dict[str, str]) -> None:
    with running("work", "--home", home.root, "--every", "60s", environment=ports) as (process, _):
        os.kill(children_of(process.pid)[1], signal.SIGKILL)
        assert process.wait(40) == 1
        assert process.stderr is not None
        assert "The service reports ended with code -9." in process.stderr.read()
    assert all(closed(int(port)) for port in ports.values())
