"""Renewal as processes: asked for by a real monitoring run, held, decided on, killed, and with its registry down; never half-promoted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

from callers import wait_until
from commands import call, running, tidegate
from conftest import TrainedHome
from e2e.test_killed_training import ENDING_ITSELF, STOPPING_AT_WORDS
from e2e.test_operate import ended
from ports import free_port
from tidegate.customers.simulation.scenario import ConceptDrift, Drift, Scenario
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home
from tidegate.ledger.exposures import read_counts
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.storage.files import Folder
from tidegate.storage.pointer import read_pointer

MOVED = ("Total_Trans_Ct", "Credit_Limit", "Customer_Age", "Total_Trans_Amt")
CHANGED = Scenario(drift=tuple(Drift(name, 0.4) for name in MOVED), concept_drift=ConceptDrift(1.0))
QUICK = {"TIDEGATE_RENEWAL_BUDGET": "quick", "TIDEGATE_RENEWAL_ALGORITHMS": "logistic_regression"}
DOWN = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}


@dataclass(frozen=True)
class Bank:
    """A home that asks for a renewal, and the customers of its newest batch with what became of them."""

    home: Home
    table: pa.Table

    def say(self, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return tidegate(*words, "--home", self.home.root, "--json", environment={**QUICK, **environment})

    def asked(self, code: int, *words: object, **environment: str) -> dict[str, Any]:
        done = self.say(*words, **environment)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def refused(self, says: str, *words: object, code: int = 2, **environment: str) -> None:
        done = self.say(*words, **environment)
        assert (done.returncode, done.stdout) == (code, ""), (done.returncode, done.stdout, done.stderr)
        (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("tidegate: ")]
        assert says in sentence
        assert "Traceback" not in done.stderr

    def killed_before(self, what: str, where: str) -> None:
        command = [sys.executable, "-c", ENDING_ITSELF, what, where, "renew", "--home", str(self.home.root)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env={**os.environ, **QUICK})
        assert ended.returncode == -signal.SIGKILL, (ended.returncode, ended.stdout, ended.stderr)

    def record(self, first: int, last: int, *options: str) -> None:
        """What became of these customers, seen thirty-five days ago."""
        day, rows = f"{datetime.now(UTC) - timedelta(days=35):%Y-%m-%d}", self.table[first:last]
        columns = {"customer_id": rows["CLIENTNUM"], "outcome": rows["Attrition_Flag"], "observed_at": [day] * len(rows)}
        file = self.home.root.parent / "outcomes.csv"
        pyarrow.csv.write_csv(pa.table({**columns, "outcome": pa.array(_numbers(rows["Attrition_Flag"].to_pylist()))}), file)
        assert self.asked(0, "outcomes", file, *options)["recorded"] == len(rows)

    @property
    def canary_answers(self) -> int:
        """Customers whom the treatment of the first experiment answered, as the ledger knows by now."""
        ledger = open_ledger(sqlite_url(self.home.ledger))
        try:
            counts = read_counts(ledger, 1).get("treatment")
        finally:
            close_ledger(ledger)
        return 0 if counts is None else counts.customers

    @property
    def champion(self) -> str:
        pointer = read_pointer(Folder(self.home.storage))
        assert pointer is not None
        return pointer.version

    def sound(self) -> None:
        """Nothing half-written, nothing in progress, the bundle and the audit trail whole."""
        left = [str(path) for path in self.home.root.rglob("*") if path.name.startswith(".") and ".part" in path.name]
        assert left == []
        assert not self.home.scratch.exists() or not list(self.home.scratch.iterdir())
        assert self.asked(0, "verify")["events"] == "ok"


def scored(url: str, customer: dict[str, Any]) -> dict[str, Any]:
    status, answer = call(f"{url}/predict", customer)
    assert status == 200, answer
    document: dict[str, Any] = json.loads(answer)
    return document


def _numbers(labels: Sequence[str]) -> list[int]:
    return [int(one == "Attrited Customer") for one in labels]


@pytest.fixture(scope="module")
def asking(trained: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """After a change of the world: the batch is monitored, its labels have come; a dry run has trained a challenger."""
    folder = tmp_path_factory.mktemp("asking")
    shutil.copytree(trained.home.root, folder / "home")
    write_simulated(folder / "table.csv", 4_000, 99, scenario=CHANGED)
    bank = Bank(Home(folder / "home"), pyarrow.csv.read_csv(folder / "table.csv"))
    bank.home.inbox.mkdir()
    bank.home.secrets.mkdir(mode=0o700)
    # It draws who is reserved: with one of its own each time, a gate would hold a good challenger now and then.
    (bank.home.secrets / "customer.key").write_bytes(bytes(range(32)))
    seen = datetime.now(UTC) - timedelta(days=40)
    pyarrow.csv.write_csv(bank.table.drop_columns(["Attrition_Flag"]), bank.home.inbox / f"prod_batch_{seen:%Y-%m-%d}.csv")
    assert len(bank.asked(3, "monitor", "--no-pictures")["drifted_features"]) > 3
    bank.record(0, len(bank.table))
    tried = bank.asked(3, "renew", "--dry-run")
    assert (tried["decision"], tried["dry_run"], tried["challenger"], bank.champion) == ("held", True, "2", "1")
    return bank


@pytest.fixture
def bank(asking: Bank, tmp_path: Path) -> Bank:
    shutil.copytree(asking.home.root, tmp_path / "home")
    return Bank(Home(tmp_path / "home"), asking.table)


def test_without_an_audit_it_is_held_until_a_person_decides(bank: Bank) -> None:
    held = bank.asked(3, "renew")
    assert held.keys() >= {"decision", "reasons", "challenger", "gates"}
    assert (held["decision"], held["challenger"], bank.champion) == ("held", "2", "1")
    assert all(gate.keys() == {"name", "value", "limit", "passed"} for gate in held["gates"])
    assert [gate["passed"] for gate in held["gates"] if gate["name"] == "audit_positives"] == [False]
    number = held["renewal"]
    assert [(one["renewal"], one["waiting"]) for one in bank.asked(0, "renewals", "list")["renewals"]] == [(number, True)]
    bank.refused("No renewal 999 is held", "renewals", "approve", "999", "--reason", "a slip")
    bank.refused("needs a reason", "renewals", "refuse", number, "--reason", " ")
    assert bank.asked(0, "renew")["decision"] == "not_needed"
    assert bank.asked(0, "renewals", "approve", number, "--reason", "a sample was checked by hand")["decision"] == "promoted"
    assert bank.champion == "2"
    bank.refused(f"No renewal {number} is held", "renewals", "refuse", number, "--reason", "too late")
    (told,) = bank.asked(0, "renewals", "list")["renewals"]
    assert (told["decision"], told["waiting"], told["concluded"]["decision"]) == ("held", False, "promoted")
    reigns = bank.asked(0, "history")["champions"]
    assert [(one["version"], one["to"] is None) for one in reigns] == [("2", True), ("1", False)]
    bank.sound()


def test_one_that_a_person_refuses(bank: Bank) -> None:
    number = bank.asked(3, "renew")["renewal"]
    assert bank.asked(0, "renewals", "refuse", number, "--reason", "the labels are wrong")["decision"] == "refused"
    assert bank.champion == "1"
    assert bank.asked(0, "renew")["decision"] == "not_needed"


def test_asked_for_and_approved_over_http(bank: Bank) -> None:
    with running("operate", "--home", bank.home.root, "--port", free_port(), environment=QUICK) as (_, ready):
        url = ready["url"]
        status, answer = call(f"{url}/renewals", {})
        assert status == 202, answer
        told = ended(url, json.loads(answer)["job"], "renewals/jobs")
        assert (told["state"], told["result"]["decision"], told["result"]["challenger"]) == ("done", "held", "2"), told
        number = told["result"]["renewal"]
        (listed,) = json.loads(call(f"{url}/renewals")[1])["renewals"]
        assert (listed["renewal"], listed["waiting"]) == (number, True)
        assert call(f"{url}/renewals/{number}/approve", {"reason": " "})[0] == 422
        assert bank.champion == "1"
        status, answer = call(f"{url}/renewals/{number}/approve", {"reason": "a sample was checked by hand"})
        assert (status, json.loads(answer)["decision"], bank.champion) == (200, "promoted", "2"), answer
        # two people approve at once: the second is told
        status, answer = call(f"{url}/renewals/{number}/approve", {"reason": "me too"})
        assert (status, f"No renewal {number} is held" in json.loads(answer)["detail"]) == (409, True), answer
        assert call(f"{url}/renewals/{number + 1}/approve", {"reason": "which?"})[0] == 404
        concluded = json.loads(call(f"{url}/renewals/{number}")[1])["concluded"]
    assert concluded["who"].endswith("(operate API)")
    bank.sound()


def test_with_live_traffic_a_canary_comes_before_the_promotion(bank: Bank) -> None:
    """Nobody's hand in it: the audit promotes, the traffic asks for a canary, the server that runs splits and follows."""
    limits = {"TRAFFIC": "60", "SHARE": "50", "MINUTES": "0.02", "FEWEST_ANSWERS": "20"}
    live = {f"TIDEGATE_CANARY_{name}": value for name, value in limits.items()}
    bank.record(0, 300, "--audit")
    table = bank.table.drop_columns(["CLIENTNUM", "Attrition_Flag"]).slice(0, 200).to_pylist()
    people = [{**{name.lower(): value for name, value in row.items()}, "customer_id": f"V-{place}"} for place, row in enumerate(table)]
    with running("serve", "--home", bank.home.root, "--port", free_port()) as (_, ready):
        before = [scored(ready["url"], one) for one in people[:60]]
        assert {one["model_version"] for one in before} == {"1"}
        begun = bank.asked(0, "renew", **live)
        assert (begun["decision"], bank.champion) == ("canary", "1"), begun
        wait_until(lambda: "treatment" in {scored(ready["url"], one)["variant"] for one in people[:10]}, lambda: begun)
        during = {scored(ready["url"], one)["model_version"] for one in people[60:160]}
        assert during == {"1", begun["challenger"]}
        # a server writes what it counted every second or so
        wait_until(lambda: bank.canary_answers >= int(limits["FEWEST_ANSWERS"]), lambda: bank.canary_answers)
        ended_well = bank.asked(0, "renew", **live)
        assert (ended_well["decision"], bank.champion) == ("promoted", begun["challenger"]), ended_well
        wait_until(lambda: {scored(ready["url"], one)["model_version"] for one in people[160:]} == {bank.champion}, lambda: ended_well)
    bank.sound()


