"""Verbs about who serves: `promote`, `rollback`, `history`."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.cli import opening
from tidegate.cli.options import HomeOption, JsonOption
from tidegate.cli.printing import printed, say

VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="A version of this home; `tidegate history` lists them")]


def promote(
    version: VersionArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line; it is kept in the audit trail")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a version the champion; running servers follow without a restart."""
    from tidegate.operations.champion import promote as promote_version

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        done = promote_version(place, ledger, version, reason, opening.who(), opening.now())
    printed({**done.document(), "cpu_seconds": opening.cpu_seconds()}, as_json, done.summary())
    say(*(f"Warning: {warning}" for warning in done.warnings))


def rollback(
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line; it is kept in the audit trail")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go back to the champion before the present one; a second rollback goes further back, never to the version just left."""
    from tidegate.operations.champion import rollback as roll_back

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        done = roll_back(place, ledger, reason, opening.who(), opening.now())
    printed({**done.document(), "cpu_seconds": opening.cpu_seconds()}, as_json, done.summary())
    say(*(f"Warning: {warning}" for warning in done.warnings))


def history(
    limit: Annotated[int, typer.Option("--limit", help="How many events at most")] = 20,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show when, by whom and why versions were trained, promoted, rolled back to or refused; newest first."""
    from tidegate.operations.history import history as history_of

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        found = history_of(place, ledger, limit)
    printed(found.document(), as_json, found.table())
    if found.warning:
        say(f"Warning: {found.warning}")


def operate(
    host: Annotated[str | None, typer.Option("--host", help="Address to bind [env: TIDEGATE_OPERATE_HOST, default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port of the operate API [env: TIDEGATE_OPERATE_PORT, default: 8001]")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the operate API until stopped: what these verbs do, over HTTP, for the UI and for scripts."""
    from tidegate.operations.desk.api import operate as serve_desk

    def ready(url: str) -> None:
        printed({"url": url}, as_json, f"The operate API answers on {url}; docs at {url}/docs.")

    with opening.session(home, operate_host=host, operate_port=port) as (settings, place):
        serve_desk(place, settings, ready)
