"""Verbs about renewal: `renew`, and a person's word on one that is held."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.cli import opening
from tidegate.cli.options import HomeOption, JsonOption
from tidegate.cli.printing import printed, say

renewals = typer.Typer(name="renewals", help="The renewals so far, and a person's word on one that is held.", no_args_is_help=True)
NumberArgument = Annotated[int, typer.Argument(metavar="NUMBER", help="The renewal's number, as `renew` said it")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in one line; it is kept in the audit trail")]


def renew(
    reason: Annotated[str, typer.Option("--reason", help="Renew whatever monitoring found, for this reason")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Train and judge, show who would change decision and why; promote nothing")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a challenger where monitoring asks for it and let the gates decide; exit 3 where it is refused or held."""
    from tidegate.operations.progress import steps
    from tidegate.operations.renew import renew as renew_home

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger, steps() as progress:
        done = renew_home(place, settings, ledger, reason, dry_run, opening.who(), progress, opening.now)
    printed({**done.document(), "cpu_seconds": opening.cpu_seconds()}, as_json, done.summary())
    say(*(f"Warning: {warning}" for warning in done.warnings))
    if done.alarm:
        raise typer.Exit(3)


@renewals.command(name="list")
def listed(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many of the newest")] = 20,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """The newest renewals: what was decided, by which gates, and what waits for a person's word."""
    from tidegate.operations.renewal_list import renewal_lines, renewal_list

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        found = renewal_list(ledger, limit)
    printed({"renewals": found}, as_json, renewal_lines(found))


@renewals.command()
def approve(number: NumberArgument, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Promote the challenger of a renewal that is held."""
    _conclude(number, True, reason, home, as_json)


@renewals.command()
def refuse(number: NumberArgument, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Refuse the challenger of a renewal that is held; the champion stays."""
    _conclude(number, False, reason, home, as_json)


def _conclude(number: int, approved: bool, reason: str, home: HomeOption, as_json: bool) -> None:
    from tidegate.operations.renew import conclude

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        done = conclude(place, settings, ledger, number, approved, reason, opening.who(), opening.now())
    printed(done.document(), as_json, done.summary())
    say(*(f"Warning: {warning}" for warning in done.warnings))
