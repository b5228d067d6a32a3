"""`tidegate run`: the whole system on one machine, from a table to a service, until Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tidegate.access.file import required_keys_file
from tidegate.access.keyring import Keyring
from tidegate.access.keys import SCORE
from tidegate.home import Home
from tidegate.operations.services import ServiceEnded, Stopping, first_champion, started, stop
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
    """The scoring API until it ends; the reports beside it, which it does not depend on."""
    stopping, children = Stopping(), list[subprocess.Popen[bytes]]()
    try:
        child, ready = started("serve", home, settings.host, settings.port, stopping, children)
        if ready and not stopping.asked:
            _, reports = started("reports", home, settings.reports_host, settings.reports_port, stopping, children)
            if not reports and not stopping.asked:
                sys.stderr.write(
                    "The reports site is not served, for the reason above; scoring goes on. TIDEGATE_REPORTS_PORT is its port.\n"
                )
            show(_document(ready, reports, home, trained), _text(ready, reports, home))
        code = child.wait()
        if not stopping.asked:
            raise ServiceEnded(f"The scoring API ended with code {code}.", "Its own message stands above.")
    finally:
        for child in children:
            stop(child)
    sys.stderr.write("Stopped.\n")


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
