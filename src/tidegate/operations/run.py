"""`tidegate run`: the whole system on one machine, from a table to a service, until Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from tidegate.access.file import required_keys_file
from tidegate.access.keyring import Keyring
from tidegate.access.keys import SCORE
from tidegate.errors import NoChampion, TidegateError
from tidegate.home import Home
from tidegate.operations.training_words import TrainingRequest, summary_of
from tidegate.serving.address import bound
from tidegate.settings import Settings
from tidegate.storage.objects import open_storage
from tidegate.storage.pointer import read_pointer

STOP_SECONDS = 20
Printer = Callable[[dict[str, Any], str], None]


class ServiceEnded(TidegateError):
    """A service of `run` ended by itself."""


def run(home: Home, settings: Settings, request: TrainingRequest, show: Printer) -> None:
    """Train where there is no champion yet, start the services, print where they are, and wait until told to stop.

    Each step is the verb that a person could call, in a process of its own: what training loads does not stay while the service runs.
    """
    keyring = Keyring(required_keys_file(home, settings.api_keys_file))
    bound(settings.host, settings.port, keyring.has(SCORE)).close()
    trained = None
    pointer = read_pointer(open_storage(home))
    if pointer is None:
        trained = _train(home, settings, request)
        sys.stderr.write(summary_of(trained) + "\n\n")
        if trained["stage"] != "champion":
            raise NoChampion("The first model was refused as champion.", "Look at the failed gates above; give more or other data.")
    elif request.data is not None:
        sys.stderr.write(f"Version {pointer.version} is champion already; {request.data.name} was not trained on: use tidegate train.\n")
    _serve(home, settings, trained, show)


def _verb(*words: str) -> list[str]:
    return [sys.executable, "-m", "tidegate", *words, "--json"]


def _train(home: Home, settings: Settings, request: TrainingRequest) -> dict[str, Any]:
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
    with subprocess.Popen(_verb(*words), stdout=subprocess.PIPE, start_new_session=True) as child:  # noqa: S603
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


def _serve(home: Home, settings: Settings, trained: dict[str, Any] | None, show: Printer) -> None:
    """The scoring API until it ends; the reports beside it, which it does not depend on."""
    stopping, children = _Stopping(), list[subprocess.Popen[bytes]]()
    try:
        child, ready = _started("serve", home, settings.host, settings.port, stopping, children)
        if ready and not stopping.asked:
            _, reports = _started("reports", home, settings.reports_host, settings.reports_port, stopping, children)
            if not reports and not stopping.asked:
                sys.stderr.write(
                    "The reports site is not served, for the reason above; scoring goes on. TIDEGATE_REPORTS_PORT is its port.\n"
                )
            show(_document(ready, reports, home, trained), _text(ready, reports, home))
        code = child.wait()
        if not stopping.asked:
            raise ServiceEnded(f"The scoring API ended with code {code}.", "Its own message stands above.")
    finally:
        for started in children:
            _stop(started)
    sys.stderr.write("Stopped.\n")


def _started(
    verb: str, home: Home, host: str, port: int, stopping: _Stopping, children: list[subprocess.Popen[bytes]]
) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """A verb in a child process, and what it says when it is ready; nothing where it ended before."""
    command = _verb(verb, "--home", str(home.root), "--host", host, "--port", str(port))
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603
    children.append(child)
    stopping.watch(child)
    assert child.stdout is not None
    first = child.stdout.readline()
    return child, json.loads(first) if first else {}


class _Stopping:
    """SIGINT and SIGTERM ask the children to stop, also when they come before there is one."""

    def __init__(self) -> None:
        self.asked = False
        self._children: list[subprocess.Popen[bytes]] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def watch(self, child: subprocess.Popen[bytes]) -> None:
        self._children.append(child)
        if self.asked:
            child.terminate()

    def _stop(self, _: int, __: FrameType | None) -> None:
        self.asked = True
        for child in self._children:
            if child.poll() is None:
                child.terminate()


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()


def _document(ready: dict[str, Any], reports: dict[str, Any], home: Home, trained: dict[str, Any] | None) -> dict[str, Any]:
    urls = {"api": ready["url"], "reports": reports.get("url")}
    return {"home": str(home.root), "model_version": ready["model_version"], "urls": urls, "trained": trained}


def _text(ready: dict[str, Any], reports: dict[str, Any], home: Home) -> str:
    url = ready["url"]
    return (
        f"Version {ready['model_version']} serves. Ctrl-C stops it; the next start takes over {home.root} and trains nothing.\n"
        f"\n  scoring API   {url}\n  its pages     {url}/docs   {url}/model-info   {url}/features   {url}/metrics"
        + (f"\n  reports       {reports['url']}" if reports else "")
    )
