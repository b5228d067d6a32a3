"""The command line as a person uses it: real processes, a home of their own, a free port of loopback."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commands import call, customers, running, tidegate
from ports import free_port
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home
from tidegate.operations import run

ROWS = 1_000


def test_every_way_to_score_gives_the_same_bits(own_home: Home, tmp_path: Path) -> None:
    data = tmp_path / "new.csv"
    write_simulated(data, ROWS, seed=99)
    scored = tidegate("score", data, tmp_path / "scored.csv", "--home", own_home.root, "--json")
    assert scored.returncode == 0, scored.stderr
    told = json.loads(scored.stdout)
    assert (told["rows"], told["quarantined"]) == (ROWS, 0)
    with (tmp_path / "scored.csv").open(newline="") as file:
        by_file = [float(row["churn_probability"]) for row in csv.DictReader(file)]
    with running("serve", "--home", own_home.root, "--port", free_port()) as (_, ready):
        url = ready["url"]
        many = customers(data)
        by_one = [json.loads(call(f"{url}/predict", one)[1])["probabilities"]["churn"] for one in many]
        batch = json.loads(call(f"{url}/predict-batch", {"customers": many})[1])
        form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + data.read_bytes() + b"\r\n--x--\r\n"
        status, answer = call(f"{url}/predict-csv", form, "multipart/form-data; boundary=x")
        assert status == 200
        by_csv = [float(row["churn_probability"]) for row in csv.DictReader(answer.decode().splitlines())]
    assert len(by_file) == ROWS
    assert by_one == by_file
    assert [one["probabilities"]["churn"] for one in batch["predictions"]] == by_file
    assert by_csv == by_file
    verified = tidegate("verify", "--home", own_home.root, "--json")
    assert json.loads(verified.stdout) == {"bundle": "ok", "ledger": "ok", "events": "ok"}


def test_run_trains_once_stops_cleanly_and_takes_over(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    small = {"TIDEGATE_SIMULATED_ROWS": "2000"}
    with running("run", "--home", home, "--port", port, environment=small) as (process, ready):
        assert ready["trained"]["stage"] == "champion"
        assert call(ready["urls"]["api"] + "/ready")[0] == 200
        assert json.loads(call(ready["urls"]["operate"] + "/models")[1])["champion"]["version"] == "1"
        assert call(ready["urls"]["ui"] + "/_stcore/health")[0] == 200
        assert b"<title>" in call(ready["urls"]["ui"] + "/")[1]
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) == 0
    with running("run", "--home", home, "--port", port, environment=small) as (process, ready):
        assert ready["trained"] is None
        trained = json.loads(tidegate("history", "--home", home, "--json").stdout)["events"]
        assert [event["what"] for event in trained].count("trained") == 1
        assert call(ready["urls"]["api"] + "/ready")[0] == 200
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the service outlived run"


def test_a_service_that_dies_under_run_takes_nothing_with_it(tmp_path: Path) -> None:
    home = tmp_path / "new"
    with running("run", "--home", home, "--port", free_port(), environment={"TIDEGATE_SIMULATED_ROWS": "1500"}) as (process, _):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert process.wait(30) == 1
    assert (home / "storage" / "champion.json").exists()
    assert (home / "ledger.db").exists()


def test_what_stands_beside_scoring_is_started_again_under_run(own_home: Home) -> None:
    with running("run", "--home", own_home.root, "--port", free_port()) as (process, ready):
        time.sleep(run.SHORTEST_SECONDS)
        killed = _child(process.pid, "operate")
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                if call(ready["urls"]["operate"] + "/health")[0] == 200:
                    break
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert _child(process.pid, "operate") != killed
        assert process.poll() is None
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0


def _child(process: int, verb: str) -> int:
    """The child that runs a verb."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    (found,) = [int(one) for one in children if verb.encode() in Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")]
    return found


