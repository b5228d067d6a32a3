"""A champion by a person's word: what has to hold of its bundle, and the act, which needs no registry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tidegate.bundle.check import check_bundle
from tidegate.bundle.local import local_bundle, stored_digest, stored_versions
from tidegate.bundle.manifest import read_manifest
from tidegate.errors import BundleRefused, HomeRefused, InputRefused, RegistryUnavailable, StorageUnavailable
from tidegate.home import Home, appointing
from tidegate.ledger.events import append_event
from tidegate.ledger.store import Ledger
from tidegate.registry.store import digest_of, open_registry
from tidegate.registry.trail import REFUSED, recorded_digest
from tidegate.storage.objects import Storage, open_storage
from tidegate.storage.pointer import Pointer, move_pointer, pointer_tag, read_pointer

LONGEST_REASON = 500
_MOST_NAMED = 10


def require_stored(storage: Storage, version: str) -> None:
    """Raises InputRefused naming the versions there are."""
    versions = stored_versions(storage)
    if version in versions:
        return
    named = ", ".join(versions[:_MOST_NAMED]) + (f" and {len(versions) - _MOST_NAMED} older ones" if len(versions) > _MOST_NAMED else "")
    shown = version if version.isprintable() and len(version) <= 64 else "of this name"
    raise InputRefused(
        f"There is no version {shown} in this home.", f"There are: {named}." if versions else "There is none yet: train one."
    )


def require_reason(reason: str) -> str:
    """The reason without spaces around it. Raises InputRefused where it is too long or would not print as one line."""
    reason = reason.strip()
    if not reason.isprintable():
        raise InputRefused("The reason holds a line break or another control character.", "Give one line of text: --reason TEXT.")
    if len(reason) > LONGEST_REASON:
        raise InputRefused(f"The reason has {len(reason)} characters.", f"Say it in {LONGEST_REASON}: --reason TEXT.")
    return reason


def present_champion(storage: Storage) -> Pointer | None:
    """The pointer; None where there is none or where it is damaged, because a promotion is what repairs it."""
    try:
        return read_pointer(storage)
    except BundleRefused:
        return None


def required_digest(home: Home, ledger: Ledger, version: str) -> str:
    """The digest that a version's bundle must have: from the ledger, else from the registry, never from the bundle itself.

    Raises BundleRefused where neither recorded it.
    """
    digest = recorded_digest(ledger, version)
    if digest is not None:
        return digest
    known, why = None, "the registry knows none either"
    try:
        storage = open_storage(home)
        model = read_manifest(local_bundle(storage, version, stored_digest(storage, version))).name
        known = digest_of(open_registry(home, model), version)
    except RegistryUnavailable as error:
        why = f"the registry cannot be asked ({error.detail.rstrip('.')})"
    except ModuleNotFoundError as error:
        why = f"the registry cannot be asked ({error.name} is not installed here)"
    if not known:
        raise BundleRefused(
            f"No event of the ledger says what digest version {version} was trained with, and {why}.",
            "Restore the ledger from a backup, or train again.",
        )
    return known


def appoint(
    home: Home,
    ledger: Ledger,
    what: str,
    who: str,
    seen: Pointer | None,
    version: str,
    digest: str,
    reason: str,
    now: datetime,
    grounds: Mapping[str, object] | None = None,
) -> Pointer:
    """Make a version the champion that servers follow: check its bundle, write the event, move the pointer.

    `seen` is the champion that this was decided on: where another process has moved the pointer since, nothing is done, so that two
    people who roll back at the same time do not go back twice. `grounds`: what else the event is to say, a renewal's gates. Raises
    BundleRefused (on record, as an event), HomeRefused, StorageUnavailable and LedgerUnavailable.
    """
    storage = open_storage(home)
    replaced = seen.version if seen else None
    evidence = {**(grounds or {}), "version": version, "digest": digest, "from": replaced, "reason": reason}
    try:
        check_bundle(local_bundle(storage, version, digest), digest)
    except BundleRefused as error:
        append_event(ledger, who, REFUSED, {**evidence, "asked": what, "cause": error.detail}, now)
        raise
    with appointing(home):  # the bundle was checked before: that takes long, and servers check again
        held = pointer_tag(storage)  # before it is read: what moves after this is noticed when it is written
        if present_champion(storage) != seen:
            raise HomeRefused("Another process changed the champion meanwhile.", "Look at `tidegate history`, then try again.")
        sequence = append_event(ledger, who, what, evidence, now)
        pointer = Pointer(version, digest, now.isoformat())
        try:
            move_pointer(storage, pointer, held)
        except (HomeRefused, StorageUnavailable) as error:
            if not _stands(storage, pointer):
                # another home that shares the bucket was faster, or the account may not write: what the event says did not happen
                append_event(ledger, who, REFUSED, {**evidence, "asked": what, "cause": error.detail, "withdraws": sequence}, now)
            raise
        return pointer


def _stands(storage: Storage, pointer: Pointer) -> bool:
    """Whether the pointer is this one now, or may be: a storage that went away in between may have taken the write."""
    try:
        return read_pointer(storage) == pointer
    except StorageUnavailable:
        return True
    except BundleRefused:
        return False
