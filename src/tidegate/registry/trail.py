"""What the audit trail says of versions: which were trained, promoted, rolled back to, refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tidegate.ledger.events import Event, list_events
from tidegate.ledger.store import Ledger

TRAINED, PROMOTED, ROLLED_BACK, REFUSED = "trained", "promoted", "rolled back", "refused"
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
    """Promotions and rollbacks that moved the pointer, oldest first; what a later event withdraws did not. Raises LedgerUnavailable."""
    withdrawn = {entry.evidence.get("withdraws") for entry in read_trail(ledger, (REFUSED,))}
    return [entry for entry in read_trail(ledger, (PROMOTED, ROLLED_BACK))[::-1] if entry.sequence not in withdrawn]


def _entry(event: Event) -> Entry:
    evidence = json.loads(event.evidence)
    version, digest = str(evidence.get("version", "")), str(evidence.get("digest") or "")
    return Entry(event.sequence, event.at, event.who, event.what, version, digest, evidence.get("from"), evidence)


def recorded_digest(ledger: Ledger, version: str) -> str | None:
    """The digest of a version's bundle as it was recorded when it was trained or first promoted; None where no event names it."""
    entries = (entry for kind in (TRAINED, PROMOTED) for entry in read_trail(ledger, (kind,)))
    return next((entry.digest for entry in entries if entry.version == version and entry.digest), None)
