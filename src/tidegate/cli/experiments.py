"""Verbs of a live comparison: `experiment start`, `experiment status`, `experiment stop`."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.cli import opening
from tidegate.cli.options import HomeOption, JsonOption
from tidegate.cli.printing import printed

experiment = typer.Typer(
    name="experiment",
    help="Compare the champion with another version on live customers: A/B, canary or shadow.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ShareOption = Annotated[
    float | None,
    typer.Option("--share", help="Percentage of customers in the treatment [default: 50; canary: 5; shadow: 100]; again, to raise it"),
]


@experiment.command()
def start(
    treatment: Annotated[str, typer.Option("--treatment", help="The version that is tried; `tidegate history` lists them")],
    share: ShareOption = None,
    mode: Annotated[
        str, typer.Option("--mode", help="ab, canary (stopped by the service where it goes wrong) or shadow (only logged)")
    ] = "ab",
    horizon_days: Annotated[int, typer.Option("--horizon-days", help="After how many days a prediction's outcome counts")] = 30,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try a version beside the champion, or raise its share; running servers follow within seconds."""
    from tidegate.operations.experiment import start as start_experiment

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        began = start_experiment(place, ledger, treatment, share, mode, horizon_days, opening.who(), opening.now())
    printed(began.document(), as_json, began.summary())


@experiment.command()
def status(
    number: Annotated[int | None, typer.Option("--number", help="Which experiment [default: the latest]")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the versions on matured outcomes, as often as you like: what it says stays true at every look.

    Exit 3 where customers were not split as meant: then nothing else here may be believed.
    """
    from tidegate.operations.experiment_status import status as status_of
    from tidegate.operations.experiment_words import status_document, status_text

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        found = status_of(ledger, number, opening.now())
    printed(status_document(found), as_json, status_text(found))
    if not found.split_as_meant:
        raise typer.Exit(3)


@experiment.command()
def stop(
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line; it is kept in the audit trail")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the running experiment: the champion answers everyone within seconds."""
    from tidegate.operations.experiment import stop as stop_running

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        ended = stop_running(ledger, reason, opening.who(), opening.now())
    printed(ended.document(), as_json, ended.summary())
