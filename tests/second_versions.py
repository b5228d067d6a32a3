"""A second version to try beside a champion: the same bundle with its scores moved, registered as a training would."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime

from tidegate.bundle.champion import champion_pointer
from tidegate.bundle.golden import write_golden
from tidegate.bundle.manifest import Manifest, file_digest, seal
from tidegate.bundle.scorer import open_scorer
from tidegate.home import Home
from tidegate.ledger.events import append_event
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.storage.files import Folder


def plant_version(home: Home, version: str, shift: float) -> str:
    """Store a version that is the champion (one linear model) with `shift` added to its log-odds; sound in every digest. Its digest."""
    folder = home.storage / "bundles" / version
    shutil.copytree(home.storage / "bundles" / champion_pointer(Folder(home.storage)).version, folder)
    model = json.loads((folder / "model.json").read_bytes())
    model[0]["intercept"] += shift
    (folder / "model.json").write_text(json.dumps(model))
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    seal(folder, manifest)
    write_golden(folder, open_scorer(folder, version))
    digest = seal(folder, manifest)
    ledger = open_ledger(sqlite_url(home.ledger))
    append_event(ledger, "test", "trained", {"version": version, "digest": digest, "algorithm": "planted"}, datetime.now(UTC))
    close_ledger(ledger)
    return digest


def plant_copy(home: Home, ledger: Ledger, version: str) -> str:
    """Store version 1 once more under another name. Its digest."""
    folder = home.storage / "bundles" / version
    shutil.copytree(home.storage / "bundles" / "1", folder)
    digest = file_digest(folder / "manifest.json")
    append_event(ledger, "test", "trained", {"version": version, "digest": digest, "algorithm": "lightgbm"}, datetime.now(UTC))
    return digest
