"""A disk that fills up while `tidegate train` writes: one sentence, exit 2, the champion as it was; with room the same command works."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from conftest import TrainedHome
from tidegate.bundle.manifest import read_manifest
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home
from tidegate.registry.outbox import waiting

LARGE_KIB = 64 << 10
QUICK = ("--budget", "quick")
SEARCHING = ("--budget", "standard", "--trials", "1")
# Where the disk fills up, the room that is left for it in KiB, how the training is called, and what it then says.
STEPS = (
    ("the ledger", 0, QUICK, "ledger.db"),
    ("the tracking server's database", 36, QUICK, "mlflow.db has no room left"),
    ("the study of the search", 60, SEARCHING, "home is full"),
    ("the bundle", 100, QUICK, "home is full"),
    ("what is sent from the outbox", 2_400, QUICK, "Nothing is lost: the training waits in"),
)


class SmallDisk:
    """A file system in memory whose size can be set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resize(self, kib: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={kib}k", self.folder], check=True)

    def leave(self, kib: int) -> None:
        """Room for so much, beside what is there."""
        self.resize(LARGE_KIB)
        usage = os.statvfs(self.folder)
        self.resize((usage.f_blocks - usage.f_bfree) * usage.f_frsize // 1024 + kib)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command here to make a small disk with")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={LARGE_KIB}k", "tmpfs", folder]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


def copied(home: Home, to: Home) -> None:
    """A copy whose tracked files go to the copy as well: MLflow knows their place by its full path."""
    shutil.copytree(home.root, to.root)
    with closing(sqlite3.connect(to.tracking / "mlflow.db")) as database, database:
        place = (to.tracking / "artifacts").as_uri()
        database.execute("UPDATE experiments SET artifact_location = ? WHERE name = 'bank'", (place,))


def tidegate(home: Home, verb: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tidegate", verb, *map(str, words), "--home", str(home.root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def train(home: Home, data: Path, *budget: str) -> subprocess.CompletedProcess[str]:
    return tidegate(home, "train", data, "--spec", "bank", "--algorithms", "logistic_regression", *budget)


def assert_one_sentence(ended: subprocess.CompletedProcess[str], home: Home, says: str) -> None:
    assert ended.returncode == 2, ended.stderr
    said = [line for line in ended.stderr.splitlines() if not line.startswith("[")]
    assert len(said) == 1, ended.stderr
    assert said[0].startswith("tidegate: ")
    assert says in said[0]
    assert str(home.root) in said[0]
    assert "ake room" in said[0]
    assert ended.stdout == ""


def test_a_disk_that_fills_up_at_any_step_costs_nothing_but_the_training(disk: SmallDisk, trained: TrainedHome, tmp_path: Path) -> None:
    home, data = Home(disk.folder / "home"), tmp_path / "bank.csv"
    copied(trained.home, home)
    write_simulated(data, 1_200, seed=3)
    champion = home.storage.joinpath("champion.json").read_bytes()
    for step, room, budget, says in STEPS:
        disk.leave(room)
        assert_one_sentence(train(home, data, *budget), home, says)
        assert home.storage.joinpath("champion.json").read_bytes() == champion, step
        read_manifest(home.storage / "bundles" / "1", json.loads(champion)["digest"])
        assert not list(home.root.rglob(".*.part*")), step
        assert not any(home.scratch.iterdir()), step
        assert len(waiting(home)) == (step == "what is sent from the outbox"), step

    disk.resize(LARGE_KIB)
    ended = train(home, data, *QUICK)
    assert ended.returncode == 0, ended.stderr
    assert waiting(home) == []
    assert len(list(home.storage.joinpath("bundles").iterdir())) == 3, "the champion, the one that waited, and the new one"
    assert home.storage.joinpath("champion.json").read_bytes() == champion
    verified = tidegate(home, "verify")
    assert verified.returncode == 0, verified.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to stand for a full disk")
def test_a_log_on_a_full_disk_stops_nothing_and_an_answer_there_is_said_to_be_lost(own_home: Home, tmp_path: Path) -> None:
    data, full = tmp_path / "bank.csv", Path("/dev/full")
    write_simulated(data, 600, seed=3)
    command = [sys.executable, "-m", "tidegate", "score", str(data), str(tmp_path / "scored.csv"), "--home", str(own_home.root)]
    # As most people have it: what is written waits in a buffer, and Python tries once more at its very end.
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with full.open("w") as log:
        refused = [*command[:3], "verify", "--home", str(tmp_path / "none")]
        unheard = subprocess.run(refused, stdout=log, stderr=log, check=False, env=buffered)
        told = subprocess.run(command, stdout=log, stderr=subprocess.PIPE, text=True, check=False, env=buffered)
    assert unheard.returncode == 2, "a refusal that nobody can read keeps its exit code"
    assert told.returncode == 2
    assert "tidegate: What was asked for is done, but the disk that its answer is written to is full." in told.stderr
    assert (tmp_path / "scored.csv").exists()
