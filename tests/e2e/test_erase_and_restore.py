"""A person who is to be forgotten: no byte of theirs is left in the home, nor in a home restored from a backup that still had them."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from champions import write_linear_champion
from commands import call, customers, running, tidegate
from databases import Postgres
from ports import free_port
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home, open_home
from tidegate.ledger.campaigns import Assignment, record_campaign
from tidegate.ledger.connections import writing
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.events import append_event, list_events, verify_events
from tidegate.ledger.predictions import Prediction, count_predictions, insert_predictions
from tidegate.ledger.store import check_ledger, close_ledger, open_ledger, sqlite_url

ID, PHONE, AMOUNT = "=PLANTED-710-KX", "+49 30 5550134", 23456.789
OTHERS, KILLS = 400, 6
QUICK = ("--spec", "bank", "--budget", "quick", "--algorithms", "logistic_regression")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("erase")
    write_simulated(folder / "bank.csv", 1_500, seed=3)
    done = tidegate(
        "train",
        folder / "bank.csv",
        "--spec",
        "bank",
        "--budget",
        "quick",
        "--algorithms",
        "logistic_regression",
        "--home",
        folder / "home",
    )
    assert done.returncode == 0, done.stderr
    return Home(folder / "home")


def told(*words: object, environment: dict[str, str] | None = None) -> dict[str, Any]:
    done = tidegate(*words, "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@dataclass
class Callers:
    """Somebody who asks for predictions of other customers all the time."""

    url: str
    rows: list[dict[str, object]]
    statuses: dict[int, int] = field(default_factory=dict)
    ending: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        number = 0
        while not self.ending.is_set():
            status, _ = call(f"{self.url}/predict", {**self.rows[number % len(self.rows)], "customer_id": f"other-{number % 97}"})
            self.statuses[status] = self.statuses.get(status, 0) + 1
            number += 1


@contextmanager
def asking(url: str, rows: list[dict[str, object]]) -> Iterator[Callers]:
    callers = Callers(url, rows)
    thread = threading.Thread(target=callers.ask)
    thread.start()
    try:
        yield callers
    finally:
        callers.ending.set()
        thread.join()


def plant(home: Home, url: str, rows: list[dict[str, object]], ledger_url: str) -> dict[str, bytes]:
    """The person everywhere a home can hold them; what to look for afterwards."""
    person: dict[str, Any] = {**rows[0], "credit_limit": AMOUNT, "avg_open_to_buy": AMOUNT - float(str(rows[0]["total_revolving_bal"]))}
    for start in range(0, OTHERS, 100):
        many = [{**row, "customer_id": f"many-{start + place}"} for place, row in enumerate(rows[start % 300 : start % 300 + 100])]
        assert call(f"{url}/predict-batch", {"customers": many})[0] == 200
    given = [json.loads(call(f"{url}/predict", {**person, "customer_id": one})[1]) for one in (ID, "'" + ID, ID)]
    nameless = json.loads(call(f"{url}/predict", person)[1])
    said = {"prediction_id": given[0]["prediction_id"], "heard": "will_leave", "note": f"call {PHONE}"}
    assert call(f"{url}/feedback", said)[0] == 200
    assert call(f"{url}/outcomes", {"outcomes": [{"customer_id": ID, "outcome": 1}]})[0] == 200
    known = customer_hash((home.secrets / "customer.key").read_bytes(), ID)
    ledger = open_ledger(ledger_url)
    chosen = [Assignment(one, "treated", rank, 0.9, 1.0, 1.0, "1") for rank, one in enumerate((known, "0" * 32), 1)]
    prices = {"currency": "EUR", "customer_value": 100.0, "contact_cost": 1.0, "incentive_cost": 1.0, "acceptance_rate": 0.3}
    record_campaign(ledger, "spring", {"prices": prices, "treated": 2, "control": 0}, chosen, "ana", datetime.now(UTC))
    close_ledger(ledger)
    home.quarantine.mkdir(exist_ok=True)
    (home.quarantine / "export.csv").write_text(f"CLIENTNUM;Age\r\n'{ID};41\r\nK2;52\r\n")
    left = home.scratch / "serve.99999999.x" / "upload.csv"
    left.parent.mkdir(parents=True)
    left.write_text(f"CLIENTNUM\n{ID}\n")
    marked = customer_hash((home.secrets / "customer.key").read_bytes(), "'" + ID)
    texts = {"id": ID, "hash": known, "hash of the marked id": marked, "note": PHONE, "value": str(AMOUNT)}
    texts |= {f"prediction {number}": one["prediction_id"] for number, one in enumerate([*given, nameless])}
    return {name: text.encode() for name, text in texts.items()}


def traces(home: Home, wanted: dict[str, bytes]) -> set[str]:
    """What of the person is in which file of a home; the register knows the hash, and nothing else of them."""
    found = set()
    for path in home.root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found |= {f"{name} in {path.relative_to(home.root)}" for name, text in wanted.items() if text in content}
    return {one for one in found if not (one.startswith("hash") and one.endswith(" in secrets/erasures.jsonl"))}


def forgets(home: Home, tmp_path: Path, ledger_url: str, environment: dict[str, str]) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Plant, back up, erase beside a busy server; what was looked for, and what `erase` said."""
    write_simulated(tmp_path / "new.csv", 400, seed=9)
    rows = customers(tmp_path / "new.csv")
    at = ("--home", home.root)
    with running("serve", *at, "--port", free_port(), environment=environment) as (_, ready):
        wanted = plant(home, ready["url"], rows, ledger_url)
        with asking(ready["url"], rows) as callers:
            told("backup", tmp_path / "backup", *at, environment=environment)
            (tmp_path / "ids.txt").write_text(ID + "\n")
            nameless = wanted["prediction 3"].decode()
            done = told(
                "erase", "--file", tmp_path / "ids.txt", "--prediction", nameless, "--reason", "asked", *at, environment=environment
            )
        assert set(callers.statuses) == {200}, callers.statuses
        assert callers.statuses[200] > 10
    assert done["removed"] == {
        "feedback": 1,
        "outcomes": 1,
        "audit_outcomes": 0,
        "assignments": 1,
        "predictions": 4,
        "shadows": 0,
        "quarantine": 1,
    }
    return wanted, done


