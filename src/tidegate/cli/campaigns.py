"""Verbs of the retention manager: `campaign plan`, `campaign prove`, and `outcomes`, which feeds the proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli import opening
from tidegate.cli.options import HomeOption, JsonOption
from tidegate.cli.printing import printed

campaign = typer.Typer(
    name="campaign",
    help="Whom to contact under a budget, with a control group kept aside, and later the proof.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NameOption = Annotated[str, typer.Option("--name", help="Name of the campaign, used once")]
BudgetOption = Annotated[
    float | None, typer.Option("--budget", help="Most that contacts and accepted offers may cost, as expected, in the currency of the spec")
]
ContactsOption = Annotated[int | None, typer.Option("--contacts", help="Most customers to contact (instead of --budget)")]
ControlOption = Annotated[float, typer.Option("--control", help="Share of the chosen customers kept aside at random, for the proof")]
QuietOption = Annotated[int, typer.Option("--quiet-days", help="Leave out who was contacted within so many days")]
PricesOption = Annotated[str | None, typer.Option("--spec", help="TOML file with [money], instead of the champion's spec")]
DrawOption = Annotated[int | None, typer.Option("--seed", help="Seed of the control group's draw [env: TIDEGATE_SEED, default: 42]")]


@campaign.command()
def plan(
    source: Annotated[Path, typer.Argument(metavar="SCORED", help="What `score` wrote, CSV or Parquet")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Whom to contact, .csv or .parquet; control group and curve beside it")],
    name: NameOption,
    budget: BudgetOption = None,
    contacts: ContactsOption = None,
    control: ControlOption = 0.1,
    quiet_days: QuietOption = 30,
    spec: PricesOption = None,
    seed: DrawOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose whom to contact, in order of expected net value; assignments are recorded in the ledger."""
    from tidegate.campaign.plan import Terms
    from tidegate.operations.campaign import Order
    from tidegate.operations.campaign import plan as plan_campaign
    from tidegate.operations.campaign_words import plan_document, plan_summary
    from tidegate.operations.progress import counting

    with opening.existing(home, seed=seed) as (settings, place), opening.ledger(place, settings) as ledger:
        order = Order(source, output, name, Terms(budget, contacts, control, quiet_days, settings.seed), spec)
        with counting("Reading") as progress:
            planned = plan_campaign(place, ledger, order, opening.who(), opening.now(), progress)
    printed(plan_document(planned), as_json, plan_summary(planned))


@campaign.command()
def prove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the campaign")], home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Compare treated with control by the outcomes known so far: uplift, customers retained and money, with intervals."""
    from tidegate.operations.campaign import prove_campaign
    from tidegate.operations.campaign_words import proof_document, proof_summary

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        proved = prove_campaign(ledger, name)
    printed(proof_document(proved), as_json, proof_summary(proved))


def outcomes(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Customers and whether they left, CSV or Parquet")],
    audit: Annotated[
        bool, typer.Option("--audit", help="These were checked by people: kept beside the ordinary outcomes, as evidence for renewals")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record which customers left and which stayed; rows of unknown customers go to a file beside it.

    FILE has the id column of the spec (or customer_id), its label column (or outcome, 1 left, 0 stayed) and, optionally, observed_at. An
    empty outcome is not known yet.
    """
    from tidegate.operations.outcomes import record_file
    from tidegate.operations.progress import counting

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger, counting("Reading") as progress:
        done = record_file(place, ledger, source, settings.max_bad_share, opening.who(), opening.now(), progress, audit)
    printed(done.document(), as_json, done.summary())
