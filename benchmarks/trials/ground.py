"""Where trials take place: a home trained once, a copy of it for each trial, and a server of each trial's own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands import customers, tidegate
from ports import free_port
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home
from trials.sizes import Sizes

ALGORITHMS = "logistic_regression,lightgbm"
# Everything a child inherits: no telemetry, no ledger or registry of somebody else's.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "ORT_DISABLE_TELEMETRY": "1"}


@dataclass
class Ground:
    """A folder for one run.

    `data` is the table that is learned from, the simulated bank where it is None; `trained` a home to copy instead of training one.
    """

    folder: Path
    sizes: Sizes
    data: Path | None = None
    trained: Path | None = None

    def home(self, name: str) -> Home:
        """A copy of the trained home."""
        trained = self.trained or self.folder / "trained"
        if not trained.exists():
            self._train(trained)
        shutil.copytree(trained, self.folder / name)
        return Home(self.folder / name)

    def customers(self, count: int = 400) -> list[dict[str, Any]]:
        """Simulated customers that no version learned from, as `/predict` takes them."""
        place = self.folder / f"new-{count}.csv"
        if not place.exists():
            write_simulated(place, count, seed=9)
        return customers(place)

    def _train(self, trained: Path) -> None:
        data = self.data or self.folder / "bank.csv"
        if not data.exists():
            write_simulated(data, self.sizes.trained_rows, seed=3)
        for seed in range(1, self.sizes.versions + 1):
            told("train", data, "--spec", "bank", "--budget", "quick", "--algorithms", ALGORITHMS, "--model-seed", seed, "--home", trained)


def told(*words: object, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a verb says with --json; a refusal ends the run."""
    answer = tidegate(*words, "--json", environment={**QUIET, **(environment or {})})
    if answer.returncode not in (0, 3):
        raise SystemExit(f"tidegate {words[0]} ended with {answer.returncode}: {answer.stderr[-500:]}")
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


@dataclass
class Served:
    """A running `tidegate serve`. `pid` is the server's own, also where another program runs it; `log` holds what it wrote to stderr."""

    process: subprocess.Popen[str]
    port: int
    log: Path
    pid: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def alive(self) -> bool:
        """Whether the process is still there."""
        return self.process.poll() is None

    def kill(self) -> None:
        """No warning, no time to write anything."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


def waiting(ledger_seconds: float) -> dict[str, str]:
    """The environment of a service that waits so long for its ledger."""
    return {"TIDEGATE_LEDGER_SECONDS": str(ledger_seconds)}


@contextlib.contextmanager
def served(
    home: Home,
    log: Path,
    port: int | None = None,
    ledger_url: str = "",
    under: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """`tidegate serve` from the moment it says that it is ready; `under` is a program that runs it (strace), with its options."""
    port = port or free_port()
    command = [*under, sys.executable, "-m", "tidegate", "serve", "--home", str(home.root), "--port", str(port), "--json"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    given = {**inherited, **QUIET, **({"TIDEGATE_LEDGER_URL": ledger_url} if ledger_url else {}), **(environment or {})}
    with log.open("a") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True, env=given)
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit(f"the server did not start: {log.read_text()[-500:]}")
        yield Served(process, port, log, _server_pid(process.pid) if under else process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _server_pid(parent: int) -> int:
    return int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])
