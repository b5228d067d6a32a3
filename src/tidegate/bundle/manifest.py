"""The manifest: what a bundle is, and the digest of every file in it.

A bundle is a folder: `manifest.json`, `spec.toml`, `model.onnx` (trees), `model.json` (linear models), `golden.json`, `reference.json`,
`trees.npz` (the same trees with the rows that passed each leaf, for reasons), `card.json`, `card.html`.
Open formats only, never a pickle, never a real customer's row.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.errors import BundleRefused

FORMAT = 2
LARGEST_FILE_BYTES = 512 << 20
FILES = frozenset({"spec.toml", "model.onnx", "model.json", "trees.npz", "golden.json", "reference.json", "card.json", "card.html"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Part):
    """Platt scaling (Platt 1999): probability = 1 / (1 + exp(−(slope · z + intercept))).

    z is the model's margin where `space` is logit; its log-odds, kept 1e-4 away from 0 and 1, where it is probability.
    """

    slope: float
    intercept: float
    space: Literal["logit", "probability"] = "logit"


class Member(_Part):
    """One model of a bundle. `calibration` and `weight` say how it enters an ensemble; alone, its margin is the bundle's."""

    name: str
    kind: Literal["trees", "linear"]
    calibration: Calibration = Calibration(slope=1.0, intercept=0.0)
    weight: float = 1.0


class Training(_Part):
    """Where the model comes from."""

    data_sha256: str
    rows: int
    holdout_rows: int
    split: str
    seed: int
    budget: str
    base_rate: float
    code_version: str


class Manifest(_Part):
    """Everything a scorer must know, and what people want to know first."""

    format: Literal[2] = 2
    name: str
    algorithm: str
    created_at: str
    kind: Literal["baseline", "tuned", "ensemble"]
    members: tuple[Member, ...] = Field(min_length=1)
    combination: Literal["single", "voting", "logit"]
    features: tuple[str, ...]
    features_digest: str
    spec_digest: str
    calibration: Calibration
    threshold: float = Field(ge=0, le=1)
    threshold_rule: str
    metrics: dict[str, float]
    training: Training
    parity: float = Field(description="largest difference from the training library's probability that the gate saw")
    files: dict[str, str] = Field({}, description="SHA-256 of each file")


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(folder: Path, manifest: Manifest) -> str:
    """Write the manifest over the files in the folder; returns the bundle's digest, which covers them all."""
    digests = {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.name != "manifest.json"}
    content = manifest.model_copy(update={"files": digests}).model_dump_json(indent=1).encode()
    (folder / "manifest.json").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def read_manifest(folder: Path, digest: str | None = None) -> Manifest:
    """The manifest, after checking `digest` (the bundle's) and the SHA-256 of every file. Raises BundleRefused naming the file."""
    remedy = "Promote another version, or restore the bundle from a backup."
    try:
        content = (folder / "manifest.json").read_bytes()
    except OSError:
        raise BundleRefused(f"The bundle {folder.name} has no manifest.", remedy) from None
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        raise BundleRefused(f"The manifest of bundle {folder.name} is not the one that was promoted.", remedy)
    _require_format(folder, content)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError:
        raise BundleRefused(f"The manifest of bundle {folder.name} cannot be read.", remedy) from None
    for name, expected in manifest.files.items():
        _check_file(folder / name, expected, name, remedy)
    strangers = {path.name for path in folder.iterdir()} - set(manifest.files) - {"manifest.json"}
    if strangers:
        raise BundleRefused(f"The bundle {folder.name} holds a file that its manifest does not name: {sorted(strangers)[0]}.", remedy)
    return manifest


def _require_format(folder: Path, content: bytes) -> None:
    """Say of a bundle that another version of Tidegate wrote that it did, rather than that it is damaged."""
    try:
        found = json.loads(content).get("format")
    except (ValueError, AttributeError, RecursionError):
        return
    if isinstance(found, int) and found != FORMAT:
        raise BundleRefused(f"The bundle {folder.name} has format {found}; this Tidegate reads format {FORMAT}.", "Train again.")


def _check_file(path: Path, expected: str, name: str, remedy: str) -> None:
    if name not in FILES:
        raise BundleRefused(f"The bundle names a file {name!r} that no bundle has.", remedy)
    if not path.is_file() or path.is_symlink() or path.stat().st_size > LARGEST_FILE_BYTES or file_digest(path) != expected:
        raise BundleRefused(f"The file {name} of bundle {path.parent.name} is missing or changed.", remedy)


def read_json(path: Path) -> object:
    """A JSON file of a bundle. Raises BundleRefused where it is none."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise BundleRefused(f"{path.name} of bundle {path.parent.name} cannot be read.", "Promote another version.") from None
