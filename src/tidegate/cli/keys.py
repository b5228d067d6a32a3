"""Verbs about API keys: `key add`, `key list`, `key revoke`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli import opening
from tidegate.cli.options import HomeOption, JsonOption
from tidegate.cli.printing import printed

key = typer.Typer(
    name="key",
    help="API keys: who may ask the servers for what.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the key, for lists, logs and the audit trail")]


@key.command()
def add(
    name: NameArgument,
    role: Annotated[list[str], typer.Option("--role", help="score, operate or erase; may be given several times")],
    days: Annotated[int | None, typer.Option("--days", metavar="N", help="Days until it expires; without it, never")] = None,
    given: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Take the key that this file holds, a mounted secret for example")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and show it once; running servers know it within two seconds, and from the first key on they ask for one."""
    from tidegate.operations.keys import add_key

    with opening.session(home) as (settings, place):
        text = given.read_text(encoding="utf-8").strip() if given else None
        made = add_key(place, settings, name, role, days, opening.who(), opening.now(), text)
    printed(made.document(), as_json, made.summary())


@key.command("list")
def list_all(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show the keys: name, roles, since when and until when; never the keys themselves."""
    from tidegate.operations.keys import list_keys

    with opening.existing(home) as (settings, place):
        found = list_keys(place, settings, opening.now())
    printed(found.document(), as_json, found.summary())


@key.command()
def revoke(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Take a key away; running servers refuse it within two seconds. Revoking the last one does not open them again."""
    from tidegate.operations.keys import revoke_key

    with opening.existing(home) as (settings, place):
        gone = revoke_key(place, settings, name, opening.who(), opening.now())
    printed(gone.document(), as_json, gone.summary())
