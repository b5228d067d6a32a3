"""`tidegate serve`: from a home to a listening API."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import closing
from functools import partial

import uvicorn
from fastapi import FastAPI

from tidegate.bundle.champion import open_champion
from tidegate.home import Home, working
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.customer_key import load_or_create_key
from tidegate.ledger.store import close_ledger, open_ledger
from tidegate.serving.address import bound
from tidegate.serving.api import create_app
from tidegate.serving.experiment import follow_experiment, learn
from tidegate.serving.follow import follow_champion
from tidegate.serving.metrics import Metrics
from tidegate.serving.service import Service
from tidegate.settings import Settings
from tidegate.storage.files import Storage

DRAIN_SECONDS = 10


def serve(home: Home, settings: Settings, ledger_url: str, ready: Callable[[str, str], None]) -> None:
    """Serve the champion until SIGTERM or SIGINT, then drain. `ready(url, version)` is called once requests are answered.

    Raises NoChampion, BundleRefused, or SettingRefused where the address cannot be bound.
    """
    listening = bound(settings.host, settings.port)
    with closing(listening), working(home, "serve") as scratch:
        storage = Storage(home.storage)
        scorer = open_champion(storage)
        ledger = open_ledger(ledger_url)
        commit = GroupCommit(ledger)
        try:
            home.secrets.mkdir(mode=0o700, exist_ok=True)
            key = load_or_create_key(home.secrets / "customer.key")
            service = Service(scorer, ledger, commit, key, settings, Metrics(), scratch)
            # Before the first answer: a restart must not move a customer for the second that following takes.
            learn(service, ledger, storage)
            app = create_app(service, partial(_follow, storage=storage))
            host, port = listening.getsockname()[:2]
            # uvicorn raises a caught signal again once it has drained; the ledger is still to be closed then.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            _Server(
                _configuration(app), lambda: ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", scorer.version)
            ).run(sockets=[listening])
        finally:
            commit.close()
            close_ledger(ledger)


async def _follow(service: Service, storage: Storage) -> None:
    await asyncio.gather(follow_champion(service, storage), follow_experiment(service, storage))


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
