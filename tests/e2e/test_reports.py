"""`run` serves the reports beside the scoring API; they start and stop together, and scoring does not depend on them."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from champions import write_linear_champion
from commands import call, running, tidegate
from ports import free_port
from tidegate.home import Home, open_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One with a champion, which nobody had to train."""
    made = open_home(tmp_path / "home")
    write_linear_champion(made)
    return made


def closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_run_serves_the_reports_until_it_stops(home: Home) -> None:
    port, reports = free_port(), free_port()
    environment = {"TIDEGATE_REPORTS_PORT": str(reports)}
    with running("run", "--home", home.root, "--port", port, environment=environment) as (process, ready):
        assert (ready["urls"]["api"], ready["urls"]["reports"]) == (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{reports}")
        status, page = call(ready["urls"]["reports"] + "/")
        assert status == 200
        assert b"No batch has been monitored yet" in page
        assert call(ready["urls"]["reports"] + "/..%2fhome.json")[0] == 404
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
    assert closed(port)
    assert closed(reports), "the reports outlived run"


def test_a_taken_port_of_the_reports_is_a_sentence_and_scoring_goes_on(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = {"TIDEGATE_REPORTS_PORT": str(taken.getsockname()[1])}
        with running("run", "--home", home.root, "--port", free_port(), environment=environment) as (process, ready):
            assert ready["urls"]["reports"] is None
            assert call(ready["urls"]["api"] + "/ready")[0] == 200
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(30) == 0
            assert process.stderr is not None
            said = process.stderr.read()
    assert f"Port {environment['TIDEGATE_REPORTS_PORT']} on 127.0.0.1 cannot be used" in said
    assert "scoring goes on" in said


def test_without_an_operate_api_of_its_own_run_shows_no_pages(home: Home) -> None:
    """Whatever else answers at that port is of another home."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = {"TIDEGATE_OPERATE_PORT": str(taken.getsockname()[1]), "TIDEGATE_UI_PORT": str(free_port())}
        with running("run", "--home", home.root, "--port", free_port(), environment=environment) as (process, ready):
            assert (ready["urls"]["operate"], ready["urls"]["ui"]) == (None, None)
            assert closed(int(environment["TIDEGATE_UI_PORT"]))
            assert call(ready["urls"]["api"] + "/ready")[0] == 200
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(30) == 0
            assert process.stderr is not None
            assert "Not served, for the reason above: the operate API; scoring goes on. TIDEGATE_OPERATE_PORT" in process.stderr.read()


def test_reports_refuses_a_taken_port_in_one_sentence(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = tidegate("reports", "--home", home.root, "--port", taken.getsockname()[1])
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


def test_reports_end_with_a_scoring_api_that_dies(home: Home) -> None:
    reports = free_port()
    environment = {"TIDEGATE_REPORTS_PORT": str(reports)}
    with running("run", "--home", home.root, "--port", free_port(), environment=environment) as (process, _):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert process.wait(30) == 1
    assert closed(reports)


def test_scoring_goes_on_where_all_beside_it_dies(home: Home) -> None:
    with running("run", "--home", home.root, "--port", free_port(), environment={"TIDEGATE_REPORTS_PORT": str(free_port())}) as (
        process,
        ready,
    ):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children[1:]:
            os.kill(int(child), signal.SIGKILL)
        assert call(ready["urls"]["api"] + "/ready")[0] == 200
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
