"""Verbs as child processes of another one: what `run` and `work` start, wait for and stop."""

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

from tidegate.errors import NoChampion, TidegateError
from tidegate.home import Home
from tidegate.operations.training_words import TrainingRequest, summary_of
from tidegate.parent import as_parent
from tidegate.settings import Settings
from tidegate.storage.objects import open_storage
from tidegate.storage.pointer import read_pointer

STOP_SECONDS = 20


class ServiceEnded(TidegateError):
    """A service that should run until it is told to stop ended by itself."""


def verb_command(*words: str) -> list[str]:
    """The command of a verb that prints JSON."""
    return [sys.executable, "-m", "tidegate", *words, "--json"]


def first_champion(home: Home, settings: Settings, request: TrainingRequest) -> tuple[dict[str, Any] | None, str]:
    """Train where there is no champion yet: what `train --json` says, or None, and the champion's version.

    Raises NoChampion where the first model was refused, StorageUnavailable.
    """
    pointer = read_pointer(open_storage(home))
    if pointer is not None:
        return None, pointer.version
    trained = _trained_in_child(home, settings, request)
    sys.stderr.write(summary_of(trained) + "\n\n")
    if trained["stage"] != "champion":
        raise NoChampion("The first model was refused as champion.", "Look at the failed gates above; give more or other data.")
    return trained, str(trained["model_version"])


def _trained_in_child(home: Home, settings: Settings, request: TrainingRequest) -> dict[str, Any]:
    """What `train --json` says. Ends this process with the child's code where it refused; its sentence stands on stderr already."""
    words = [
        "train",
        *([str(request.data)] if request.data else []),
        "--home",
        str(home.root),
        "--seed",
        str(settings.seed),
        "--budget",
        request.budget,
    ]
    for option, value in (("--label", request.label), ("--spec", request.spec)):
        words += [option, value] if value else []
    # A session of its own: Ctrl-C reaches this process only, which then stops the child in order.
    environment = {**os.environ, **as_parent()}
    with subprocess.Popen(  # noqa: S603
        verb_command(*words), stdout=subprocess.PIPE, start_new_session=True, env=environment
    ) as child:
        try:
            said, _ = child.communicate()
        except BaseException:
            child.send_signal(signal.SIGINT)
            child.wait(STOP_SECONDS)
            raise
    if child.returncode:
        raise SystemExit(child.returncode)
    document: dict[str, Any] = json.loads(said)
    return document


@dataclass(frozen=True)
class Service:
    """One child."""

    process: subprocess.Popen[bytes]

    def ready(self) -> dict[str, Any]:
        """What it prints once it is ready; waits for it. Empty where it ended before; its own sentence stands on stderr then."""
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        return json.loads(first) if first else {}

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

    def start(
        self, verb: str, words: Sequence[str], environment: Mapping[str, str] | None = None, *, says_when_ready: bool = True
    ) -> Service:
        """A verb in a session of its own: Ctrl-C reaches this process only; where this process is killed the verb ends by itself.

        What one says that never says it is ready is passed on.
        """
        process = subprocess.Popen(  # noqa: S603
            verb_command(verb, *words),
            stdout=subprocess.PIPE if says_when_ready else None,
            start_new_session=True,
            env={**os.environ, **(environment or {}), **as_parent()},
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
