"""A scoring API with keys and a log, in process, for tests of what stands in front of its routes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from champions import write_linear_champion
from tidegate.access.file import write_keys
from tidegate.access.keyring import Keyring
from tidegate.access.keys import make_key
from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.home import open_home
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.serving.api import create_app
from tidegate.serving.front.request_log import RequestLog
from tidegate.serving.metrics import Metrics
from tidegate.serving.service import Service
from tidegate.settings import Settings
from tidegate.storage.files import Folder

ROLES = {"desk": ("score",), "watcher": ("operate",), "eraser": ("erase",), "everything": ("score", "operate", "erase")}


@dataclass
class Guarded:
    """The API: how to call it, the texts of its keys by name, its log lines."""

    client: TestClient
    service: Service
    customer: dict[str, Any]
    keys: dict[str, str]
    lines: list[str] = field(default_factory=list)

    def bearer(self, name: str = "desk") -> dict[str, str]:
        """The header that brings a key."""
        return {"Authorization": f"Bearer {self.keys[name]}"}


@contextmanager
def guarded(folder: Path, with_keys: bool = True, log: bool = True, **settings: Any) -> Iterator[Guarded]:
    """The API over a champion written by hand, in a home of its own."""
    home = open_home(folder / "home")
    write_linear_champion(home)
    home.scratch.mkdir()
    made = {name: make_key(name, roles, None, datetime.now(UTC)) for name, roles in ROLES.items()} if with_keys else {}
    path = home.secrets / "api-keys.json"
    if with_keys:
        write_keys(path, [key for key, _ in made.values()])
    ledger = open_ledger(sqlite_url(home.ledger))
    commit = GroupCommit(ledger)
    # A busy disk makes a commit slow; a test of how long one is waited for sets its own.
    chosen = Settings(**{"ledger_seconds": 30, **settings})
    service = Service(open_champion(Folder(home.storage)), ledger, commit, bytes(32), chosen, Metrics(), home.scratch)
    lines: list[str] = []
    request_log = RequestLog(lines.append, "text" if chosen.log_format == "text" else "json", chosen.access_log) if log else None
    try:
        with TestClient(create_app(service, None, Keyring(path), request_log), raise_server_exceptions=False) as client:
            row = synthetic_rows(service.scorer.contract.spec, seed=1, count=1)[0]
            yield Guarded(client, service, row, {name: text for name, (_, text) in made.items()}, lines)
    finally:
        commit.close()
        close_ledger(ledger)
