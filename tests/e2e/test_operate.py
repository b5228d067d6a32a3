"""The operate API as a process: a training over HTTP, its promotion, and what the audit trail says of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from e2e.test_command_line import call, running, tidegate
from receivers import free_port
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home


def form(fields: dict[str, str], file: tuple[str, bytes] | None = None) -> bytes:
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    if file:
        head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{file[0]}"\r\n\r\n'
        parts.append(head.encode() + file[1] + b"\r\n")
    return b"".join(parts) + b"--x--\r\n"


def ended(url: str, job: str) -> dict[str, Any]:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        told: dict[str, Any] = json.loads(call(f"{url}/train/{job}")[1])
        if told["ended_at"]:
            return told
        time.sleep(0.3)
    raise AssertionError("the training did not end")


def test_a_training_over_http_becomes_the_champion(own_home: Home, tmp_path: Path) -> None:
    write_simulated(tmp_path / "bank.csv", 1_500, seed=3)
    fields = {"spec": "bank", "budget": "quick", "algorithms": "logistic_regression", "seed": "5"}
    with running("operate", "--home", own_home.root, "--port", free_port()) as (_, ready):
        url, multipart = ready["url"], "multipart/form-data; boundary=x"
        status, answer = call(f"{url}/train", form(fields, ("bank.csv", (tmp_path / "bank.csv").read_bytes())), multipart)
        assert status == 202, answer
        started = json.loads(answer)
        assert started["words"][0] == "bank.csv"
        assert call(f"{url}/train", form(fields), multipart)[0] == 409
        told = ended(url, started["job"])
        assert told["state"] == "done", told["error"]
        assert told["result"]["model_version"] == "2"
        assert told["share"] == 1.0
        status, answer = call(f"{url}/promote", {"version": "2", "reason": "newer customers"})
        assert status == 200, answer
        refused = ended(url, json.loads(call(f"{url}/train", form({**fields, "budget": "endless"}), multipart)[1])["job"])
        assert (refused["state"], refused["error"]) == (
            "failed",
            "There is no budget 'endless'. Choose among quick, standard, thorough.",
        )
        history = json.loads(call(f"{url}/history")[1])
    assert history["champion"]["version"] == "2"
    assert {event["who"].endswith("(operate API)") for event in history["events"] if event["version"] == "2"} == {True}
    # every upload is gone
    assert list(own_home.scratch.iterdir()) == []
    assert json.loads(tidegate("verify", "--home", own_home.root, "--json").stdout)["events"] == "ok"


def test_stopping_the_server_stops_its_training(own_home: Home) -> None:
    with running("operate", "--home", own_home.root, "--port", free_port()) as (process, ready):
        started = json.loads(call(f"{ready['url']}/train", form({"budget": "standard"}), "multipart/form-data; boundary=x")[1])
        assert started["state"] == "running"
        time.sleep(3)
        process.terminate()
        process.wait(30)
    # the home's lock is free again: nothing trains on
    answer = tidegate("train", "--budget", "quick", "--algorithms", "logistic_regression", "--home", own_home.root, "--json")
    assert answer.returncode == 0, answer.stderr