def test_a_promoted_version_reaches_a_running_server(own_home: Home, tmp_path: Path) -> None:
    from tidegate.storage.files import Folder
    from tidegate.storage.pointer import Pointer, read_pointer, write_pointer

    storage = Folder(own_home.storage)
    pointer = read_pointer(storage)
    assert pointer is not None
    with running("serve", "--home", own_home.root, "--port", free_port()) as (_, ready):
        write_pointer(storage, Pointer("7", "0" * 64, "now"))
        time.sleep(2.5)
        assert json.loads(call(ready["url"] + "/")[1])["model_version"] == pointer.version, "a version that is not there was served"
        (own_home.storage / "bundles" / "8").symlink_to(own_home.storage / "bundles" / pointer.version)
        write_pointer(storage, Pointer("8", pointer.digest, "now"))
        deadline = time.monotonic() + 15
        while json.loads(call(ready["url"] + "/")[1])["model_version"] != "8":
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_train_without_label_or_spec_says_what_to_give(tmp_path: Path) -> None:
    write_simulated(tmp_path / "bank.csv", 300, seed=1)
    answer = tidegate("train", tmp_path / "bank.csv", "--home", tmp_path / "home")
    assert answer.returncode == 2
    assert "--label" in answer.stderr


def test_a_table_without_a_spec_is_inferred_trained_and_the_spec_is_printed(tmp_path: Path) -> None:
    write_simulated(tmp_path / "bank.csv", 1_500, seed=3)
    answer = tidegate(
        "train", tmp_path / "bank.csv", "--label", "Attrition_Flag", "--budget", "quick", "--home", tmp_path / "home", "--json"
    )
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["stage"] == "champion"
    assert Path(told["spec"]).is_file()
    assert {one["name"] for one in told["candidates"]} >= {"logistic_regression", "lightgbm"}
    for name in ("roc_auc", "pr_auc", "f1", "precision", "recall", "accuracy", "brier", "log_loss"):
        assert 0 <= told["metrics"][name] <= 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("score", "none.csv", "out.csv"), "no home at"),
        (("verify",), "no home at"),
        (("serve",), "no champion"),
        (("train", "none.csv", "--spec", "none"), "no spec 'none'"),
        (("train", "none.csv", "--label", "x"), "none.csv does not exist"),
        (("serve", "--port", "99999"), "TIDEGATE_PORT"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_exit_2(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    refused(tidegate(*words, "--home", tmp_path / "home"), says)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [(("score", "none.csv", "out.csv"), "none.csv does not exist"), (("serve", "--host", "0.0.0.0"), "other machines")],
)
def test_what_cannot_be_used_with_a_champion_either(own_home: Home, words: tuple[str, ...], says: str) -> None:
    refused(tidegate(*words, "--home", own_home.root), says)


def refused(answer: subprocess.CompletedProcess[str], says: str) -> None:
    assert answer.returncode == 2
    assert says in answer.stderr
    assert answer.stderr.startswith("tidegate: ")
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""


def test_a_port_in_use_is_named(own_home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = tidegate("serve", "--home", own_home.root, "--port", taken.getsockname()[1])
    assert answer.returncode == 2
    assert "--port" in answer.stderr


def test_a_damaged_bundle_is_exit_3_in_verify_and_exit_2_in_serve(own_home: Home) -> None:
    model = next(own_home.storage.glob("bundles/*/model.*"))
    model.write_bytes(model.read_bytes()[:-1])
    verified = tidegate("verify", "--home", own_home.root, "--json")
    assert verified.returncode == 3
    assert "missing or changed" in json.loads(verified.stdout)["bundle"]
    assert tidegate("serve", "--home", own_home.root, "--port", free_port()).returncode == 2


def test_help_loads_no_heavy_library_and_little_time(tmp_path: Path) -> None:
    script = (
        "import sys, resource; sys.argv = ['tidegate', '--help']\n"
        "from tidegate.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'pyarrow', 'sklearn', 'mlflow', 'lightgbm', 'fastapi', 'sqlalchemy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "simulate" in answer.stdout
