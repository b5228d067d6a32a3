"""What the audit trail says of renewals: which began, what was decided, what waits for a person or for a canary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tidegate.ledger.events import append_event, list_events
from tidegate.ledger.store import Ledger
from tidegate.registry.promote import Gate
from tidegate.registry.trail import PROMOTED, RENEWAL_CONCLUDED, RENEWAL_DECIDED, appointments

STARTED, DECIDED, HELD, CONCLUDED = "renewal started", RENEWAL_DECIDED, "renewal held", RENEWAL_CONCLUDED
_EVERY = 1_000_000


@dataclass(frozen=True)
class Decided:
    """A decision as it stands in the trail. `renewal`: its number, that of its first event; `batch`, `at`: of the monitoring run."""

    renewal: int
    decision: str
    challenger: str
    digest: str
    champion: str
    champion_digest: str
    reasons: tuple[str, ...]
    gates: tuple[Gate, ...]
    batch: str
    at: str
    decided_at: str


def record_start(ledger: Ledger, who: str, evidence: Mapping[str, object], now: datetime) -> int:
    """The renewal's number."""
    return append_event(ledger, who, STARTED, evidence, now)


def record_decision(ledger: Ledger, who: str, decided: Decided, now: datetime) -> None:
    """The decision; one that waits for a person also as an event of its own, for whoever delivers alerts."""
    said = {**asdict(decided), "reasons": list(decided.reasons), "gates": [asdict(gate) for gate in decided.gates]}
    append_event(ledger, who, DECIDED, said, now)
    if decided.decision == "held":
        told = {name: said[name] for name in ("renewal", "challenger", "champion", "reasons")}
        append_event(ledger, who, HELD, told, now)


def record_conclusion(ledger: Ledger, who: str, renewal: int, decision: str, reason: str, now: datetime) -> None:
    """What became of a renewal that was held or in a canary: promoted or refused, by whom and why."""
    append_event(ledger, who, CONCLUDED, {"renewal": renewal, "decision": decision, "reason": reason}, now)


def decisions(ledger: Ledger) -> list[Decided]:
    """All of them, newest first."""
    return [_decided(json.loads(event.evidence), event.at) for event in list_events(ledger, DECIDED, _EVERY)]


def conclusions(ledger: Ledger) -> dict[int, dict[str, Any]]:
    """By renewal what it was concluded with."""
    found = [(json.loads(event.evidence), event) for event in list_events(ledger, CONCLUDED, _EVERY)]
    return {said["renewal"]: {**said, "who": event.who, "at": event.at} for said, event in found}


def waiting(ledger: Ledger, decision: str) -> list[Decided]:
    """Renewals that were decided so (`held`, `canary`), are not concluded, and whose place none has taken; newest first."""
    made, done = decisions(ledger), conclusions(ledger)
    over = {*done, *superseded(made, done)}
    return [one for one in made if one.decision == decision and one.renewal not in over]


def superseded(made: Sequence[Decided], done: Mapping[int, Mapping[str, Any]]) -> dict[int, int]:
    """Held renewals that wait for nobody any more, by number: which later one was held in turn, or promoted its challenger.

    `made`: decisions, newest first; `done`: their conclusions. A pure reading of the trail, so that no process can be killed between a
    decision and what it means for those before it.
    """
    found, taker = dict[int, int](), None
    for one in made:
        became = done.get(one.renewal, {}).get("decision", one.decision)
        if one.decision == "held" and one.renewal not in done and taker is not None:
            found[one.renewal] = taker
        if one.decision == "held" or became == "promoted":
            taker = one.renewal
    return found


def promoted_unsaid(ledger: Ledger, version: str, digest: str) -> Decided | None:
    """The decision of a renewal that promoted this champion and was killed before it could say so; None where the trail is whole."""
    made = next((entry for entry in reversed(appointments(ledger)) if entry.what == PROMOTED), None)
    if made is None or (made.version, made.digest) != (version, digest) or not isinstance(made.evidence.get("renewal"), int):
        return None
    number: int = made.evidence["renewal"]
    if any(one.renewal == number for one in decisions(ledger)):
        return None
    started = (event.document() for event in list_events(ledger, STARTED, _EVERY) if event.sequence == number)
    begun: dict[str, Any] = next(started, {})
    gates = tuple(Gate(**gate) for gate in made.evidence.get("gates", ()))
    champion, batch, at = (str(begun.get(name, "")) for name in ("champion", "batch", "at"))
    before = next((entry.digest for entry in reversed(appointments(ledger)) if entry.version == champion), "")
    said = (f"Renewal {number} promoted version {version} and was interrupted before it could say so.",)
    return Decided(number, "promoted", version, digest, champion, before, said, gates, batch, at, "")


def _decided(said: Mapping[str, Any], at: str) -> Decided:
    known = {name: said[name] for name in Decided.__dataclass_fields__ if name in said}
    gates = tuple(Gate(**gate) for gate in said.get("gates", ()))
    return Decided(**{**known, "gates": gates, "reasons": tuple(said.get("reasons", ())), "decided_at": at})
