"""`tidegate run`: the whole system on one machine, from a table to a service, until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import closing
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
        if ready and not services.stopping:
            beside = _beside(services, home, settings, ready)
            show(_document(ready, beside, home, trained), _text(ready, beside, home))
        code = scoring.wait()
        if not services.stopping:
            raise ServiceEnded(f"The scoring API ended with code {code}.", "Its own message stands above.")
    sys.stderr.write("Stopped.\n")


def _beside(services: Services, home: Home, settings: Settings, ready: Mapping[str, Any]) -> dict[str, str | None]:
    """Addresses of reports, operate API and pages; None where one could not be had, said on stderr.

    The pages are told who answers here: without our operate API they would show whatever else answers at its address.
    """
    operate_url = settings.ui_operate_url or f"http://{settings.operate_host}:{settings.operate_port}"
    apis = {"TIDEGATE_UI_API_URL": settings.ui_api_url or str(ready["url"]), "TIDEGATE_UI_OPERATE_URL": operate_url}
    started = {
        "operate": services.start("operate", _words(home, settings.operate_host, settings.operate_port)),
        "reports": services.start("reports", _words(home, settings.reports_host, settings.reports_port)),
        "ui": services.start("ui", ["--host", settings.ui_host, "--port", str(settings.ui_port)], apis),
    }
    found = {"operate": _url(services, "operate API", "TIDEGATE_OPERATE_PORT", started["operate"])}
    if found["operate"] is None:
        started["ui"].stop()
        found["ui"] = None
    else:
        found["ui"] = _url(services, "pages", "TIDEGATE_UI_PORT", started["ui"])
    return {**found, "reports": _url(services, "reports site", "TIDEGATE_REPORTS_PORT", started["reports"])}


def _words(home: Home, host: str, port: int) -> list[str]:
    return ["--home", str(home.root), "--host", host, "--port", str(port)]


def _url(services: Services, name: str, setting: str, service: Service) -> str | None:
    ready = service.ready()
    if not ready and not services.stopping:
        sys.stderr.write(f"Not served, for the reason above: the {name}; scoring goes on. {setting} is its port.\n")
    return ready.get("url")


def _document(ready: dict[str, Any], beside: Mapping[str, str | None], home: Home, trained: dict[str, Any] | None) -> dict[str, Any]:
    urls = {"api": ready["url"], **beside}
    return {"home": str(home.root), "model_version": ready["model_version"], "urls": urls, "trained": trained}


def _text(ready: dict[str, Any], beside: Mapping[str, str | None], home: Home) -> str:
    url = ready["url"]
    lines = [
        f"Version {ready['model_version']} serves. Ctrl-C stops it; the next start takes over {home.root} and trains nothing.\n",
        *([f"  pages         {beside['ui']}   begin here"] if beside["ui"] else []),
        f"  scoring API   {url}   {url}/docs   {url}/model-info   {url}/features   {url}/metrics",
        *([f"  operate API   {beside['operate']}   {beside['operate']}/docs"] if beside["operate"] else []),
        *([f"  reports       {beside['reports']}"] if beside["reports"] else []),
    ]
    return "\n".join(lines)
