"""Verbs about what is kept: `erase`, `backup`, `restore`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli import opening
from tidegate.cli.options import HomeOption, JsonOption
from tidegate.cli.printing import printed, say


def erase(
    customer: Annotated[str | None, typer.Argument(metavar="CUSTOMER", help="The customer's id; - reads ids from stdin")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Text file with ids, one a line")] = None,
    prediction: Annotated[
        list[str] | None,
        typer.Option("--prediction", metavar="ID", help="Erase a prediction that was sent without customer_id"),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line without the person's name; it stays in the audit trail")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget customers: their rows leave the ledger and every table in the home, for good; the audit trail keeps counts alone.

    An id on the command line stays in the shell's history: - or --file avoid that. Exit 3 where a table could not be searched.
    """
    from tidegate.operations.erase import erase as erase_from
    from tidegate.operations.erase_list import read_ids

    lines = sys.stdin.buffer.read() if customer == "-" else b""
    ids = [*read_ids(lines, "stdin"), *(read_ids(file.read_bytes(), file.name) if file else ())]
    ids += [customer] if customer and customer != "-" else []
    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        done = erase_from(place, ledger, ids, prediction or (), reason, opening.who(), opening.now)
    printed(done.document(), as_json, done.summary())
    if not done.complete:
        raise typer.Exit(3)


def backup(
    to: Annotated[Path, typer.Argument(metavar="TO", help="Folder to make, outside the home")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the whole home, one moment of it, with digests, while servers go on; the folder appears whole or not at all."""
    from tidegate.operations.backup import backup as back_up

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        done = back_up(place, ledger, to, opening.who(), opening.now())
    printed(done.document(), as_json, done.summary())


def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="Folder that `backup` made")],
    replace: Annotated[bool, typer.Option("--replace", help="Put the home that is there aside")] = False,
    erasures: Annotated[
        Path | None, typer.Option("--erasures", metavar="FILE", help="Copy of secrets/erasures.jsonl, newer than the backup")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a home from a backup, whole or not at all; whoever was erased since is erased again. Exit 3 where its audit trail is broken."""
    from tidegate.operations.restore import restore as restore_from
    from tidegate.settings import read_settings

    settings = read_settings(home=home)
    done = restore_from(source, settings.home, settings.ledger_url, replace, erasures, opening.who(), opening.now())
    printed(done.document(), as_json, done.summary())
    say(*(f"Warning: {warning}" for warning in done.warnings))
    if not done.sound:
        raise typer.Exit(3)
