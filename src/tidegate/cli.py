"""The command line: each verb reads its options, calls one function and prints what it returned.

Heavy libraries are imported inside the verbs, so that `tidegate --help` stays light.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from tidegate import __version__
from tidegate.errors import SettingRefused, TidegateError

app = typer.Typer(
    name="tidegate",
    help="From a table of customers to a churn service that is trained, registered, served, recorded and watched.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

STOPPED = 130  # 128 + SIGINT

HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of this installation [env: TIDEGATE_HOME, default: tidegate-home]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one machine-readable object on stdout")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of the split and the models [env: TIDEGATE_SEED, default: 42]")]
LabelOption = Annotated[str | None, typer.Option("--label", help="Column that says whether a customer left; the spec is inferred")]
SpecOption = Annotated[str | None, typer.Option("--spec", help="TOML file of the table, or the name of a shipped one: bank")]
BudgetOption = Annotated[str, typer.Option("--budget", help="How much to try: quick")]
PortOption = Annotated[int | None, typer.Option("--port", help="Port of the scoring API [env: TIDEGATE_PORT, default: 8000]")]
HostOption = Annotated[str | None, typer.Option("--host", help="Address to bind [env: TIDEGATE_HOST, default: 127.0.0.1]")]


@app.command()
def run(
    data: Annotated[Path | None, typer.Argument(help="Customer table, CSV or Parquet; without it a simulated bank")] = None,
    label: LabelOption = None,
    spec: SpecOption = None,
    seed: SeedOption = None,
    host: HostOption = None,
    port: PortOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a table to a running service: train where there is no champion yet, then serve on this machine."""
    from tidegate.operations.run import run as run_all
    from tidegate.operations.training_words import TrainingRequest

    with _session(home, seed=seed, host=host, port=port) as (settings, place):
        run_all(place, settings, TrainingRequest(data, label, spec), _printer(as_json))


@app.command()
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
    _print(done, as_json, text if months == 1 else f"{text} Train with --spec {done['spec']}.")


@app.command()
def inspect(
    data: Annotated[Path, typer.Argument(help="Customer table, CSV or Parquet")],
    label: Annotated[str, typer.Option("--label", help="Column that says whether a customer left")],
    out: Annotated[Path | None, typer.Option("--out", help="File to write the spec to; without it, it is printed")] = None,
    as_json: JsonOption = False,
) -> None:
    """Infer the table spec of a file and say why."""
    from tidegate.operations.specify import inspect as inspect_table

    found = inspect_table(data, label, out)
    _print(found.document(), as_json, found.text if out is None else f"Wrote the spec to {out}; read its comments before you train.")
    if not as_json:
        _say(*(f"Warning: {warning}" for warning in found.warnings))


@app.command()
def train(
    data: Annotated[Path | None, typer.Argument(help="Customer table, CSV or Parquet; without it a simulated bank")] = None,
    label: LabelOption = None,
    spec: SpecOption = None,
    budget: BudgetOption = "quick",
    algorithms: Annotated[
        str | None, typer.Option("--algorithms", help="Comma-separated names; logistic regression is always trained")
    ] = None,
    seed: SeedOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train every candidate, register the best, and promote it where there is no champion yet."""
    from tidegate.operations.learn import learn
    from tidegate.operations.progress import steps
    from tidegate.operations.training_words import TrainingRequest, summary_of

    if budget != "quick":
        raise SettingRefused("This version trains with the budget quick only.", "Leave --budget out.")
    with _session(home, seed=seed) as (settings, place), steps() as progress:
        trained = learn(place, settings, TrainingRequest(data, label, spec, budget, algorithms), progress)
    document = trained.document()
    _print(document, as_json, summary_of(document))


@app.command()
def score(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Customer table, CSV or Parquet")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="File to write, .csv or .parquet")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add churn probability, prediction and model version to a file; refused rows go to a file beside it."""
    from tidegate.operations.progress import counting
    from tidegate.operations.score_file import score_file

    with _existing(home) as (settings, place), _ledger(place, settings) as ledger, counting("Scoring") as progress:
        done = score_file(place, ledger, source, output, settings.max_bad_share, _who(), _now(), progress)
    _print({**done.document(), "cpu_seconds": _cpu_seconds()}, as_json, done.summary())


@app.command()
def serve(host: HostOption = None, port: PortOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Serve the champion over HTTP until stopped."""
    from tidegate.operations.places import ledger_url
    from tidegate.serving.server import serve as serve_champion

    def ready(url: str, version: str) -> None:
        _print({"url": url, "model_version": version}, as_json, f"Serving version {version} on {url}; docs at {url}/docs.")

    with _existing(home, host=host, port=port) as (settings, place):
        serve_champion(place, settings, ledger_url(place, settings), ready)


@app.command()
def verify(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Check the champion's bundle, the ledger and the chain of events; exit 3 where one is not ok."""
    from tidegate.operations.verify import verify as verify_home

    with _existing(home) as (settings, place), _ledger(place, settings) as ledger:
        found = verify_home(place, ledger)
    _print(found.document(), as_json, "\n".join(f"{part}: {state}" for part, state in found.document().items()))
    if not found.sound:
        raise typer.Exit(3)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def _session(home: Path | None, **given: object) -> Any:
    from tidegate.operations.places import session

    return session(home, **given)


def _existing(home: Path | None, **given: object) -> Any:
    from tidegate.operations.places import existing

    return existing(home, **given)


def _ledger(home: Any, settings: Any) -> Any:
    from tidegate.operations.places import opened_ledger

    return opened_ledger(home, settings)


def _who() -> str:
    from tidegate.operations.places import who

    return who()


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _cpu_seconds() -> float:
    from tidegate.operations.places import cpu_seconds

    return cpu_seconds()


def _printer(as_json: bool) -> Any:
    return lambda document, text: _print(document, as_json, text)


def _print(document: Mapping[str, Any], as_json: bool, text: str) -> None:
    typer.echo(json.dumps(document) if as_json else text)
    sys.stdout.flush()


def _say(*lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)


def _fail(detail: str, code: int) -> NoReturn:
    _say(f"tidegate: {detail}")
    raise SystemExit(code)


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; every error of ours becomes one sentence on stderr and its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except TidegateError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("stopped.", STOPPED)
    except SystemExit as ended:
        if ended.code == STOPPED:
            _say("tidegate: stopped.")
        raise
    except OSError as error:
        _fail(
            f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}. Check its name, its rights and the room on its disk.",
            2,
        )
    except UnicodeError:
        _fail("a file's name or a folder's name is not UTF-8. Rename it.", 2)
    except ModuleNotFoundError as error:
        _fail(f"the library {error.name} is not installed. Install the extra that holds it: pip install 'tidegate[train,serve]'.", 2)
