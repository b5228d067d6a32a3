"""The home: the folder that holds everything an installation owns, with one name for each place in it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import HomeRefused

FORMAT = 1
LOCK, CHAMPION_LOCK, RENEWAL_LOCK, ALERTS_LOCK = ".lock", ".champion.lock", ".renewal.lock", ".alerts.lock"
_LONGEST_APPOINTMENT_SECONDS = 10.0


@dataclass(frozen=True)
class Home:
    """Places in a home. Nothing is created by naming it. `storage_url` is where its bundles live instead, s3://BUCKET/PREFIX."""

    root: Path
    storage_url: str = ""

    @property
    def marker(self) -> Path:
        """The file that says which version of the layout this home has."""
        return self.root / "home.json"

    @property
    def storage(self) -> Path:
        """Bundles and the champion pointer, where `storage_url` is empty."""
        return self.root / "storage"

    @property
    def cache(self) -> Path:
        """Verified copies of bundles whose storage is elsewhere, and the last champion that was."""
        return self.root / "cache"

    @property
    def tracking(self) -> Path:
        """MLflow's database and artifacts."""
        return self.root / "mlflow"

    @property
    def ledger(self) -> Path:
        """The ledger's database."""
        return self.root / "ledger.db"

    @property
    def studies(self) -> Path:
        """What searches found so far, one database a training."""
        return self.root / "studies"

    @property
    def quarantine(self) -> Path:
        """Refused rows of training tables."""
        return self.root / "quarantine"

    @property
    def data(self) -> Path:
        """Simulated tables."""
        return self.root / "data"

    @property
    def scratch(self) -> Path:
        """Work in progress, removed when done."""
        return self.root / "scratch"

    @property
    def outbox(self) -> Path:
        """Finished trainings that the tracking server has not received yet, one folder each."""
        return self.root / "outbox"

    @property
    def evaluations(self) -> Path:
        """Tables and figures of each version's training."""
        return self.root / "evaluations"

    @property
    def reference(self) -> Path:
        """The customers that each version was trained and judged on, one Parquet file a bundle; real rows, erasable."""
        return self.root / "reference"

    @property
    def inbox(self) -> Path:
        """Where the bank puts files of recent customers (`prod_batch_…`)."""
        return self.root / "inbox"

    @property
    def batches(self) -> Path:
        """Monitored batches with what they scored, until their labels come; real rows, erasable."""
        return self.root / "batches"

    @property
    def reports(self) -> Path:
        """What monitoring found, a folder a batch, and the site over them."""
        return self.root / "reports"

    @property
    def last_round(self) -> Path:
        """When `watch` last ended a round; hidden, so that no backup carries it."""
        return self.root / ".watch.json"

    @property
    def secrets(self) -> Path:
        """Keys, readable by the owner only."""
        return self.root / "secrets"

    @property
    def erasures(self) -> Path:
        """Keyed hashes of who was erased, so that a restored backup forgets them again."""
        return self.secrets / "erasures.jsonl"


def open_home(root: Path, storage_url: str = "") -> Home:
    """The home at `root`, made where it is absent. Raises HomeRefused where it cannot be used, and leaves it as it was."""
    try:
        home = Home(root.resolve(), storage_url)
        if home.marker.exists():
            found = json.loads(home.marker.read_text(encoding="utf-8")).get("format")
            if type(found) is not int or found < 1:
                raise HomeRefused(f"{home.marker} is damaged.", "Restore it from a backup, or name another home.")
            if found > FORMAT:
                raise HomeRefused(
                    f"{root} was made by a newer Tidegate (home format {found}, this one knows {FORMAT}).", "Upgrade, or name another home."
                )
        elif root.exists() and any(not _is_ours(entry) for entry in root.iterdir()):
            raise HomeRefused(f"{root} holds files and is not a Tidegate home.", "Name an empty or a new folder with --home.")
        else:
            root.mkdir(parents=True, exist_ok=True)
            write_whole(home.marker, json.dumps({"format": FORMAT}).encode())
        if not os.access(root, os.W_OK):
            raise HomeRefused(f"{root} cannot be written.", "Give yourself the right to write there, or name another home.")
    except (ValueError, AttributeError, RecursionError):
        raise HomeRefused(f"{home.marker} is damaged.", "Restore it from a backup, or name another home.") from None
    except RuntimeError:  # pathlib's word for links that lead in a circle
        raise HomeRefused(f"{root} is a link that leads to itself.", "Name another folder with --home.") from None
    except OSError as error:
        raise HomeRefused(f"{root} cannot be used as a home: {error.strerror}.", "Name another folder with --home.") from None
    return home


