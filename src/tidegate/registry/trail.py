"""What the audit trail says of versions: which were trained, promoted, rolled back to, refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tidegate.ledger.events import Event, list_events
from tidegate.ledger.store import Ledger

TRAINED, PROMOTED, ROLLED_BACK, REFUSED = "trained", "promoted", "rolled back", "refused"
RENEWAL_DECIDED, RENEWAL_CONCLUDED = "renewal decided", "renewal concluded"
KINDS = (TRAINED, PROMOTED, ROLLED_BACK, REFUSED)
EVERY = 1_000_000


@dataclass(frozen=True)
class Entry:
    """One event about a version. `previous` is the champion that it replaced, where the event says so; `evidence` all it says."""

    sequence: int
    at: str
    who: str
    what: str
    version: str
    digest: str
    previous: str | None
    evidence: dict[str, Any]


def read_trail(ledger: Ledger, kinds: tuple[str, ...] = KINDS, limit: int = EVERY) -> list[Entry]:
    """Events of these kinds, newest first, at most `limit`. Raises LedgerUnavailable."""
    found = [_entry(event) for kind in kinds for event in list_events(ledger, kind, limit)]
    return sorted(found, key=lambda entry: entry.sequence, reverse=True)[:limit]


def appointments(ledger: Ledger) -> list[Entry]:
    """Promotions and rollbacks that moved the pointer, oldest first. Raises LedgerUnavailable.

    What a later event withdraws did not move it; nor did, in a process that was killed, what the next event repeats: the same version in
    place of the same champion.
    """
    withdrawn = {entry.evidence.get("withdraws") for entry in read_trail(ledger, (REFUSED,))}
    found = [entry for entry in read_trail(ledger, (PROMOTED, ROLLED_BACK))[::-1] if entry.sequence not in withdrawn]
    changes = [(entry.version, entry.digest, entry.previous) for entry in found]
    return [entry for place, entry in enumerate(found) if changes[place : place + 1] != changes[place + 1 : place + 2]]


def _entry(event: Event) -> Entry:
    evidence = json.loads(event.evidence)
    version, digest = str(evidence.get("version", "")), str(evidence.get("digest") or "")
    return Entry(event.sequence, event.at, event.who, event.what, version, digest, evidence.get("from"), evidence)


def recorded_digest(ledger: Ledger, version: str) -> str | None:
    """The digest of a version's bundle as it was recorded when it was trained or first promoted; None where no event names it."""
    entries = (entry for kind in (TRAINED, PROMOTED) for entry in read_trail(ledger, (kind,)))
    return next((entry.digest for entry in entries if entry.version == version and entry.digest), None)
