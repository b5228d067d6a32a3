"""A batch of the inbox from which an erasure took customers: another file, and still the batch that was monitored."""

from __future__ import annotations

import json
from datetime import datetime

from tidegate.ledger.events import append_event, list_events
from tidegate.ledger.store import Ledger

REWRITTEN = "rewrote a batch"
_EVERY = 1_000_000


def record_rewritten(ledger: Ledger, who: str, was: str, becomes: str, now: datetime) -> None:
    """That the file with the SHA-256 `was` becomes one with `becomes`. Recorded before it does: a kill in between loses no batch."""
    append_event(ledger, who, REWRITTEN, {"was": was, "becomes": becomes}, now)


def first_digest(ledger: Ledger, sha256: str) -> str:
    """The SHA-256 that a batch had when it came; its own where no erasure has rewritten it. Raises LedgerUnavailable."""
    found = [json.loads(event.evidence) for event in list_events(ledger, REWRITTEN, _EVERY)]
    before = {said["becomes"]: said["was"] for said in found}
    seen = {sha256}
    while (earlier := before.get(sha256)) is not None and earlier not in seen:
        sha256 = earlier
        seen.add(sha256)
    return sha256