def _is_ours(entry: Path) -> bool:
    """What an empty home may hold: the folder of a fresh disk, and a marker that another process is just writing."""
    return entry.name == "lost+found" or entry.name.startswith(".home.json.")


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut. `mode` is who may read it, less the process's umask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file, or a folder's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_PART = re.compile(r"\.(\d+)(?:-[0-9a-f]+)?\.part(?:[.-]\w+)?$")


def clear_parts(folder: Path) -> None:
    """Remove what processes that were killed left half-written in a folder: whatever is named `.NAME.PROCESS.part`.

    The caller is writing nothing there itself, so that its own number stands for an earlier process that had it.
    """
    for left in folder.glob(".*.part*"):
        process = _PART.search(left.name)
        if process and (process[1] == str(os.getpid()) or not Path(f"/proc/{process[1]}").exists()):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


def sweep(home: Home) -> None:
    """Remove what processes that were killed left half-written anywhere in the home. The caller holds its lock."""
    for folder in (home.root, *(path for path in home.root.iterdir() if path.is_dir())):
        clear_parts(folder)


@contextmanager
def exclusive(home: Home, purpose: str, name: str = LOCK) -> Iterator[None]:
    """Only one process at a time trains or promotes in a home. Raises HomeRefused at once where another does.

    `name`: another lock, for what itself trains: a renewal.
    """
    with (home.root / name).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HomeRefused(f"Another process works in {home.root}, so {purpose} cannot start.", "Wait until it is done.") from None
        yield


@contextmanager
def appointing(home: Home) -> Iterator[None]:
    """Only one process at a time moves the champion pointer. Raises HomeRefused where another holds it for longer than ten seconds.

    A lock of its own, held for a moment: a training that has the home for an hour must not hold up a rollback.
    """
    deadline = time.monotonic() + _LONGEST_APPOINTMENT_SECONDS
    with (home.root / CHAMPION_LOCK).open("a+") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise HomeRefused(f"Another process is changing the champion of {home.root}.", "Try again when it is done.") from None
                time.sleep(0.05)
        yield


@contextmanager
def working(home: Home, purpose: str) -> Iterator[Path]:
    """A folder for work in progress, removed afterwards; those of processes that were killed are swept on the way in."""
    home.scratch.mkdir(mode=0o700, exist_ok=True)
    for left in home.scratch.glob("*.*.*"):
        process = left.name.split(".")[1]
        if process.isdigit() and not Path(f"/proc/{process}").exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=home.scratch, prefix=f"{purpose}.{os.getpid()}."))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_LOCKS = frozenset({LOCK, CHAMPION_LOCK, RENEWAL_LOCK, ALERTS_LOCK})
_WORTHLESS = _LOCKS | {"home.json", ".watch.json", "ledger.db", "ledger.db-wal", "ledger.db-shm", "scratch", "data", "specs", "cache"}


def discard_if_unused(home: Home) -> None:
    """Remove a home in which nothing was ever kept: no bundle, run, quarantined row or key, and nobody at work in it."""
    try:
        with exclusive(home, "clearing up"):
            held = {path.name for path in home.root.iterdir()}
            at_work = any(home.scratch.iterdir()) if home.scratch.exists() else False
            if held <= _WORTHLESS and not at_work:
                shutil.rmtree(home.root, ignore_errors=True)
    except (HomeRefused, OSError):
        return
