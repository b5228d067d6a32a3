"""Verbs of what monitoring shows and says: `reports`, `alerts`."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.cli import opening
from tidegate.cli.options import HomeOption, JsonOption
from tidegate.cli.printing import printed


def reports(
    host: Annotated[str | None, typer.Option("--host", help="Address to bind [env: TIDEGATE_REPORTS_HOST, default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port of the reports site [env: TIDEGATE_REPORTS_PORT, default: 9000]")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the reports of monitoring until stopped, read-only."""
    from tidegate.operations.reports import serve_reports

    def ready(url: str) -> None:
        printed({"url": url}, as_json, f"The reports are on {url}.")

    with opening.existing(home, reports_host=host, reports_port=port) as (settings, place):
        serve_reports(place, settings, ready)


def alerts(
    test: Annotated[
        bool, typer.Option("--test", help="Send a test message through every channel; exit 3 where one does not arrive")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List open alerts and what has not reached its channel yet."""
    from tidegate.operations.alerts import standing, try_channels

    if test:
        from tidegate.settings import read_settings

        tried = try_channels(read_settings(home=home), opening.now())
        printed(tried.document(), as_json, tried.summary())
        if not tried.complete:
            raise typer.Exit(3)
        return
    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        found = standing(ledger, settings)
    printed(found.document(), as_json, found.summary())
