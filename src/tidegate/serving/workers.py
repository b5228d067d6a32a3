"""Several serving processes on one port: each opens the home for itself, all count together, one that dies or hangs is replaced."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from multiprocessing import parent_process

import uvicorn
from fastapi import FastAPI
from prometheus_client import multiprocess
from uvicorn.supervisors.multiprocess import Multiprocess

from tidegate.errors import HomeRefused
from tidegate.parent import end_with
from tidegate.serving.garbage import settle
from tidegate.serving.opening import Opening, opened

START_SECONDS = 120.0
# prometheus_client decides by this, when it is first imported, to count in files that processes share.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
Configure = Callable[[Callable[[], FastAPI], int], uvicorn.Config]


@dataclass(frozen=True)
class Worker:
    """What makes the application of one worker, in that worker."""

    opening: Opening

    def __call__(self) -> FastAPI:
        """The application; what it opened is closed when it has drained."""
        supervisor = parent_process()
        assert supervisor is not None
        assert supervisor.pid is not None
        end_with(supervisor.pid)  # one that is killed outright cannot tell its workers
        stack = ExitStack()
        app, _ = stack.enter_context(opened(self.opening))
        inner = app.router.lifespan_context

        @asynccontextmanager
        async def whole(app: FastAPI) -> AsyncIterator[None]:
            with stack:
                async with inner(app):
                    yield

        app.router.lifespan_context = whole
        settle()
        return app


def supervise(opening: Opening, configure: Configure, listening: socket.socket, ready: Callable[[str], None]) -> None:
    """Run `settings.workers` workers until SIGTERM or SIGINT; `ready(version)` is called once all of them answer.

    Raises what stands in the way of the first of them before any is started, and HomeRefused where they do not come up.
    """
    with opened(opening) as (_, version):
        pass
    folder = opening.scratch / "metrics"
    folder.mkdir()
    os.environ[SHARED] = str(folder)
    worker = Worker(replace(opening, metrics=folder))
    supervisor = _Supervisor(configure(worker, opening.settings.workers), [listening], lambda: ready(version))
    supervisor.run()
    if not supervisor.came_up:
        raise HomeRefused("The workers did not come up.", "Look at the log lines above; serve with --workers 1 says more.")


class _Supervisor(Multiprocess):
    """uvicorn's supervisor, which says when all workers answer, and forgets the gauges of those that are gone."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], ready: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._ready = ready
        self.came_up = False

    def init_processes(self) -> None:
        super().init_processes()
        self.came_up = all(process.wait_until_ready(START_SECONDS, self.should_exit) for process in self.processes)
        if self.came_up:
            self._ready()
        else:
            self.should_exit.set()

    def keep_subprocess_alive(self) -> None:
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for gone in before - {process.pid for process in self.processes}:
            multiprocess.mark_process_dead(gone, os.environ[SHARED])  # type: ignore[no-untyped-call]
