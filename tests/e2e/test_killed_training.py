"""A training killed at any moment (kill -9): the next one works, goes on where the search was, and sends what was finished."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.bundle.champion import open_champion
from tidegate.bundle.manifest import read_manifest
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home
from tidegate.storage.files import Folder
from tidegate.storage.pointer import Pointer, read_pointer

# The process ends itself just before it does `what` to a path that holds `where`: no clock decides what it had done by then.
ENDING_ITSELF = """
import os, signal, sys
what, where = sys.argv.pop(1), sys.argv.pop(1)
def end(event, arguments):
    if event == what and where in str(arguments[0]):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(end)
from tidegate.cli import main
main()
"""
# The same, or whatever `signal` does, as soon as it has said `text`.
_AT_WORDS = """
import os, signal, sys
text, write = sys.argv.pop(1), sys.stderr.write
def say(words):
    written = write(words)
    if text in words:
        sys.stderr.flush()
        os.kill(os.getpid(), signal.{signal})
    return written
sys.stderr.write = say
from tidegate.cli import main
main()
"""
ENDING_AT_WORDS, STOPPING_AT_WORDS = (_AT_WORDS.replace("{signal}", name) for name in ("SIGKILL", "SIGSTOP"))
QUICK = ("--budget", "quick")
SEARCHING = ("--budget", "standard", "--trials", "2")


class Training:
    """`tidegate train` on one table in one home."""

    def __init__(self, folder: Path) -> None:
        self.home, self.data = Home(folder / "home"), folder / "bank.csv"
        write_simulated(self.data, 1_200, seed=3)

    def words(self, *options: str) -> list[str]:
        return [
            "train",
            str(self.data),
            "--spec",
            "bank",
            "--algorithms",
            "logistic_regression",
            *options,
            "--home",
            str(self.home.root),
        ]

    def run(self, *options: str) -> str:
        """To its end; what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "tidegate", *self.words(*options)], capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    def killed_before(self, what: str, where: str) -> None:
        self._killed([ENDING_ITSELF, what, where, *self.words(*QUICK)])

    def killed_after_saying(self, text: str, *options: str) -> None:
        said = self._killed([ENDING_AT_WORDS, text, *self.words(*options)])
        assert text in said

    def _killed(self, script_and_words: list[str]) -> str:
        command = [sys.executable, "-c", *script_and_words]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        return ended.stderr

    @property
    def champion(self) -> Pointer | None:
        return read_pointer(Folder(self.home.storage))

    def half_written(self) -> list[str]:
        return [str(path.relative_to(self.home.root)) for path in self.home.root.rglob("*") if ".part" in path.name]

    def held(self, *folder: str) -> list[str]:
        return sorted(path.name for path in self.home.root.joinpath(*folder).iterdir() if path.name[0] != ".")


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path)


def test_a_training_killed_at_any_moment_is_made_good_by_the_next(training: Training) -> None:
    training.killed_after_saying("1 of 2 trials", *SEARCHING)
    assert training.champion is None

    # finished, and known to the registry; its bundle half in storage
    training.killed_before("os.rename", "/storage/bundles/1/.model.json")
    assert len(training.held("outbox")) == 1
    assert [name for name in training.half_written() if name.startswith("storage/bundles/1/.model.json")]
    assert not training.home.storage.joinpath("bundles", "1", "manifest.json").exists()
    assert training.champion is None

    # the bundle whole, the promotion in the ledger, the pointer still to be moved
    training.killed_before("os.rename", "/storage/.champion.json")
    assert len(training.held("outbox")) == 1
    assert training.champion is None

    # what reading the table leaves, of a process that is certainly gone
    training.home.quarantine.mkdir()
    (training.home.quarantine / ".bank.csv.999999999-7f11c542cd90.part").write_text("row,column,rule\n")

    said = training.run(*SEARCHING)
    assert re.findall(r"Tuning logistic regression: (\d of 2)", said) == ["2 of 2"], "the first trial was run again"
    assert training.half_written() == []
    assert training.held("outbox") == training.held("scratch") == []
    assert training.champion is not None
    assert training.champion.version == "1", "the killed training that had finished was to be the champion"
    assert open_champion(Folder(training.home.storage)).version == "1"
    assert registered(training.home) == ({"1", "2"}, {("champion", "1"), ("challenger", "2")}, {"FINISHED"})
    for version in ("1", "2"):
        read_manifest(training.home.storage / "bundles" / version)
    assert training.held("storage", "bundles") == training.held("evaluations") == ["1", "2"]
    for verb in ("verify", "history"):
        command = [sys.executable, "-m", "tidegate", verb, "--home", str(training.home.root)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def registered(home: Home) -> tuple[set[str], set[tuple[str, str]], set[str]]:
    """Versions, aliases, and the states of runs, as MLflow's own database has them."""
    database = sqlite3.connect(home.tracking / "mlflow.db")
    try:
        versions = {str(version) for (version,) in database.execute("SELECT version FROM model_versions")}
        aliases = {(alias, str(version)) for alias, version in database.execute("SELECT alias, version FROM registered_model_aliases")}
        return versions, aliases, {status for (status,) in database.execute("SELECT status FROM runs WHERE lifecycle_stage = 'active'")}
    finally:
        database.close()
