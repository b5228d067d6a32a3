"""`run` serves the reports beside the scoring API; they start and stop together, and scoring does not depend on them."""

from __future__ import annotations

import os
import signal
import socket

from e2e.test_command_line import call, free_port, running
from tidegate.home import Home


def closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_run_serves_the_reports_until_it_stops(own_home: Home) -> None:
    port, reports = free_port(), free_port()
    environment = {"TIDEGATE_REPORTS_PORT": str(reports)}
    with running("run", "--home", own_home.root, "--port", port, environment=environment) as (process, ready):
        assert ready["urls"] == {"api": f"http://127.0.0.1:{port}", "reports": f"http://127.0.0.1:{reports}"}
        status, page = call(ready["urls"]["reports"] + "/")
        assert status == 200
        assert b"No batch has been monitored yet" in page
        assert call(ready["urls"]["reports"] + "/..%2fhome.json")[0] == 404
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
    assert closed(port)
    assert closed(reports), "the reports outlived run"


def test_a_taken_port_of_the_reports_is_a_sentence_and_scoring_goes_on(own_home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = {"TIDEGATE_REPORTS_PORT": str(taken.getsockname()[1])}
        with running("run", "--home", own_home.root, "--port", free_port(), environment=environment) as (process, ready):
            assert ready["urls"]["reports"] is None
            assert call(ready["urls"]["api"] + "/ready")[0] == 200
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(30) == 0
            assert process.stderr is not None
            said = process.stderr.read()
    assert f"Port {environment['TIDEGATE_REPORTS_PORT']} on 127.0.0.1 cannot be used" in said
    assert "scoring goes on" in said


def test_reports_refuses_a_taken_port_in_one_sentence(own_home: Home) -> None:
    from e2e.test_command_line import tidegate

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = tidegate("reports", "--home", own_home.root, "--port", taken.getsockname()[1])
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
