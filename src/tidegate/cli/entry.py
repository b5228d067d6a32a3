"""The command `tidegate`: its verbs in the order of the help, and what becomes of every error."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from tidegate import __version__
from tidegate.cli import (
    alerts,
    campaigns,
    champion,
    demo,
    experiments,
    keys,
    monitoring,
    pages,
    records,
    renewal,
    scoring,
    tables,
    training,
)
from tidegate.cli.printing import fail, let_go, say
from tidegate.errors import TidegateError
from tidegate.parent import end_with_parent
from tidegate.telemetry import switch_off_telemetry

STOPPED = 130  # 128 + SIGINT

app = typer.Typer(
    name="tidegate",
    help="From a table of customers to a churn service that is trained, registered, served, recorded and watched.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in (
    training.run,
    demo.demo,
    tables.simulate,
    tables.inspect,
    training.train,
    training.deliver,
    scoring.score,
    scoring.serve,
    renewal.renew,
    champion.promote,
    champion.rollback,
    champion.history,
    champion.operate,
    pages.ui,
    monitoring.monitor,
    monitoring.watch,
    monitoring.work,
    campaigns.outcomes,
    alerts.reports,
    alerts.alerts,
    scoring.verify,
    records.erase,
    records.backup,
    records.restore,
):
    app.command()(verb)
app.add_typer(campaigns.campaign)
app.add_typer(keys.key)
app.add_typer(experiments.experiment)
app.add_typer(renewal.renewals)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


_asked_to_stop: list[int] = []


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    _asked_to_stop.append(number)
    raise KeyboardInterrupt


def _call() -> None:
    try:
        app(standalone_mode=True)
    except TidegateError:
        raise
    except Exception:
        # A library may make an error of its own of it, where it is met in the middle of C code.
        if _asked_to_stop:
            raise KeyboardInterrupt from None
        raise


def main() -> None:
    """Run the command line; every error of ours becomes one sentence on stderr and its exit code."""
    switch_off_telemetry()
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # who runs us may have it ignored
        signal.signal(signal.SIGINT, _interrupt)
    end_with_parent()
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        _call()
    except TidegateError as error:
        fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        fail("stopped.", STOPPED)
    except SystemExit as ended:
        if ended.code == STOPPED:
            say("tidegate: stopped.")
        raise
    except OSError as error:
        fail(
            f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}. Check its name, its rights and the room on its disk.",
            2,
        )
    except UnicodeError:
        fail("a file's name or a folder's name is not UTF-8. Rename it.", 2)
    except ModuleNotFoundError as error:
        fail(f"the library {error.name} is not installed. Install the extra that holds it: pip install 'tidegate[train,serve]'.", 2)
    finally:
        let_go()
