"""Verbs as child processes of another one: what `run` and `work` start, watch and stop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from types import FrameType
from typing import Any

from tidegate.errors import NoChampion, TidegateError
from tidegate.home import Home
from tidegate.operations.training_words import TrainingRequest, summary_of
from tidegate.settings import Settings
from tidegate.storage.objects import open_storage
from tidegate.storage.pointer import read_pointer

STOP_SECONDS = 20


class ServiceEnded(TidegateError):
    """A service that should run until it is told to stop ended by itself."""


def verb(*words: str) -> list[str]:
    """The command of a verb that answers with JSON."""
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
    with subprocess.Popen(verb(*words), stdout=subprocess.PIPE, start_new_session=True) as child:  # noqa: S603
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


def started(
    name: str, home: Home, host: str, port: int, stopping: Stopping, children: list[subprocess.Popen[bytes]]
) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """A verb in a child process, and what it says when it is ready; nothing where it ended before."""
    command = verb(name, "--home", str(home.root), "--host", host, "--port", str(port))
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603
    children.append(child)
    stopping.watch(child)
    assert child.stdout is not None
    first = child.stdout.readline()
    return child, json.loads(first) if first else {}


class Stopping:
    """SIGINT and SIGTERM ask the children to stop, also when they come before there is one."""

    def __init__(self) -> None:
        self.asked = False
        self._children: list[subprocess.Popen[bytes]] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def watch(self, child: subprocess.Popen[bytes]) -> None:
        """Ask this one too; at once where the signal has come already."""
        self._children.append(child)
        if self.asked:
            child.terminate()

    def _stop(self, _: int, __: FrameType | None) -> None:
        self.asked = True
        for child in self._children:
            if child.poll() is None:
                child.terminate()


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a child in order; one that takes longer than it may is killed."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
