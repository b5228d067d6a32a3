"""`tidegate promote` and `tidegate rollback`: who serves, by a person's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidegate.errors import BundleRefused, InputRefused, NoChampion
from tidegate.home import Home
from tidegate.ledger.store import Ledger
from tidegate.operations.experiment import end_with_champion
from tidegate.operations.registry_alias import BEHIND, CURRENT, LATER, NOT_ASKED, told_registry
from tidegate.registry.appoint import appoint, present_champion, require_reason, require_stored, required_digest
from tidegate.registry.rollback import earlier_champions
from tidegate.registry.trail import PROMOTED, ROLLED_BACK, appointments
from tidegate.storage.objects import open_storage
from tidegate.storage.pointer import Pointer, read_pointer


@dataclass(frozen=True)
class Appointed:
    """Who is champion now. `earlier` are the versions that further rollbacks lead to; `registry`: current, behind or not asked."""

    pointer: Pointer
    previous: str | None
    reason: str
    changed: bool
    earlier: tuple[str, ...]
    registry: str
    warnings: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "model_version": self.pointer.version,
            "digest": self.pointer.digest,
            "since": self.pointer.since,
            "previous_version": self.previous,
            "reason": self.reason,
            "changed": self.changed,
            "earlier_versions": list(self.earlier),
            "registry": self.registry,
            "warnings": list(self.warnings),
        }

    def summary(self) -> str:
        """Two lines for a person."""
        if not self.changed:
            return f"Version {self.pointer.version} is the champion already; nothing was changed."
        before = f", instead of version {self.previous}" if self.previous else ""
        back = f"A rollback leads to version {self.earlier[0]}." if self.earlier else "There is no earlier champion to roll back to."
        return f"Version {self.pointer.version} is the champion now{before}. Running servers follow within seconds.\n{back}"


def promote(
    home: Home,
    ledger: Ledger,
    version: str,
    reason: str,
    who: str,
    now: datetime,
    judged_against: Pointer | None = None,
    grounds: Mapping[str, object] | None = None,
) -> Appointed:
    """Make a stored version the champion, with the reason on record; then tell the registry, which may be away.

    `judged_against`: the champion that it was compared with, where it was: if another one serves by now, nothing is done. `grounds`: what
    the event is to say besides.

    Raises InputRefused for an empty reason or an unknown version, BundleRefused where the bundle is damaged or is not the one that was
    trained, HomeRefused where the champion changed meanwhile, LedgerUnavailable where the event cannot be written.
    """
    reason, storage = require_reason(reason), open_storage(home)
    if not reason:
        raise InputRefused("A promotion needs a reason.", "Say why: --reason TEXT.")
    require_stored(storage, version)
    digest, seen = required_digest(home, ledger, version), judged_against or present_champion(storage)
    if seen is not None and (seen.version, seen.digest) == (version, digest):
        return Appointed(seen, version, reason, False, earlier_versions(ledger, version), NOT_ASKED)
    pointer = appoint(home, ledger, PROMOTED, who, seen, version, digest, reason, now, grounds)
    ended, warning = end_with_champion(ledger, pointer, who, now), told_registry(home)
    return Appointed(
        pointer,
        seen.version if seen else None,
        reason,
        True,
        earlier_versions(ledger, version),
        BEHIND if warning else CURRENT,
        tuple(filter(None, (warning, ended))),
    )


def rollback(home: Home, ledger: Ledger, reason: str, who: str, now: datetime) -> Appointed:
    """Back to the champion before the present one; see `earlier_champions` for which that is after several rollbacks.

    It does not ask the registry: importing its client alone is slow, and one that is down keeps one
    waiting, at a time when a wrong model answers customers.
    Raises NoChampion where nothing was promoted yet, InputRefused where there is no earlier champion, and otherwise as `promote`.
    """
    reason, storage = require_reason(reason), open_storage(home)
    seen = read_pointer(storage)
    if seen is None:
        raise NoChampion("This home has no champion yet.", "Train one: tidegate train DATA --label COLUMN.")
    earlier = earlier_champions(appointments(ledger), seen.version)
    if not earlier:
        raise InputRefused(
            f"There is no champion before version {seen.version} to roll back to.", "Name one: tidegate promote VERSION --reason TEXT."
        )
    target, left = earlier[0], tuple(entry.version for entry in earlier[1:])
    try:
        pointer = appoint(home, ledger, ROLLED_BACK, who, seen, target.version, target.digest, reason, now)
    except BundleRefused as error:
        nearest = f"tidegate promote {left[0]} --reason TEXT leads to the champion before it." if left else error.remedy
        raise BundleRefused(f"Version {target.version} cannot serve again: {error.detail}", nearest) from error
    ended = end_with_champion(ledger, pointer, who, now)
    warning = f"The registry was not asked: its alias champion may still name version {seen.version}. {LATER}"
    return Appointed(pointer, seen.version, reason, True, left, BEHIND, tuple(filter(None, (warning, ended))))


def earlier_versions(ledger: Ledger, present: str) -> tuple[str, ...]:
    """The versions that one rollback after the other leads to."""
    return tuple(entry.version for entry in earlier_champions(appointments(ledger), present))
