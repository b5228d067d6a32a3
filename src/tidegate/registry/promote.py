"""Promotion: a pure decision on evidence, then an act that servers follow."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from tidegate.bundle.manifest import read_manifest
from tidegate.errors import BundleRefused
from tidegate.home import Home
from tidegate.ledger.events import append_event, list_events
from tidegate.ledger.store import Ledger
from tidegate.measures.intervals import Interval
from tidegate.registry.store import Registry, set_alias
from tidegate.storage.files import Storage, get, put_if_match, tag
from tidegate.storage.pointer import Pointer, write_pointer

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


def bundle_key(version: str) -> str:
    """Where a version's bundle lies in storage."""
    return f"bundles/{version}"


def store_bundle(storage: Storage, version: str, folder: Path) -> None:
    """Put a sealed bundle into storage, manifest last. Raises BundleRefused where the version exists with another content."""
    names = sorted((path.name for path in folder.iterdir()), key=lambda name: name == "manifest.json")
    for name in names:
        content = (folder / name).read_bytes()
        key = f"{bundle_key(version)}/{name}"
        if not put_if_match(storage, key, content, None) and tag(get(storage, key) or b"") != tag(content):
            raise BundleRefused(
                f"Version {version} is already in storage with another content.", "Point this home at the registry it was made with."
            )


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
    storage = Storage(home.storage)
    read_manifest(home.storage / bundle_key(version), digest)
    pointer = Pointer(version, digest, now.isoformat())
    evidence: dict[str, object] = {"version": version, "digest": digest, "gates": [asdict(gate) for gate in gates]}
    if parcel is None:
        append_event(ledger, who, "promoted", evidence, now)
    elif not has_event(ledger, "promoted", parcel):
        append_event(ledger, who, "promoted", {**evidence, "parcel": parcel}, now)
    write_pointer(storage, pointer)
    set_alias(registry, "champion", version)
    return pointer


def has_event(ledger: Ledger, what: str, parcel: str) -> bool:
    """Whether the delivery of a parcel has written its event of this kind."""
    return any(json.loads(event.evidence).get("parcel") == parcel for event in list_events(ledger, what, _ALL) if parcel in event.evidence)
