"""Verbs about tables: `simulate`, `inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.options import JsonOption
from tidegate.cli.printing import printed, say


def simulate(
    out: Annotated[Path, typer.Argument(help="File to write, .csv or .parquet; the truth is written beside it")],
    rows: Annotated[int, typer.Option("--rows", help="How many customers (with --months: in each month)")] = 10_000,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the draw [env: TIDEGATE_SEED, default: 42]")] = None,
    months: Annotated[int, typer.Option("--months", help="Months of the same customers; the spec is written beside")] = 1,
    drift: Annotated[
        list[str] | None,
        typer.Option("--drift", metavar="COLUMN:SD[@WHEN]", help="Move a number by SD standard deviations, or COLUMN=LEVEL:SHARE"),
    ] = None,
    concept_drift: Annotated[
        str | None, typer.Option("--concept-drift", metavar="STRENGTH[@WHEN]", help="Change the churn formula; strength 0 to 1")
    ] = None,
    incident: Annotated[
        list[str] | None, typer.Option("--incident", metavar="KIND[:SHARE][@WHEN]", help="Spoil cells: see docs/simulator.md")
    ] = None,
    late_labels: Annotated[int, typer.Option("--late-labels", help="For how many of the latest months no label is known")] = 0,
    base_rate: Annotated[float | None, typer.Option("--base-rate", help="Mean true churn probability, 0 to 1")] = None,
    label_noise: Annotated[float, typer.Option("--label-noise", help="Share of labels flipped at random")] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Write a table of simulated bank customers whose true churn probability is known.

    WHEN is the first row (with --months: month) concerned, or below 1 the share before it; +N after it lets a drift grow over N.
    """
    from tidegate.customers.simulation.knobs import read_scenario
    from tidegate.customers.simulation.write import write_simulated
    from tidegate.operations.progress import counting
    from tidegate.settings import read_settings

    scenario = read_scenario(months, drift or (), concept_drift, incident or (), late_labels, base_rate, label_noise)
    with counting("Simulating", rows * months) as progress:
        done = write_simulated(out, rows, read_settings(seed=seed).seed, progress, scenario)
    text = f"{done['rows']:,} {'customers' if months == 1 else 'rows'} in {done['output']}, their true probabilities in {done['truth']}."
    printed(done, as_json, text if months == 1 else f"{text} Train with --spec {done['spec']}.")


def inspect(
    data: Annotated[Path, typer.Argument(help="Customer table, CSV or Parquet")],
    label: Annotated[str, typer.Option("--label", help="Column that says whether a customer left")],
    out: Annotated[Path | None, typer.Option("--out", help="File to write the spec to; without it, it is printed")] = None,
    as_json: JsonOption = False,
) -> None:
    """Infer the table spec of a file and say why."""
    from tidegate.operations.specify import inspect as inspect_table

    found = inspect_table(data, label, out)
    printed(found.document(), as_json, found.text if out is None else f"Wrote the spec to {out}; read its comments before you train.")
    if not as_json:
        say(*(f"Warning: {warning}" for warning in found.warnings))
