"""Verbs that train: `run`, `train`, `deliver`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli import opening
from tidegate.cli.options import HomeOption, HostOption, JsonOption, LabelOption, PortOption, SeedOption, SpecOption
from tidegate.cli.printing import printed, printer, say

TableArgument = Annotated[Path | None, typer.Argument(help="Customer table, CSV or Parquet; without it a simulated bank")]
BudgetOption = Annotated[str, typer.Option("--budget", help="How much to try: quick, standard or thorough")]
MinutesOption = Annotated[float | None, typer.Option("--minutes", help="Time limit of the search with --budget thorough [default: 30]")]


def run(
    data: TableArgument = None,
    label: LabelOption = None,
    spec: SpecOption = None,
    budget: Annotated[
        str | None, typer.Option("--budget", help="quick, standard or thorough [default: standard; quick for a simulated bank]")
    ] = None,
    seed: SeedOption = None,
    host: HostOption = None,
    port: PortOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a table to a running service: train where there is no champion yet, then serve on this machine."""
    from tidegate.operations.run import run as run_all
    from tidegate.operations.training_words import TrainingRequest

    chosen = budget or ("quick" if data is None else "standard")
    with opening.session(home, seed=seed, host=host, port=port) as (settings, place):
        run_all(place, settings, TrainingRequest(data, label, spec, chosen), printer(as_json))


def train(
    data: TableArgument = None,
    label: LabelOption = None,
    spec: SpecOption = None,
    budget: BudgetOption = "standard",
    minutes: MinutesOption = None,
    search: Annotated[str | None, typer.Option("--search", help="tpe (Optuna, prunes) or random (every algorithm) [default: tpe]")] = None,
    trials: Annotated[int | None, typer.Option("--trials", help="Configurations of each tuned algorithm [default: 10; random: 40]")] = None,
    smote: Annotated[bool, typer.Option("--smote", help="Oversample leavers, inside the folds only")] = False,
    algorithms: Annotated[
        str | None, typer.Option("--algorithms", help="Comma-separated names; logistic regression is always trained")
    ] = None,
    seed: SeedOption = None,
    model_seed: Annotated[
        int | None, typer.Option("--model-seed", help="Seed of folds, models and search [default: that of --seed]")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train, tune and combine candidates, register the best, and promote it where there is no champion yet."""
    from tidegate.operations.learn import learn
    from tidegate.operations.progress import steps
    from tidegate.operations.training_words import TrainingRequest, summary_of

    request = TrainingRequest(data, label, spec, budget, algorithms, search, trials, minutes, smote, model_seed)
    with opening.session(home, seed=seed) as (settings, place), steps() as progress:
        trained = learn(place, settings, request, progress)
    document = trained.document()
    printed(document, as_json, summary_of(document))


def deliver(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Send trainings that wait in the outbox, because the tracking server was away, and promote what they promised.

    The registry's alias of the champion, which a rollback leaves behind, is brought up to date too.
    """
    from tidegate.operations.deliver import deliver_all

    with opening.existing(home) as (settings, place):
        done = deliver_all(place, settings, opening.now())
    printed(done.document(), as_json, done.summary())
    say(*(f"Warning: {warning}" for warning in done.warnings))
