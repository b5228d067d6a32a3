"""`tidegate work`: what a machine beside the scoring servers does: the operate API, the reports and `watch`, until told to stop."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

from tidegate.home import Home
from tidegate.operations.services import ServiceEnded, Stopping, first_champion, started, stop, verb
from tidegate.operations.training_words import TrainingRequest
from tidegate.settings import Settings

LOOK_SECONDS = 0.5
SERVICES = ("operate", "reports", "watch")
BUDGET = "quick"
Printer = Callable[[dict[str, Any], str], None]


def work(home: Home, settings: Settings, every: str, show: Printer) -> None:
    """Train on a simulated bank where there is no champion and `bootstrap` asks for it, then run the three services.

    Each is the verb that a person could call, in a process of its own. Where one of them ends by itself the others are stopped and
    ServiceEnded is raised: whoever supervises this process starts all of them again. Raises NoChampion where the first model was refused.
    """
    trained, version = None, None
    if settings.bootstrap == "simulated":
        trained, version = first_champion(home, settings, TrainingRequest(None, None, None, BUDGET))
    stopping, children = Stopping(), list[subprocess.Popen[bytes]]()
    try:
        urls: dict[str, str] = {}
        for name, host, port in (
            ("operate", settings.operate_host, settings.operate_port),
            ("reports", settings.reports_host, settings.reports_port),
        ):
            if not stopping.asked:
                _, ready = started(name, home, host, port, stopping, children)
                urls[name] = str(ready.get("url", ""))
        if not stopping.asked and all(urls.values()):
            watching = subprocess.Popen(verb("watch", "--every", every, "--home", str(home.root)), start_new_session=True)  # noqa: S603
            children.append(watching)
            stopping.watch(watching)
            show({"home": str(home.root), "urls": urls, "every": every, "trained": trained and version}, _text(urls, every))
        _until_one_ends(children, stopping)
    finally:
        for child in children:
            stop(child)


def _until_one_ends(children: list[subprocess.Popen[bytes]], stopping: Stopping) -> None:
    while not stopping.asked:
        for name, child in zip(SERVICES, children, strict=False):  # fewer where one ended before the next began
            if child.poll() is not None:
                raise ServiceEnded(f"The service {name} ended with code {child.returncode}.", "Its own message stands above.")
        time.sleep(LOOK_SECONDS)


def _text(urls: dict[str, str], every: str) -> str:
    return f"The operate API answers on {urls['operate']}, the reports are on {urls['reports']}; a round of watch begins every {every}."
