"""Verbs of monitoring: `monitor`, `watch`, `work`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from tidegate.cli import opening
from tidegate.cli.options import HomeOption, JsonOption
from tidegate.cli.printing import printed, printer, say


def monitor(
    batch: Annotated[
        Path | None, typer.Argument(metavar="[BATCH]", help="CSV or Parquet file of recent customers [default: the newest of the inbox]")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="Instead of a file, what the service scored from this time (ISO) on")] = None,
    until: Annotated[str | None, typer.Option("--until", help="and before this time [default: now]")] = None,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Draw Evidently's pages, which takes some seconds")] = True,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare recent customers with those the champion learned from: data quality, drift, performance. Exit 3 where health is FAIL."""
    from tidegate.operations.monitor import monitor_batch
    from tidegate.operations.progress import steps

    with opening.existing(home) as (settings, place), opening.ledger(place, settings) as ledger, steps() as progress:
        found = monitor_batch(place, ledger, settings, batch, since, until, pictures, opening.who(), opening.now(), progress)
    printed({**found.document(), "cpu_seconds": opening.cpu_seconds()}, as_json, found.summary())
    if found.failed:
        raise typer.Exit(3)


def watch(
    every: Annotated[str, typer.Option("--every", metavar="TIME", help="Between two rounds: 90s, 15m, 1h")] = "15m",
    once: Annotated[bool, typer.Option("--once", help="One round, for a scheduler; exit 3 where something needs a person")] = False,
    renewing: Annotated[bool, typer.Option("--renew/--no-renew", help="Renew where monitoring asks for it")] = True,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Monitor new batches, read the service's metrics, tell of alerts, renew, follow canaries; until stopped."""
    from tidegate.operations.watch import seconds_of, watch_rounds

    pause = seconds_of(every)
    signal.signal(signal.SIGTERM, _end)
    with opening.existing(home) as (settings, place):
        for done in watch_rounds(place, settings, None if once else pause, renewing, opening.now):
            printed(done.document(), as_json, done.summary())
            if once and done.alarm:
                raise typer.Exit(3)


def work(
    every: Annotated[str, typer.Option("--every", metavar="TIME", help="Between two rounds of watch: 90s, 15m, 1h")] = "15m",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run operate API, reports and watch beside scoring servers on other machines; TIDEGATE_BOOTSTRAP=simulated trains first."""
    from tidegate.operations.watch import seconds_of
    from tidegate.operations.work import work as work_here

    seconds_of(every)
    with opening.session(home) as (settings, place):
        work_here(place, settings, every, printer(as_json))


def _end(_: int, __: FrameType | None) -> NoReturn:
    """SIGTERM is how a watch is ended by whoever supervises it, and no failure."""
    say("tidegate: stopped.")
    sys.exit(0)