def test_two_at_once_one_refuses(bank: Bank) -> None:
    command = [sys.executable, "-c", STOPPING_AT_WORDS, "Gathering", "renew", "--home", str(bank.home.root), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **QUICK}) as first:
        assert first.stdout is not None
        assert os.WIFSTOPPED(os.waitpid(first.pid, os.WUNTRACED)[1])  # so it is at work, however fast
        try:
            bank.refused("so a renewal cannot start", "renew")
            bank.refused("cannot start", "renewals", "approve", "1", "--reason", "in a hurry")
        finally:
            os.kill(first.pid, signal.SIGCONT)
        said = json.loads(first.stdout.read())
    assert (first.returncode, said["decision"], bank.champion) == (3, "held", "1")


def test_killed_at_any_moment_and_with_its_registry_down_it_is_made_good_by_the_next(bank: Bank) -> None:
    """Each time by what the process is about to do. With an audit sample, so that the challenger is promoted in the end."""
    bank.record(0, 300, "--audit")
    bank.killed_before("tempfile.mkdtemp", "/scratch/renew.")
    assert bank.champion == "1"
    # nobody is there who would register it: it is asked for before the training, which is not done in vain
    bank.refused("127.0.0.1:9", "renew", code=1, **DOWN)
    assert bank.champion == "1"
    bank.sound()
    # its bundle half in storage
    bank.killed_before("os.rename", "/storage/bundles/3/.model.json")
    assert not (bank.home.storage / "bundles" / "3" / "manifest.json").exists()
    # the promotion in the trail, the pointer still to be moved
    bank.killed_before("os.rename", "/storage/.champion.json")
    assert bank.champion == "1"
    # the pointer moved, the decision not recorded
    bank.killed_before("sqlite3.connect", "mlflow.db")
    assert bank.champion == "3"
    done = bank.asked(0, "renew")
    assert (done["decision"], done["challenger"], bank.champion) == ("promoted", "3", "3")
    assert "interrupted before it could say so" in done["reasons"][0]
    assert done["gates"]
    assert bank.asked(0, "train", "--budget", "quick", "--algorithms", "logistic_regression")["model_version"] == "4", (
        "it was trained twice"
    )
    bank.sound()
    reigns = bank.asked(0, "history")["champions"]
    assert [one["version"] for one in reigns] == ["3", "1"]
    assert reigns[0]["evidence"]["gates"]
