"""Verbs in child processes of one that starts them, waits until they are ready, and stops them all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

STOP_SECONDS = 20


def verb_command(*words: str) -> list[str]:
    """The command of a verb that prints JSON."""
    return [sys.executable, "-m", "tidegate", *words, "--json"]


@dataclass(frozen=True)
class Service:
    """One child."""

    process: subprocess.Popen[bytes]

    def ready(self) -> dict[str, Any]:
        """What it prints once it is ready; waits for it. Empty where it ended before; its own sentence stands on stderr then."""
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        return json.loads(first) if first else {}

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait()

    def stop(self) -> None:
        """In order; by force where that takes too long."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Services:
    """Children. SIGINT and SIGTERM ask them to stop, also when they come before there is one."""

    def __init__(self) -> None:
        self.stopping = False
        self._children: list[Service] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def close(self) -> None:
        """Stop all of them, at the same time, and wait for them."""
        for child in self._children:
            if child.process.poll() is None:
                child.process.terminate()
        for child in self._children:
            child.stop()

    def start(self, verb: str, words: Sequence[str], environment: Mapping[str, str] | None = None) -> Service:
        """A verb in a session of its own: Ctrl-C reaches this process only."""
        command = verb_command(verb, *words)
        process = subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, start_new_session=True, env={**os.environ, **(environment or {})}
        )
        child = Service(process)
        self._children.append(child)
        if self.stopping:
            process.terminate()
        return child

    def _ask(self, _: int, __: FrameType | None) -> None:
        self.stopping = True
        for child in self._children:
            if child.process.poll() is None:
                child.process.terminate()
