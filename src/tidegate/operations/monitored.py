"""The batches that were monitored: a list of them, and everything that was found about one."""

from __future__ import annotations

import json
from typing import Any

from tidegate.errors import HomeRefused, NotFound
from tidegate.home import Home
from tidegate.monitoring.alerts.flow import link_of
from tidegate.monitoring.pictures import MONITORING_PAGE, PERFORMANCE_PAGE
from tidegate.monitoring.site import RUN_FILE, Run, read_runs, summary
from tidegate.operations.reports import file_of
from tidegate.settings import Settings


def monitored_batches(home: Home, settings: Settings, limit: int) -> list[dict[str, Any]]:
    """The newest runs, newest first, as the reports site lists them, with links. A damaged run says that it is."""
    return [_listed(run, settings) for run in read_runs(home.reports)[:limit]]


def _listed(run: Run, settings: Settings) -> dict[str, Any]:
    """`links` lead to the reports site (TIDEGATE_REPORTS_URL), or are paths in the home without it; null where no page was drawn."""
    said = run.document or {}
    estimated = said.get("estimated")
    pages = {"report": MONITORING_PAGE, "performance": PERFORMANCE_PAGE}
    links = {name: link_of(settings, run.folder, page) if page in run.pages else None for name, page in pages.items()}
    return {
        **summary(run),
        "performance": said.get("performance") if said.get("performance") in ("PASS", "WARNING", "FAIL") else None,
        "estimate_trusted": estimated.get("trusted") is True if isinstance(estimated, dict) else None,
        "links": {**links, "document": link_of(settings, run.folder, RUN_FILE)},
    }


def drawn_page(home: Home, name: str, page: str) -> bytes:
    """The HTML of a page of the run in the folder `name`. Raises NotFound where it was not drawn or is gone, HomeRefused where it cannot be
    read.
    """
    path = None if "/" in name else file_of(home.reports, f"{name}/{page}")
    if path is None:
        raise NotFound("There is no such page of this batch.", "It was monitored without pictures, or its report was removed.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise HomeRefused(f"The page of this batch cannot be read: {error.strerror}.", "Monitor the batch again.") from None


def monitored_batch(home: Home, name: str) -> dict[str, Any]:
    """What `tidegate monitor --json` found of the run in the folder `name` of the reports.

    Raises NotFound where there is none (a name is never a path: it stays below the reports, and follows no link), HomeRefused where its
    file is damaged.
    """
    path = None if "/" in name else file_of(home.reports, f"{name}/{RUN_FILE}")
    if path is None:
        raise NotFound("No batch of this name was monitored.", "GET /monitoring lists them by their folder.")
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise HomeRefused("The file of this run is damaged.", "Remove its folder from the reports, or monitor the batch again.")
    return found
