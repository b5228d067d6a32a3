"""Verbs of the champion: `score`, `serve`, `verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli import opening
from tidegate.cli.options import HomeOption, HostOption, JsonOption, PortOption
from tidegate.cli.printing import printed


def score(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Customer table, CSV or Parquet")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="File to write, .csv or .parquet")],
    reasons: Annotated[int, typer.Option("--reasons", metavar="K", help="Add each customer's K strongest reasons as sentences")] = 0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add churn probability, prediction and model version to a file; refused rows go to a file beside it."""
    from tidegate.operations.progress import counting
    from tidegate.operations.score_file import score_file

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger, counting("Scoring") as progress:
        done = score_file(place, ledger, source, output, settings.max_bad_share, opening.who(), opening.now(), progress, reasons)
    printed({**done.document(), "cpu_seconds": opening.cpu_seconds()}, as_json, done.summary())


def serve(
    host: HostOption = None,
    port: PortOption = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes that share the port [env: TIDEGATE_WORKERS, default: 1]")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the champion over HTTP until stopped."""
    from tidegate.operations.places import ledger_url
    from tidegate.serving.server import serve as serve_champion

    def ready(url: str, version: str) -> None:
        printed({"url": url, "model_version": version}, as_json, f"Serving version {version} on {url}; docs at {url}/docs.")

    with opening.existing(home, host=host, port=port, workers=workers) as (settings, place):
        serve_champion(place, settings, ledger_url(place, settings), ready)


def verify(
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", help="Score N recorded predictions again, spread over the ledger's life")
    ] = None,
    prediction: Annotated[
        str | None, typer.Option("--prediction", metavar="ID", help="Score this recorded prediction again, and show it")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the champion's bundle, the ledger and the chain of events; exit 3 where one is not ok.

    Predictions scored again, each with the bundle that scored it, have to agree bit for bit.
    """
    from tidegate.operations.verify import verify as verify_home

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger:
        found = verify_home(place, ledger, sample, prediction)
    printed(found.document(), as_json, found.summary())
    if not found.sound:
        raise typer.Exit(3)
