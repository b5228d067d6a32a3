"""A bank whose services run with API keys, and people who ask it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.csv
import pytest

from callers import calling
from commands import customers, running, tidegate
from e2e.test_promotion import told
from ports import free_port
from second_versions import plant_version
from tidegate.customers.simulation.scenario import Drift, Scenario
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home

MOVED = ("Total_Trans_Ct", "Credit_Limit", "Customer_Age", "Total_Revolving_Bal", "Total_Trans_Amt")
ROWS = 1_000
WORKERS = 2
CALLERS, PAUSE_SECONDS = 8, 0.3
# so patient that a slow ledger is slow for a while before it is an error
ENVIRONMENT = {"TIDEGATE_LEDGER_SECONDS": "6", "TIDEGATE_ALERTMANAGER_OWNS_METRICS": "true", "TIDEGATE_ACCESS_LOG": "false"}


@dataclass
class Bank:
    """A home, its services' ports, and one key for everything."""

    home: Home
    key: str
    people: list[dict[str, object]]
    api_port: int = field(default_factory=free_port)
    worker_port: int = field(default_factory=free_port)

    @property
    def api(self) -> str:
        return f"127.0.0.1:{self.api_port}"

    @property
    def worker(self) -> str:
        return f"127.0.0.1:{self.worker_port}"

    def serving(self, stack: ExitStack) -> None:
        """The scoring API with its workers, until the stack ends."""
        words = ("serve", "--home", self.home.root, "--port", self.api_port, "--workers", WORKERS)
        stack.enter_context(running(*words, environment=ENVIRONMENT))

    def operating(self, stack: ExitStack) -> None:
        """The operate API."""
        words = ("operate", "--home", self.home.root, "--port", self.worker_port)
        stack.enter_context(running(*words, environment=ENVIRONMENT))

    def asks(self, path: str, body: object) -> int:
        """The status of a request with the key."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(f"http://{self.api}{path}", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code

    @contextmanager
    def busy(self, pause_seconds: float = PAUSE_SECONDS) -> Iterator[None]:
        """Customers are asked about, one by one, for as long as the block lasts."""
        ending = threading.Event()

        def ask(caller: int) -> None:
            number = caller
            while not ending.is_set():
                self.asks("/predict", self.people[number % len(self.people)])
                number += CALLERS
                ending.wait(pause_seconds)

        with calling(CALLERS, ask, ending):
            yield

    @contextmanager
    def ledger_held(self, seconds: float, free_seconds: float) -> Iterator[None]:
        """Somebody locks the ledger for `seconds` at a time, with pauses, as a backup that was done badly would."""
        ending = threading.Event()

        def hold(_: int) -> None:
            connection = sqlite3.connect(self.home.ledger, timeout=10, isolation_level=None)
            while not ending.is_set():
                connection.execute("BEGIN IMMEDIATE")
                ending.wait(seconds)
                connection.execute("ROLLBACK")
                ending.wait(free_seconds)
            connection.close()

        with calling(1, hold, ending):
            yield

    def monitor(self, seed: int, days_ago: int, wrong: bool) -> int:
        """Monitor a batch that was seen so long ago, and so has matured; a wrong one has drifted and its labels are not as foretold."""
        self.home.inbox.mkdir(exist_ok=True)
        seen = datetime.now(UTC) - timedelta(days=days_ago)
        path = self.home.inbox / f"prod_batch_{seen:%Y-%m-%d}.csv"
        scenario = {"scenario": Scenario(drift=tuple(Drift(name, 0.8) for name in MOVED))} if wrong else {}
        write_simulated(path, ROWS, seed, **scenario)
        if wrong:
            table = pyarrow.csv.read_csv(path)
            words = table["Attrition_Flag"].unique().to_pylist()
            other = dict(zip(words, reversed(words), strict=True))
            turned = pa.array([other[word] for word in table["Attrition_Flag"].to_pylist()])
            pyarrow.csv.write_csv(table.set_column(table.column_names.index("Attrition_Flag"), "Attrition_Flag", turned), path)
        return tidegate("monitor", path, "--no-pictures", "--home", self.home.root, "--json", environment=ENVIRONMENT).returncode


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Champion 1; version 2 scores a little higher, version 3 far higher."""
    folder = tmp_path_factory.mktemp("instruments")
    write_simulated(folder / "bank.csv", 1_500, seed=3)
    words = ("--spec", "bank", "--budget", "quick", "--algorithms", "logistic_regression", "--home", folder / "home")
    answer = tidegate("train", folder / "bank.csv", *words)
    assert answer.returncode == 0, answer.stderr
    home = Home(folder / "home")
    plant_version(home, "2", 0.1)
    plant_version(home, "3", 6.0)
    return home


@pytest.fixture(scope="module")
def bank(planted: Home, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    folder = tmp_path_factory.mktemp("bank")
    shutil.copytree(planted.root, folder / "home")
    write_simulated(folder / "new.csv", 400, seed=9)
    people = [{**one, "customer_id": f"C-{number}"} for number, one in enumerate(customers(folder / "new.csv"))]
    key = told("key", "add", "prometheus", "--role", "score", "--home", folder / "home")["key"]
    return Bank(Home(folder / "home"), key, people)


def settle() -> None:
    """Long enough for a counter to have been scraped before it grows."""
    time.sleep(5)
