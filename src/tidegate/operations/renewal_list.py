"""The renewals that the audit trail holds: what was decided, by which gates, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tidegate.errors import NotFound
from tidegate.ledger.store import Ledger
from tidegate.renewal.trail import Decided, conclusions, decisions, superseded

_WAITING = ("held", "canary")


def renewal_list(ledger: Ledger, limit: int) -> list[dict[str, Any]]:
    """The newest renewals, newest first. Raises LedgerUnavailable."""
    return _documents(ledger)[:limit]


def one_renewal(ledger: Ledger, number: int) -> dict[str, Any]:
    """The renewal of this number. Raises NotFound, LedgerUnavailable."""
    found = next((one for one in _documents(ledger) if one["renewal"] == number), None)
    if found is None:
        raise NotFound("There is no such renewal.", "GET /renewals lists those that were decided.")
    return found


def renewal_lines(found: Sequence[Mapping[str, Any]]) -> str:
    """What `renewal_list` found, two lines a renewal, for a person.

    >>> print(renewal_lines([]))
    No renewal has been decided yet.
    >>> gates = [{"name": "audit_positives", "value": 0.0, "limit": 25.0, "passed": False}]
    >>> held = {"renewal": 4, "decision": "held", "challenger": "2", "champion": "1", "decided_at": "2026-01-02T03:04:05+00:00"}
    >>> print(renewal_lines([{**held, "gates": gates, "waiting": True, "concluded": None, "superseded_by": None}]))
    4  2026-01-02T03:04:05+00:00  version 2 against 1  held, waiting for a person
       failed: audit_positives
    """
    if not found:
        return "No renewal has been decided yet."
    return "\n".join(line for one in found for line in _lines(one))


def _lines(one: Mapping[str, Any]) -> list[str]:
    failed = ", ".join(gate["name"] for gate in one["gates"] if not gate["passed"])
    waits = {"held": ", waiting for a person", "canary": ", its canary runs"}.get(one["decision"], "") if one["waiting"] else ""
    became = f", then {one['concluded'].get('decision')} by {one['concluded'].get('who')}" if one["concluded"] else ""
    became = f", superseded by renewal {one['superseded_by']}" if one["superseded_by"] else became
    head = f"{one['renewal']}  {one['decided_at']}  version {one['challenger']} against {one['champion']}  {one['decision']}{waits}{became}"
    return [head, f"   failed: {failed}"] if failed else [head]


def _documents(ledger: Ledger) -> list[dict[str, Any]]:
    """`waiting`: for a person (held) or for its canary; `concluded`: what a person or the canary made of it, by whom and why."""
    made, done = decisions(ledger), conclusions(ledger)
    takers = superseded(made, done)
    return [_document(one, done.get(one.renewal), takers.get(one.renewal)) for one in made]


def _document(one: Decided, concluded: dict[str, Any] | None, taker: int | None) -> dict[str, Any]:
    waits = concluded is None and taker is None and one.decision in _WAITING
    return {**asdict(one), "waiting": waits, "concluded": concluded, "superseded_by": taker}
