"""`tidegate work`: what a machine beside the scoring servers does: the operate API, the reports and `watch`, until told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from tidegate.home import Home
from tidegate.operations.services import Service, ServiceEnded, Services, first_champion
from tidegate.operations.training_words import TrainingRequest
from tidegate.settings import Settings

LOOK_SECONDS = 0.5
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
    with closing(Services()) as services:
        started = {
            "operate": services.start("operate", _words(home, settings.operate_host, settings.operate_port)),
            "reports": services.start("reports", _words(home, settings.reports_host, settings.reports_port)),
        }
        urls = {name: str(service.ready().get("url", "")) for name, service in started.items()}
        if not services.stopping and all(urls.values()):
            started["watch"] = services.start("watch", ["--every", every, "--home", str(home.root)], says_when_ready=False)
            show({"home": str(home.root), "urls": urls, "every": every, "trained": trained and version}, _text(urls, every))
        _until_one_ends(services, started)


def _words(home: Home, host: str, port: int) -> list[str]:
    return ["--home", str(home.root), "--host", host, "--port", str(port)]


def _until_one_ends(services: Services, started: Mapping[str, Service]) -> None:
    while not services.stopping:
        for name, service in started.items():
            if service.process.poll() is not None:
                raise ServiceEnded(f"The service {name} ended with code {service.process.returncode}.", "Its own message stands above.")
        time.sleep(LOOK_SECONDS)


def _text(urls: dict[str, str], every: str) -> str:
    return f"The operate API answers on {urls['operate']}, the reports are on {urls['reports']}; a round of watch begins every {every}."
