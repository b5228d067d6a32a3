"""Monitoring as processes: what each verb says, its exit code, and what an unlucky user gives it. One home for all; none is trained."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

from callers import wait_until
from commands import tidegate
from conftest import TrainedHome
from ports import closed_port
from receivers import Web
from tidegate.customers.simulation.scenario import Drift, Scenario
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home

MOVED = ("Total_Trans_Ct", "Credit_Limit", "Customer_Age", "Total_Revolving_Bal", "Total_Trans_Amt")
DRIFTED = Scenario(drift=tuple(Drift(name, 0.8) for name in MOVED))


@dataclass(frozen=True)
class Bank:
    """A home, and a simulated table to make batches of."""

    home: Home
    table: pa.Table

    def say(self, verb: str, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return tidegate(verb, *words, "--home", self.home.root, "--json", environment=environment)

    def asked(self, code: int, verb: str, *words: object, **environment: str) -> dict[str, Any]:
        """What a verb answers, which ends with this code."""
        done = self.say(verb, *words, **environment)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def refused(self, says: str, verb: str, *words: object) -> None:
        """One sentence, exit 2, nothing on stdout, and the reports and the batches as they were."""
        before = self.kept()
        done = self.say(verb, *words)
        assert (done.returncode, done.stdout) == (2, ""), (done.returncode, done.stdout, done.stderr)
        (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("tidegate: ")]
        assert says in sentence
        assert "Traceback" not in done.stderr
        assert self.kept() == before

    def kept(self) -> list[str]:
        folders = (self.home.reports, self.home.batches, self.home.scratch)
        return sorted(str(path.relative_to(self.home.root)) for folder in folders if folder.is_dir() for path in folder.rglob("*"))

    def ids(self, first: int, last: int) -> list[str]:
        return [str(one) for one in self.table["CLIENTNUM"][first:last].to_pylist()]


def without_labels(table: pa.Table) -> pa.Table:
    return table.drop_columns(["Attrition_Flag"])


def write(path: Path, table: pa.Table) -> Path:
    pyarrow.csv.write_csv(table, path)
    return path


def simulated(path: Path, rows: int, seed: int, scenario: Scenario | None = None) -> pa.Table:
    write_simulated(path, rows, seed, **({"scenario": scenario} if scenario else {}))
    return pyarrow.csv.read_csv(path)


@pytest.fixture(scope="module")
def bank(trained: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """After one batch without drift, seen forty days ago: what its labels say has matured."""
    folder = tmp_path_factory.mktemp("watched")
    shutil.copytree(trained.home.root, folder / "home")
    made = Bank(Home(folder / "home"), simulated(folder / "table.csv", 1_000, 11))
    made.home.inbox.mkdir()
    seen = datetime.now(UTC) - timedelta(days=40)
    write(made.home.inbox / f"prod_batch_{seen:%Y-%m-%d}.csv", without_labels(made.table))
    found = made.asked(0, "monitor", "--no-pictures")
    assert found["health"] == "PASS"
    return made


def test_what_monitor_says(bank: Bank) -> None:
    found = bank.asked(0, "monitor")
    wanted = "batch rows quarantined health data_stability column_drift dataset_drift drifted_features realised estimated warnings alerts"
    assert {*wanted.split(), "report_dir"} <= found.keys()
    assert (found["rows"], found["quarantined"], found["realised"], found["again"]) == (1_000, 0, None, True)
    assert (Path(found["report_dir"]) / "drift_tests.json").exists()
    assert bank.asked(0, "alerts")["open"] == []


BAD: dict[str, tuple[Callable[[pa.Table], bytes], str]] = {
    "empty": (lambda table: b"", "is empty"),
    "a header": (lambda table: ",".join(table.column_names).encode() + b"\n", "no rows"),
    "one row": (lambda table: csv_of(table[:1]), "30"),
    "another table": (lambda table: b"id,plan\n1,S\n2,M\n", "lacks"),
    "text": (lambda table: b"\x00\x01\x02" * 50, "NUL"),
}


def csv_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_batch_of_this_table(name: str, bank: Bank, tmp_path: Path) -> None:
    make, says = BAD[name]
    (tmp_path / "prod_batch_1.csv").write_bytes(make(bank.table))
    bank.refused(says, "monitor", tmp_path / "prod_batch_1.csv")


def test_a_batch_that_is_dated_later_than_the_clock(bank: Bank, tmp_path: Path) -> None:
    """As after a clock that was set back."""
    ahead = datetime.now(UTC) + timedelta(days=2)
    bank.refused("still to come", "monitor", write(tmp_path / f"prod_batch_{ahead:%Y-%m-%d}.csv", bank.table))


def test_a_folder_of_reports_that_cannot_be_written(bank: Bank, tmp_path: Path) -> None:
    batch = write(tmp_path / "prod_batch_2.csv", bank.table[100:600])
    aside = bank.home.reports.rename(bank.home.root / "aside")
    bank.home.reports.write_text("a file where the folder should be")
    try:
        bank.refused("reports", "monitor", batch, "--no-pictures")
    finally:
        bank.home.reports.unlink()
        aside.rename(bank.home.reports)


def test_labels_that_cannot_be_or_contradict(bank: Bank, tmp_path: Path) -> None:
    day = f"{datetime.now(UTC) - timedelta(days=35):%Y-%m-%d}"
    head, (ana, ben) = "customer_id,outcome,observed_at\n", bank.ids(0, 2)
    file = tmp_path / "left.csv"

    def outcomes(code: int, *lines: str, audit: bool = False) -> dict[str, Any]:
        file.write_text(head + "\n".join(lines) + "\n")
        return bank.asked(code, "outcomes", file, *(["--audit"] if audit else []))

    file.write_text(head + f"nobody,1,{day}\n")
    bank.refused("no prediction, campaign or monitored batch", "outcomes", file)
    told = outcomes(0, f"{ana},1,{day}", f"nobody,1,{day}")
    assert (told["recorded"], told["unknown_customers"], told["audit"]) == (1, 1, False)
    file.write_text(head + f"{ben},0,{day}\n{ana},0,{day}\n")
    bank.refused("another outcome in the ledger at the same time", "outcomes", file)
    # whoever checked may contradict the label, and not themselves
    told = outcomes(0, f"{ana},0,{day}", audit=True)
    assert (told["recorded"], told["audit"]) == (1, True)
    file.write_text(head + f"{ana},1,{day}\n")
    bank.refused("another outcome in the ledger at the same time", "outcomes", file, "--audit")
    # before the batch was seen: it says nothing of the batch
    early = f"{datetime.now(UTC) - timedelta(days=50):%Y-%m-%d}"
    assert outcomes(0, *(f"{one},0,{early}" for one in bank.ids(2, 60)))["recorded"] == 58
    found = bank.asked(0, "monitor", "--no-pictures")
    assert found["realised"]["rows"] == 1
    assert any("before" in warning for warning in found["warnings"]), found["warnings"]
    assert bank.asked(0, "verify")["events"] == "ok"


def test_a_batch_of_new_levels_is_an_alarm_and_a_channel_that_is_down_loses_nothing(bank: Bank, tmp_path: Path) -> None:
    place = bank.table.column_names.index("Card_Category")
    table = without_labels(bank.table.set_column(place, "Card_Category", pa.array(["Titanium"] * len(bank.table))))
    with closed_port() as port:
        channel = {"TIDEGATE_ALERT_CHANNELS": f"json://127.0.0.1:{port}/secret"}
        found = bank.asked(3, "monitor", write(tmp_path / "prod_batch_3.csv", table), "--no-pictures", **channel)
        assert (found["health"], found["data_stability"], found["quarantined"]) == ("FAIL", "FAIL", 1_000)
        assert [one["kind"] for one in found["alerts"]] == ["data_quality"]
        assert bank.asked(3, "alerts", "--test", **channel)["arrived"] != {}
        assert [one["kind"] for one in bank.asked(0, "alerts", **channel)["undelivered"]] == ["data_quality"]
    web = Web(port)
    try:
        assert set(bank.asked(0, "alerts", "--test", **channel)["arrived"].values()) == {True}
        bank.asked(0, "watch", "--once", "--no-renew", **channel)
    finally:
        web.close()
    titles = [body["title"] for _, body in web.got if "Test" not in body["title"]]
    assert [title.startswith("[Tidegate] Resolved") for title in titles] == [False, True], titles
    assert bank.asked(0, "alerts", **channel)["undelivered"] == []


def test_a_watch_alarms_once_and_then_waits_for_labels(bank: Bank, tmp_path: Path) -> None:
    calm = bank.asked(0, "watch", "--once", "--no-renew")
    assert calm.keys() >= {"at", "monitored", "renewed", "traffic", "faults", "removed", "alarm"}
    assert calm["monitored"]["health"] == "PASS"
    today = bank.home.inbox / f"prod_batch_{datetime.now(UTC):%Y-%m-%d}.csv"
    today.write_text("id,plan\n1,S\n")
    broken = bank.asked(3, "watch", "--once", "--no-renew")
    assert "lacks" in broken["faults"][0]
    write(today, without_labels(simulated(tmp_path / "table.csv", 1_000, 12, DRIFTED)))
    first = bank.asked(3, "watch", "--once")
    assert (first["monitored"]["health"], first["renewed"]["decision"], first["alarm"]) == ("FAIL", "refused", True)
    again = bank.asked(0, "watch", "--once")
    assert (again["monitored"]["health"], again["monitored"]["again"], again["alarm"]) == ("FAIL", True, False)
    assert "wait for labels" in again["renewed"]["reasons"][0]
    assert bank.asked(3, "renew")["waits_for_labels"] is True


def children(process: subprocess.Popen[str]) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
@pytest.mark.parametrize("working", [False, True])
def test_a_watch_that_is_stopped(bank: Bank, sent: signal.Signals, code: int, working: bool) -> None:
    """Between two rounds, and with a step at work, which goes along and leaves nothing."""
    command = [sys.executable, "-m", "tidegate", "watch", "--every", "6h", "--no-renew", "--home", str(bank.home.root), "--json"]
    before = bank.kept()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        if working:
            wait_until(lambda: bool(children(process)), lambda: process.poll())
        else:
            json.loads(process.stdout.readline())
            time.sleep(0.1)
        steps = children(process)
        os.kill(process.pid, sent)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert said == "tidegate: stopped.\n"
    assert bool(steps) == working
    assert not any(Path(f"/proc/{step}").exists() for step in steps)
    assert bank.kept() == before