def test_no_byte_of_an_erased_customer_is_left_here_or_in_a_restored_backup(home: Home, tmp_path: Path) -> None:
    url = sqlite_url(home.ledger)
    wanted, _ = forgets(home, tmp_path, url, {})
    at = ("--home", home.root)
    assert len(traces(Home(tmp_path / "backup"), wanted)) >= 8, "the backup was to hold the person"
    assert traces(home, wanted) == set()
    assert told("verify", "--sample", 50, *at)["replay"] == "ok"
    proved = told("campaign", "prove", "spring", *at)
    assert "1 assignments are no longer in the ledger" in " ".join(proved["warnings"])
    assert "K2" in (home.quarantine / "export.csv").read_text()
    shown = json.loads(tidegate("history", *at, "--json").stdout)
    assert ID not in json.dumps(shown)

    # the home is lost, and only the register was kept elsewhere
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(home.erasures.read_bytes())
    again = Home(tmp_path / "again")
    told("restore", tmp_path / "backup", "--erasures", kept, "--home", again.root)
    assert traces(again, wanted) == set()
    assert told("verify", "--sample", 50, "--home", again.root)["replay"] == "ok"
    # the home is there and is replaced: its own register counts
    done = told("restore", tmp_path / "backup", "--replace", *at)
    assert done["erased_again"]["predictions"] == 4
    assert traces(home, wanted) == set()
    with running("serve", *at, "--port", free_port()) as (_, ready):
        assert call(ready["url"] + "/ready")[0] == 200
    trained = told("train", home.root.parent / "bank.csv", *QUICK, "--home", again.root)
    assert trained["model_version"] == "2", "the tracking server's files are where the home is now"
    assert len(list((again.tracking / "artifacts").iterdir())) == 4


