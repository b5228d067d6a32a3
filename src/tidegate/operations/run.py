"""`tidegate run`: the whole system on one machine, from a table to a service, until Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tidegate.access.file import required_keys_file
from tidegate.access.keyring import Keyring
from tidegate.access.keys import SCORE
from tidegate.home import Home
from tidegate.operations.services import Service, ServiceEnded, Services, first_champion
from tidegate.operations.training_words import TrainingRequest
from tidegate.serving.address import bound
from tidegate.settings import Settings

Printer = Callable[[dict[str, Any], str], None]
LOOK_SECONDS, SHORTEST_SECONDS = 0.5, 5.0


@dataclass
class Beside:
    """A service that the scoring API does not depend on. Where it ends by itself it is started again, unless it had hardly begun."""

    name: str
    setting: str
    verb: str
    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    service: Service | None = None
    began: float = 0.0

    def start(self, services: Services) -> Service:
        """Begin, once more where it ended."""
        self.began = time.monotonic()
        self.service = services.start(self.verb, self.words, self.environment)
        return self.service

    def give_up(self) -> None:
        """It is not served."""
        if self.service is not None:
            self.service.stop()
        self.service = None

    def keep(self, services: Services) -> None:
        """Look after it once."""
        if self.service is None or (code := self.service.process.poll()) is None or services.stopping:
            return
        if time.monotonic() - self.began < SHORTEST_SECONDS:
            sys.stderr.write(f"The {self.name} ended with code {code}, seconds after its start, and is left away; scoring goes on.\n")
            self.service = None
            return
        sys.stderr.write(f"The {self.name} ended with code {code}; it is started again.\n")
        self.start(services)


def run(home: Home, settings: Settings, request: TrainingRequest, show: Printer) -> None:
    """Train where there is no champion yet, start the services, print where they are, and wait until told to stop.

    Each step is the verb that a person could call, in a process of its own: what training loads does not stay while the service runs.
    """
    keyring = Keyring(required_keys_file(home, settings.api_keys_file))
    bound(settings.host, settings.port, keyring.has(SCORE)).close()
    trained, version = first_champion(home, settings, request)
    if trained is None and request.data is not None:
        sys.stderr.write(f"Version {version} is champion already; {request.data.name} was not trained on: use tidegate train.\n")
    _serve(home, settings, trained, show)


def _serve(home: Home, settings: Settings, trained: dict[str, Any] | None, show: Printer) -> None:
    """The scoring API until it ends; what stands beside it, and what it does not depend on, as far as it can be had."""
    with closing(Services()) as services:
        scoring = services.start("serve", _words(home, settings.host, settings.port))
        ready = scoring.ready()
        beside = _beside(home, settings, ready) if ready and not services.stopping else []
        if beside:
            urls = _started(services, beside)
            show(_document(ready, urls, home, trained), _text(ready, urls, home))
        while (code := scoring.process.poll()) is None:
            for one in beside:
                one.keep(services)
            time.sleep(LOOK_SECONDS)
        if not services.stopping:
            raise ServiceEnded(f"The scoring API ended with code {code}.", "Its own message stands above.")
    sys.stderr.write("Stopped.\n")


def _beside(home: Home, settings: Settings, ready: Mapping[str, Any]) -> list[Beside]:
    """Operate API, reports and pages. The pages are told who answers here: else they would show whatever answers at the usual address."""
    operate_url = settings.ui_operate_url or f"http://{settings.operate_host}:{settings.operate_port}"
    apis = {"TIDEGATE_UI_API_URL": settings.ui_api_url or str(ready["url"]), "TIDEGATE_UI_OPERATE_URL": operate_url}
    return [
        Beside("operate API", "TIDEGATE_OPERATE_PORT", "operate", _words(home, settings.operate_host, settings.operate_port)),
        Beside("reports site", "TIDEGATE_REPORTS_PORT", "reports", _words(home, settings.reports_host, settings.reports_port)),
        Beside("pages", "TIDEGATE_UI_PORT", "ui", ["--host", settings.ui_host, "--port", str(settings.ui_port)], apis),
    ]


def _started(services: Services, beside: Sequence[Beside]) -> dict[str, str | None]:
    """Addresses by verb; None where one could not be had, said on stderr. Without an operate API of our own there are no pages."""
    for one in beside:
        one.start(services)
    found: dict[str, str | None] = {}
    for one in beside:
        if one.verb == "ui" and found["operate"] is None:
            one.give_up()
        found[one.verb] = _url(services, one)
    return found


def _words(home: Home, host: str, port: int) -> list[str]:
    return ["--home", str(home.root), "--host", host, "--port", str(port)]


def _url(services: Services, one: Beside) -> str | None:
    ready = one.service.ready() if one.service else None
    if ready == {}:
        one.give_up()
        if not services.stopping:
            sys.stderr.write(f"Not served, for the reason above: the {one.name}; scoring goes on. {one.setting} is its port.\n")
    return ready.get("url") if ready else None


def _document(ready: dict[str, Any], urls: Mapping[str, str | None], home: Home, trained: dict[str, Any] | None) -> dict[str, Any]:
    return {"home": str(home.root), "model_version": ready["model_version"], "urls": {"api": ready["url"], **urls}, "trained": trained}


def _text(ready: dict[str, Any], urls: Mapping[str, str | None], home: Home) -> str:
    url = ready["url"]
    lines = [
        f"Version {ready['model_version']} serves. Ctrl-C stops it; the next start takes over {home.root} and trains nothing.\n",
        *([f"  pages         {urls['ui']}   begin here"] if urls["ui"] else []),
        f"  scoring API   {url}   {url}/docs   {url}/model-info   {url}/features   {url}/metrics",
        *([f"  operate API   {urls['operate']}   {urls['operate']}/docs"] if urls["operate"] else []),
        *([f"  reports       {urls['reports']}"] if urls["reports"] else []),
    ]
    return "\n".join(lines)
