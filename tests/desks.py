"""The operate API in process, over a champion written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from champions import write_linear_champion
from tidegate.home import open_home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import Jobs
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings


@contextmanager
def operated(folder: Path, spec_text: str | None = None) -> Iterator[tuple[TestClient, Desk]]:
    """The API and what it works with, in a home of its own."""
    home = open_home(folder / "home")
    write_linear_champion(home, spec_text)
    (folder / "scratch").mkdir()
    ledger = open_ledger(sqlite_url(home.ledger))
    desk = Desk(home, Settings(home=home.root), ledger, Jobs(), Metrics(), folder / "scratch")
    try:
        yield TestClient(create_operate_app(desk), raise_server_exceptions=False), desk
    finally:
        close_ledger(ledger)
