"""The renewals that the audit trail holds: what was decided, by which gates, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tidegate.errors import NotFound
from tidegate.ledger.store import Ledger
from tidegate.renewal.trail import Decided, conclusions, decisions

_WAITING = ("held", "canary")


def renewal_list(ledger: Ledger, limit: int) -> list[dict[str, Any]]:
    """The newest renewals, newest first. Raises LedgerUnavailable."""
    concluded = conclusions(ledger)
    return [_document(one, concluded.get(one.renewal)) for one in decisions(ledger)[:limit]]


def one_renewal(ledger: Ledger, number: int) -> dict[str, Any]:
    """The renewal of this number. Raises NotFound, LedgerUnavailable."""
    found = next((one for one in decisions(ledger) if one.renewal == number), None)
    if found is None:
        raise NotFound("There is no such renewal.", "GET /renewals lists those that were decided.")
    return _document(found, conclusions(ledger).get(number))


def _document(one: Decided, concluded: dict[str, Any] | None) -> dict[str, Any]:
    """`waiting`: for a person (held) or for its canary; `concluded`: what a person or the canary made of it, by whom and why."""
    return {**asdict(one), "waiting": concluded is None and one.decision in _WAITING, "concluded": concluded}
