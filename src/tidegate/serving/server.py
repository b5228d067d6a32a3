"""`tidegate serve`: from a home to a listening API, in one process or in several that share the port."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import closing

import uvicorn
from fastapi import FastAPI

from tidegate.access.file import required_keys_file
from tidegate.access.keyring import Keyring
from tidegate.access.keys import SCORE
from tidegate.home import Home, working
from tidegate.serving.address import bound
from tidegate.serving.garbage import settle
from tidegate.serving.opening import Opening, opened
from tidegate.serving.workers import supervise
from tidegate.settings import Settings

DRAIN_SECONDS = 10


def serve(home: Home, settings: Settings, ledger_url: str, ready: Callable[[str, str], None]) -> None:
    """Serve the champion until SIGTERM or SIGINT, then drain. `ready(url, version)` is called once requests are answered.

    Raises what `opened` raises, and SettingRefused where the address cannot be bound.
    """
    keyring = Keyring(required_keys_file(home, settings.api_keys_file))
    listening = bound(settings.host, settings.port, keyring.has(SCORE))
    with closing(listening), working(home, "serve") as scratch:
        opening = Opening(home, settings, ledger_url, scratch)
        if settings.workers > 1:
            supervise(opening, configuration, listening, lambda version: ready(address_of(listening), version))
            return
        with opened(opening) as (app, version):
            listen(app, listening, lambda url: ready(url, version))


def listen(app: FastAPI, listening: socket.socket, ready: Callable[[str], None]) -> None:
    """Answer on a socket until SIGTERM or SIGINT, then drain. `ready(url)` is called once requests are answered."""
    # uvicorn raises a caught signal again once it has drained; the caller still has a ledger to close then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _Server(configuration(app), lambda: ready(address_of(listening))).run(sockets=[listening])


def address_of(listening: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def configuration(app: FastAPI | Callable[[], FastAPI], workers: int = 1) -> uvicorn.Config:
    """How uvicorn runs an application, or what makes one in each of several workers."""
    return uvicorn.Config(
        app,
        factory=not isinstance(app, FastAPI),
        workers=workers,
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
            settle()
            self._ready()