def state(root: Path) -> str:
    """Old or new; anything else is a failure."""
    home = open_home(root)
    ledger = open_ledger(sqlite_url(home.ledger))
    try:
        assert check_ledger(ledger) == "ok"
        assert verify_events(ledger) == "ok"
        newest, predictions = list_events(ledger, limit=1)[0].what, count_predictions(ledger)
    finally:
        close_ledger(ledger)
    found = {"after the backup": "old", "restored": "new"}[newest]
    assert (predictions == 1) == (found == "old"), "the ledger of the one with the home of the other"
    assert (root / "old").exists() == (found == "old")
    assert json.loads((home.storage / "champion.json").read_bytes())["version"] == "1"
    return found


def test_a_restore_that_is_killed_leaves_the_old_home_or_the_new_one(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    write_linear_champion(home)
    (home.data / "large").mkdir(parents=True)
    for number in range(200):
        (home.data / "large" / f"{number}.bin").write_bytes(os.urandom(100_000))
    backup = tmp_path / "backup"
    told("backup", backup, "--home", home.root)
    one = Prediction("p1", None, None, None, "1", "b" * 64, "champion", 0.1, 0.5, 0, "{}", "predict", "2026-01-02T03:04:05.000000+00:00")
    ledger = open_ledger(sqlite_url(home.ledger))
    with writing(ledger.engine) as connection:
        insert_predictions(connection, [one])
    append_event(ledger, "ana", "after the backup", {}, datetime.now(UTC))
    close_ledger(ledger)
    (home.root / "old").touch()
    shutil.copytree(home.root, tmp_path / "kept")
    length, chance, seen = killed_restore(backup, tmp_path / "timed", None), random.Random(5), []
    for number in range(KILLS):
        shutil.rmtree(home.root)
        shutil.copytree(tmp_path / "kept", home.root)
        killed_restore(backup, home.root, length * (number + chance.random()) / KILLS)
        seen.append(state(home.root))
    assert "old" in seen, "every kill came too late to say anything"
    told("restore", backup, "--replace", "--home", home.root)
    assert state(home.root) == "new"
    assert not list(tmp_path.glob("home.restoring-*")), "what killed restores left is cleared away"


def killed_restore(backup: Path, root: Path, after: float | None) -> float:
    """A restore that is killed so many seconds after it began to build; how long it built."""
    command = [sys.executable, "-m", "tidegate", "restore", str(backup), "--replace", "--home", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not root.with_name(f"{root.name}.restoring-{process.pid}").exists():
        time.sleep(0.001)
    began = time.monotonic()
    if after is None:
        assert process.wait() == 0
    else:
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        process.wait()
    return time.monotonic() - began


@pytest.mark.servers
def test_on_postgresql_a_person_is_forgotten_and_a_backup_goes_into_a_file_or_an_empty_database(
    home: Home, tmp_path: Path, postgres: Postgres
) -> None:
    copy = Home(tmp_path / "home")
    told("backup", tmp_path / "first", "--home", home.root)
    told("restore", tmp_path / "first", "--home", copy.root)
    url = postgres.place()
    wanted, _ = forgets(copy, tmp_path, url, {"TIDEGATE_LEDGER_URL": url})
    kept = copy.erasures
    for place in (postgres.place(), ""):
        there, environment = Home(tmp_path / f"there{len(place)}"), {"TIDEGATE_LEDGER_URL": place}
        done = told("restore", tmp_path / "backup", "--erasures", kept, "--home", there.root, environment=environment)
        assert done["erased_again"]["predictions"] == 4
        assert there.ledger.exists() == (not place)
        assert told("verify", "--sample", 50, "--home", there.root, environment=environment)["replay"] == "ok"
        assert traces(there, wanted) == set()
    again = tidegate("restore", tmp_path / "backup", "--home", tmp_path / "x", environment={"TIDEGATE_LEDGER_URL": url})
    assert again.returncode == 2
    assert "holds rows already" in again.stderr
    assert "pier-and-tide" not in again.stderr
    assert not (tmp_path / "x").exists()
