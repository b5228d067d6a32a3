"""Promotion: a pure decision on evidence, then an act that servers follow."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from tidegate import __version__
from tidegate.bundle.local import bundle_key, local_bundle
from tidegate.bundle.manifest import Manifest, read_manifest
from tidegate.errors import BundleRefused
from tidegate.home import Home
from tidegate.ledger.events import append_event, list_events
from tidegate.ledger.store import Ledger
from tidegate.measures.intervals import Interval
from tidegate.registry.store import Registry, set_alias
from tidegate.storage.files import tag
from tidegate.storage.objects import Storage, label, open_storage, put_if_match, tag_of
from tidegate.storage.pointer import Pointer, move_pointer, pointer_tag

_ALL = 1_000_000


@dataclass(frozen=True)
class Gate:
    """One condition of a promotion: the value seen, the limit, and whether it holds."""

    name: str
    value: float
    limit: float
    passed: bool


def first_champion_gates(roc_auc: Interval, pr_auc: Interval, base_rate: float, against_logistic: Interval | None) -> tuple[Gate, ...]:
    """Gates of the first champion, out of fold: better than chance beyond noise by both areas, not worse than logistic regression.

    `against_logistic` is the paired interval of composite score minus logistic regression's; None where the model is one itself.
    """
    beats_chance = (
        Gate("roc_auc_above_chance", roc_auc.low, 0.5, roc_auc.low > 0.5),
        Gate("pr_auc_above_base_rate", pr_auc.low, base_rate, pr_auc.low > base_rate),
    )
    if against_logistic is None:
        return beats_chance
    return *beats_chance, Gate("composite_not_below_logistic_regression", against_logistic.high, 0.0, against_logistic.high >= 0.0)


def store_bundle(storage: Storage, version: str, folder: Path) -> None:
    """Put a sealed bundle into storage, manifest last. Raises BundleRefused where the version exists with another content.

    Tags say of each object what wrote it and what it is part of, where the storage knows tags.
    """
    tags = _tags(folder, version)
    names = sorted((path.name for path in folder.iterdir()), key=lambda name: name == "manifest.json")
    for name in names:
        content = (folder / name).read_bytes()
        key = f"{bundle_key(version)}/{name}"
        if put_if_match(storage, key, content, None):
            label(storage, key, tags)
        elif tag_of(storage, key) != tag(content):
            raise BundleRefused(
                f"Version {version} is already in storage with another content.", "Point this home at the registry it was made with."
            )


def _tags(folder: Path, version: str) -> dict[str, str]:
    try:
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return {}
    found = {"tidegate": __version__, "table": manifest.name, "version": version, "algorithm": manifest.algorithm, "kind": manifest.kind}
    # the signs that every store takes
    return {name: re.sub(r"[^A-Za-z0-9 ._:/=+@-]", "_", value) for name, value in found.items()}


def promote(
    home: Home,
    registry: Registry,
    ledger: Ledger,
    version: str,
    digest: str,
    who: str,
    gates: tuple[Gate, ...],
    now: datetime,
    parcel: str | None = None,
) -> Pointer:
    """Make a stored version the champion: verify it, write the event, move the pointer that servers follow, set the alias.

    `parcel` names the delivery that promotes: repeated after an interruption, it writes its event only once.
    """
    storage = open_storage(home)
    # a delivery promotes the first champion only; where homes share a bucket, another may have made one meanwhile
    seen = None if parcel is not None else pointer_tag(storage)
    read_manifest(local_bundle(storage, version, digest), digest)
    pointer = Pointer(version, digest, now.isoformat())
    evidence: dict[str, object] = {"version": version, "digest": digest, "gates": [asdict(gate) for gate in gates]}
    if parcel is None:
        append_event(ledger, who, "promoted", evidence, now)
    elif not has_event(ledger, "promoted", parcel):
        append_event(ledger, who, "promoted", {**evidence, "parcel": parcel}, now)
    move_pointer(storage, pointer, seen)
    set_alias(registry, "champion", version)
    return pointer


def has_event(ledger: Ledger, what: str, parcel: str) -> bool:
    """Whether the delivery of a parcel has written its event of this kind."""
    return any(json.loads(event.evidence).get("parcel") == parcel for event in list_events(ledger, what, _ALL) if parcel in event.evidence)
