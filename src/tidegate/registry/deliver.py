"""Delivery: a training that waits in the outbox becomes runs, a version, a stored bundle and perhaps the champion.

Every step finds what an earlier attempt has done and does the rest. A process killed or a connection lost at any moment leaves the
parcel where it is; delivering it again adds no second run, version or event. The caller holds the home's lock (`home.exclusive`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tidegate.bundle.local import local_bundle
from tidegate.disk import is_full
from tidegate.errors import HomeFull, HomeRefused, RegistryUnavailable, StorageUnavailable, TidegateError
from tidegate.home import Home, appointing
from tidegate.ledger.events import append_event
from tidegate.ledger.store import Ledger
from tidegate.registry.alias import align_alias
from tidegate.registry.outbox import Parcel, keep_evaluation, read_parcel, remove, waiting
from tidegate.registry.promote import has_event, promote, store_bundle
from tidegate.registry.runs import send_runs
from tidegate.registry.store import Registry, aliases, open_registry, register_once, set_alias, tag_version
from tidegate.storage.objects import open_storage
from tidegate.storage.pointer import Pointer, read_pointer


@dataclass(frozen=True)
class Delivered:
    """What became of a parcel. `stage` may be challenger where it was champion: another was promoted meanwhile.

    `pointer` is the champion's where it names this version, else None.
    """

    version: str
    stage: str
    pointer: Pointer | None
    identity: str


def deliver(home: Home, registry: Registry, ledger: Ledger, parcel_path: Path, now: datetime) -> Delivered:
    """Send a parcel: runs, version, bundle, events, champion or challenger, evaluation; then it leaves the outbox.

    Raises HomeRefused where the parcel is damaged, RegistryUnavailable, StorageUnavailable, LedgerUnavailable or BundleRefused where a step
    cannot be done; what waits is named, and delivering again continues.
    """
    parcel = read_parcel(parcel_path)
    if parcel.model != registry.name:
        raise ValueError("a parcel is delivered to the registry of its own table")
    storage = open_storage(home)
    with _nothing_lost(parcel_path):
        run_id = send_runs(registry, parcel, parcel_path)
        version = register_once(registry, run_id, parcel.digest, parcel.stage, parcel.identity)
        store_bundle(storage, version, parcel_path / "bundle")
        local_bundle(storage, version, parcel.digest)  # what another place holds is read back before anything is said of it
        stage = _stage(home, ledger, parcel, version)
        if not has_event(ledger, "trained", parcel.identity):
            evidence = {**parcel.evidence, "version": version, "digest": parcel.digest, "stage": stage, "parcel": parcel.identity}
            append_event(ledger, parcel.who, "trained", evidence, now)
        _enact(home, registry, ledger, parcel, version, stage, now)
        keep_evaluation(home, parcel_path, version)
        pointer = read_pointer(storage)
        remove(parcel_path)
    return Delivered(version, stage, pointer if pointer is not None and pointer.version == version else None, parcel.identity)


def deliver_waiting(home: Home, ledger: Ledger, now: datetime) -> list[Delivered]:
    """Deliver every parcel that waits. One that is damaged or refused does not hold up the others: it is raised at the end."""
    delivered: list[Delivered] = []
    refused: TidegateError | None = None
    registries: dict[str, Registry] = {}
    for path in waiting(home):
        try:
            model = read_parcel(path).model
            if model not in registries:
                with _nothing_lost(path):
                    registries[model] = open_registry(home, model)
            delivered.append(deliver(home, registries[model], ledger, path, now))
        except (RegistryUnavailable, StorageUnavailable):
            raise
        except TidegateError as error:
            refused = refused or error
    if refused is not None:
        raise refused
    return delivered


@contextmanager
def _nothing_lost(path: Path) -> Iterator[None]:
    """Say of whatever stops a delivery that the training waits, where, and what sends it."""
    kept = f"Nothing is lost: the training waits in {path}."
    sends = "`tidegate deliver`, or the next `tidegate train`, then sends it."
    try:
        yield
    except TidegateError as error:
        raise type(error)(f"{error.detail} {kept}", f"{error.remedy} {sends}".strip()) from error
    except OSError as error:
        if is_full(error):
            raise HomeFull(f"The disk of {path.parent.parent} is full. {kept}", f"Make room there. {sends}") from error
        place, reason = error.filename or path.parent.parent, error.strerror or type(error).__name__
        raise HomeRefused(f"{place}: {reason}. {kept}", f"Check its rights and the room on its disk. {sends}") from error


def _stage(home: Home, ledger: Ledger, parcel: Parcel, version: str) -> str:
    """Champion only where there is none yet, or where an earlier attempt of this delivery made it one."""
    if parcel.stage != "champion":
        return parcel.stage
    pointer = read_pointer(open_storage(home))
    first = pointer is None or (pointer.version, pointer.digest) == (version, parcel.digest)
    return "champion" if first or has_event(ledger, "promoted", parcel.identity) else "challenger"


def _enact(home: Home, registry: Registry, ledger: Ledger, parcel: Parcel, version: str, stage: str, now: datetime) -> None:
    if stage != parcel.stage:
        tag_version(registry, version, "stage", stage)
    if stage == "champion":
        with appointing(home):
            if read_pointer(open_storage(home)) is None:
                promote(home, registry, ledger, version, parcel.digest, parcel.who, parcel.gates, now, parcel.identity)
    elif stage == "challenger":
        # a parcel delivered late must not take the alias from a newer version
        present = aliases(registry).get("challenger", "0")
        if not present.isdigit() or int(present) <= int(version):
            set_alias(registry, "challenger", version)
    # also what a promotion or rollback could not tell a registry that was away
    align_alias(registry, open_storage(home))
