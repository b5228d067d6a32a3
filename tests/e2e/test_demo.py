"""`tidegate demo` as a person calls it: refused where there is something, stopped by Ctrl-C, whole with few customers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from commands import tidegate


def test_a_home_with_something_in_it_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("a\n1\n")
    done = tidegate("demo", "--home", tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"tidegate: {tmp_path} holds something already. Name another folder with --home, or remove it.\n"


def test_ctrl_c_ends_with_a_sentence_that_names_the_home(tmp_path: Path) -> None:
    home = tmp_path / "played"
    command = [sys.executable, "-m", "tidegate", "demo", "--home", str(home), "--rows", "500", "--no-pictures"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        while "Month 1" not in (line := process.stdout.readline()):
            assert line, "it ended before the first month"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: every process of the group gets it
        said = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    last = [line for line in said.splitlines() if line.startswith("tidegate: ")]
    assert last == [f"tidegate: The demo was stopped; what happened so far is in {home}. It begins anew in another --home."]
    assert "Traceback" not in said
    assert (home / "ledger.db").exists()


def test_with_few_customers_it_says_what_was_decided_then_and_touches_no_real_installation(tmp_path: Path) -> None:
    home, ledger = tmp_path / "played", tmp_path / "real.db"
    environment = {"TIDEGATE_LEDGER_URL": f"sqlite:///{ledger}", "TIDEGATE_HOME": str(tmp_path / "real")}
    done = tidegate("demo", "--home", home, "--rows", "500", "--no-pictures", "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [month["month"] for month in found["months"]] == [1, 2, 3, 4, 5, 6, 7]
    assert not ledger.exists()
    assert not (tmp_path / "real").exists()
    # a fifth of 500 customers has too few leavers to judge a challenger by: nobody is promoted, and nothing claims it
    assert [one["version"] for one in found["champions"]] == ["1"]
    asked = [one["renewed"] for month in found["months"] for one in month["rounds"]]
    assert {one["decision"] for one in asked} <= {"not_needed", "refused"}
    assert any("wait for labels" in reason for one in asked for reason in one["reasons"])
