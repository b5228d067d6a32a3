"""The operate API as a process: a training over HTTP, its promotion, and what the audit trail says of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from commands import call, running, tidegate
from ports import free_port
from tidegate.customers.simulation.scenario import Drift, Scenario
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home
from tidegate.ledger.events import list_events
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url

MOVED = ("Customer_Age", "Total_Trans_Amt", "Total_Trans_Ct", "Months_Inactive_12_mon", "Contacts_Count_12_mon")
DRIFTED = Scenario(drift=tuple(Drift(column, 1.0) for column in MOVED))


def form(fields: dict[str, str], file: tuple[str, bytes] | None = None) -> bytes:
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    if file:
        head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{file[0]}"\r\n\r\n'
        parts.append(head.encode() + file[1] + b"\r\n")
    return b"".join(parts) + b"--x--\r\n"


def ended(url: str, job: str, jobs: str = "train") -> dict[str, Any]:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        told: dict[str, Any] = json.loads(call(f"{url}/{jobs}/{job}")[1])
        if told["ended_at"]:
            return told
        time.sleep(0.3)
    raise AssertionError("it did not end")


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


def test_a_batch_over_http_is_monitored_as_by_the_verb(own_home: Home, tmp_path: Path) -> None:
    write_simulated(tmp_path / "prod_batch_02.csv", 1_500, seed=9, scenario=DRIFTED)
    with running("operate", "--home", own_home.root, "--port", free_port()) as (_, ready):
        url, multipart = ready["url"], "multipart/form-data; boundary=x"
        nothing = ended(url, json.loads(call(f"{url}/renewals", {})[1])["job"], "renewals/jobs")
        assert (nothing["state"], "tidegate monitor" in nothing["error"]) == ("failed", True), nothing
        empty = ended(url, json.loads(call(f"{url}/monitoring", b"", multipart)[1])["job"], "monitoring/jobs")
        assert (empty["state"], "no batch" in empty["error"]) == ("failed", True), empty
        file = ("prod_batch_02.csv", (tmp_path / "prod_batch_02.csv").read_bytes())
        status, answer = call(f"{url}/monitoring", form({"pictures": "false"}, file), multipart)
        assert status == 202, answer
        told = ended(url, json.loads(answer)["job"], "monitoring/jobs")
        # an alarm is an answer, not a failure
        assert (told["state"], told["result"]["health"]) == ("done", "FAIL"), told
        (listed,) = json.loads(call(f"{url}/monitoring")[1])["batches"]
        assert (listed["folder"], listed["health"], listed["links"]["report"]) == ("prod_batch_02", "FAIL", None)
        found = json.loads(call(f"{url}/monitoring/prod_batch_02")[1])
        assert found == {name: value for name, value in told["result"].items() if name in found}
        assert "drift" in {one["kind"] for one in json.loads(call(f"{url}/alerts")[1])["open"]}
        page = call(f"{url}/metrics")[1].decode()
        assert "tidegate_monitoring_health 2.0" in page
        assert 'tidegate_alerts_open{kind="drift"} 1.0' in page
    assert list(own_home.scratch.iterdir()) == []
    ledger = open_ledger(sqlite_url(own_home.ledger))
    try:
        assert list_events(ledger, "monitored a batch")[0].who.endswith("(operate API)")
    finally:
        close_ledger(ledger)
