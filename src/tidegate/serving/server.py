"""`tidegate serve`: from a home to a listening API."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import closing
from functools import partial

import uvicorn
from fastapi import FastAPI

from tidegate.access.file import required_keys_file
from tidegate.access.keyring import Keyring
from tidegate.access.keys import SCORE
from tidegate.bundle.champion import open_champion
from tidegate.home import Home, working
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.customer_key import load_or_create_key
from tidegate.ledger.store import close_ledger, open_ledger
from tidegate.serving.address import bound
from tidegate.serving.api import create_app
from tidegate.serving.follow import follow_champion
from tidegate.serving.logs import form_of, start_logging
from tidegate.serving.metrics import Metrics
from tidegate.serving.request_log import RequestLog
from tidegate.serving.service import Service
from tidegate.settings import Settings
from tidegate.storage.files import Storage

DRAIN_SECONDS = 10


def serve(home: Home, settings: Settings, ledger_url: str, ready: Callable[[str, str], None]) -> None:
    """Serve the champion until SIGTERM or SIGINT, then drain. `ready(url, version)` is called once requests are answered.

    Raises NoChampion, BundleRefused, SettingRefused where the address cannot be bound, or HomeRefused where the API keys are damaged.
    """
    keyring = Keyring(required_keys_file(home, settings.api_keys_file))
    listening = bound(settings.host, settings.port, keyring.has(SCORE))
    with closing(listening), working(home, "serve") as scratch, closing(start_logging(settings)) as lines:
        storage = Storage(home.storage)
        scorer = open_champion(storage)
        ledger = open_ledger(ledger_url)
        commit = GroupCommit(ledger)
        try:
            home.secrets.mkdir(mode=0o700, exist_ok=True)
            key = load_or_create_key(home.secrets / "customer.key")
            log = RequestLog(lines.write, form_of(settings), settings.access_log)
            service = Service(scorer, ledger, commit, key, settings, Metrics(), scratch)
            app = create_app(service, partial(follow_champion, storage=storage), keyring, log)
            listen(app, listening, lambda url: ready(url, scorer.version))
        finally:
            commit.close()
            close_ledger(ledger)


def listen(app: FastAPI, listening: socket.socket, ready: Callable[[str], None]) -> None:
    """Answer on a socket until SIGTERM or SIGINT, then drain. `ready(url)` is called once requests are answered."""
    host, port = listening.getsockname()[:2]
    # uvicorn raises a caught signal again once it has drained; the caller still has a ledger to close then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    server = _Server(_configuration(app), lambda: ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"))
    server.run(sockets=[listening])


def _configuration(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()
