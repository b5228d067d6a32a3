"""The outbox: a finished training as files in the home, whole and durable before anything of it is sent."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from tidegate.bundle.manifest import file_digest, read_manifest
from tidegate.errors import HomeRefused
from tidegate.home import Home, clear_parts, sync
from tidegate.registry.promote import Gate

_IDENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_DESCRIPTION = "parcel.json"


@dataclass(frozen=True)
class RunRecord:
    """One run as it will be tracked, with the runs below it. `folders` are folders of files and where they go among its artifacts.

    Exactly one run of a parcel holds the bundle; its bundle is sent without being named in `folders`. Times are milliseconds since 1970.
    """

    name: str
    tags: Mapping[str, str]
    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    folders: tuple[tuple[Path, str], ...]
    children: tuple[RunRecord, ...]
    started_ms: int
    ended_ms: int
    bundle: bool = False


@dataclass(frozen=True)
class Parcel:
    """A finished training: its runs, what becomes of its bundle, and the evidence for the ledger's event.

    `identity` is unique to this training and names its folder; `model` is the registered model; `digest` the bundle's.
    """

    identity: str
    model: str
    digest: str
    stage: Literal["champion", "challenger", "refused"]
    who: str
    created_at: datetime
    gates: tuple[Gate, ...]
    evidence: Mapping[str, object]
    run: RunRecord


def walk(record: RunRecord, position: str = "0") -> Iterator[tuple[str, RunRecord]]:
    """Every run with its position in the tree, parents before their children: 0, 0.0, 0.0.0, 0.1, …"""
    yield position, record
    for number, child in enumerate(record.children):
        yield from walk(child, f"{position}.{number}")


def put_in_outbox(home: Home, parcel: Parcel, bundle_folder: Path, evaluation_folder: Path) -> Path:
    """Copy a finished training into the outbox, whole or not at all, also after a power cut; returns its folder.

    Raises HomeRefused where the disk does not take it, BundleRefused where the bundle is not the one `digest` names, and ValueError
    for a parcel that could never be delivered.
    """
    _require_deliverable(parcel)
    read_manifest(bundle_folder, parcel.digest)
    place = home.outbox / parcel.identity
    if place.exists():
        return place
    folders = list(dict.fromkeys(folder for _, record in walk(parcel.run) for folder, _ in record.folders))
    names = {folder: f"files/{number}" for number, folder in enumerate(folders)}
    sources = {"bundle": bundle_folder, "evaluation": evaluation_folder, **{names[folder]: folder for folder in folders}}

    def fill(part: Path) -> None:
        for name, source in sources.items():
            shutil.copytree(source, part / name)
        digests = {str(path.relative_to(part)): file_digest(path) for path in _files(part)}
        described = {**_described(parcel, names), "files": digests}
        (part / _DESCRIPTION).write_text(json.dumps(described, indent=1), encoding="utf-8")

    try:
        home.outbox.mkdir(mode=0o700, exist_ok=True)
        put_whole(place, fill)
    except (OSError, shutil.Error) as error:
        reason = getattr(error, "strerror", None) or "some files cannot be copied"
        raise HomeRefused(
            f"The training cannot be kept in {home.outbox}: {reason}.", "Make room or fix its rights; train again."
        ) from error
    return place


def _require_deliverable(parcel: Parcel) -> None:
    if not _IDENTITY.fullmatch(parcel.identity):
        raise ValueError("a parcel's identity consists of letters, digits, dots, dashes and underscores")
    if sum(record.bundle for _, record in walk(parcel.run)) != 1:
        raise ValueError("exactly one run of a parcel holds the bundle")
    if parcel.created_at.tzinfo is None:
        raise ValueError("a parcel's time needs a time zone")
    # What the ledger would refuse must not wait in the outbox for ever.
    json.dumps([dict(parcel.evidence), [asdict(gate) for gate in parcel.gates]], allow_nan=False)


def _described(parcel: Parcel, names: Mapping[Path, str]) -> dict[str, object]:
    def run(record: RunRecord) -> dict[str, object]:
        return {
            "name": record.name,
            "tags": {name: str(value) for name, value in record.tags.items()},
            "parameters": {name: str(value) for name, value in record.parameters.items()},
            "metrics": {name: float(value) for name, value in record.metrics.items()},
            "folders": [[names[folder], place] for folder, place in record.folders],
            "children": [run(child) for child in record.children],
            "started_ms": int(record.started_ms),
            "ended_ms": int(record.ended_ms),
            "bundle": record.bundle,
        }

    return {
        "identity": parcel.identity,
        "model": parcel.model,
        "digest": parcel.digest,
        "stage": parcel.stage,
        "who": parcel.who,
        "created_at": parcel.created_at.isoformat(),
        "gates": [asdict(gate) for gate in parcel.gates],
        "evidence": dict(parcel.evidence),
        "run": run(parcel.run),
    }


def waiting(home: Home) -> list[Path]:
    """Folders of trainings that have not been delivered, by name: those of one table oldest first."""
    if not home.outbox.is_dir():
        return []
    return sorted(path for path in home.outbox.iterdir() if path.is_dir() and not path.name.startswith("."))


def read_parcel(path: Path) -> Parcel:
    """The parcel in a folder, after comparing every file with its digest. Raises HomeRefused naming the folder."""
    try:
        described = json.loads((path / _DESCRIPTION).read_bytes())
        parcel = TypeAdapter(Parcel).validate_python(described)
        digests = described["files"]
        whole = parcel.identity == path.name and {str(file.relative_to(path)) for file in _files(path)} == {*digests, _DESCRIPTION}
        if whole and all(file_digest(path / name) == digest for name, digest in digests.items()):
            return replace(parcel, run=_rooted(parcel.run, path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, ValidationError):
        pass
    raise HomeRefused(
        f"The training waiting in {path} is damaged and cannot be delivered.",
        "Restore it from a backup, or move it away and train again.",
    )


def _rooted(record: RunRecord, root: Path) -> RunRecord:
    folders = tuple((root / folder, place) for folder, place in record.folders)
    if not all(folder.is_dir() and folder.resolve().is_relative_to(root.resolve()) for folder, _ in folders):
        raise ValueError("a folder of a run is missing or lies elsewhere")
    return replace(record, folders=folders, children=tuple(_rooted(child, root) for child in record.children))


def keep_evaluation(home: Home, parcel: Path, version: str) -> None:
    """Copy the parcel's evaluation to where a version's evaluation lives; done before, it stays."""
    place = home.evaluations / version
    if not place.exists():
        home.evaluations.mkdir(exist_ok=True)
        put_whole(place, lambda part: shutil.copytree(parcel / "evaluation", part, dirs_exist_ok=True))


def remove(parcel: Path) -> None:
    """Take a delivered parcel out of the outbox: gone at once by its name, then its files."""
    gone = _aside(parcel)
    parcel.replace(gone)
    sync(parcel.parent)
    shutil.rmtree(gone, ignore_errors=True)


def put_whole(place: Path, fill: Callable[[Path], object]) -> None:
    """Fill a folder aside, bring it to the disk and rename it into place; what a killed process left aside is swept on the way in."""
    clear_parts(place.parent)
    part = _aside(place)
    part.mkdir(mode=0o700)
    try:
        fill(part)
        for path in [*part.rglob("*"), part]:
            sync(path)
        part.rename(place)
        sync(place.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.{os.getpid()}.part")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if not path.is_dir())
