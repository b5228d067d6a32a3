"""Renewals: which there were, which wait for a person's word, and the word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.ui.client.http import Api
from tidegate.ui.client.work import Job, job_of


@dataclass(frozen=True)
class Gate:
    """One condition of a renewal; what was not measured is None."""

    name: str
    value: float | None
    limit: float | None
    passed: bool


@dataclass(frozen=True)
class Renewal:
    """A renewal as it was decided. `waiting`: for a person or a canary; `became`, `by`, `why`: what was made of one that waited."""

    number: int
    decision: str
    challenger: str
    champion: str
    batch: str
    decided_at: str
    reasons: tuple[str, ...]
    gates: tuple[Gate, ...]
    waiting: bool
    became: str | None
    by: str | None
    why: str | None
    superseded_by: int | None

    @property
    def held(self) -> bool:
        """Whether it waits for a person's word."""
        return self.waiting and self.decision == "held"


@dataclass(frozen=True)
class Renewals:
    """The newest renewals and the runs of this server's life, both newest first."""

    all: tuple[Renewal, ...]
    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Concluded:
    """What a person's word came to."""

    decision: str
    challenger: str
    champion: str
    warnings: tuple[str, ...]


def renewals(api: Api) -> Renewals:
    """What was decided, and what runs."""
    said = api.get("/renewals")
    return Renewals(tuple(_renewal(one) for one in said["renewals"]), tuple(job_of(one, "renewal") for one in said["jobs"]))


def held_renewals(api: Api) -> tuple[Renewal, ...]:
    """Renewals that wait for a person's word."""
    return tuple(one for one in renewals(api).all if one.held)


def conclude(api: Api, number: int, approve: bool, reason: str) -> Concluded:
    """A person's word on a renewal that is held; refused (409) where somebody was faster."""
    said = api.post(f"/renewals/{number}/{'approve' if approve else 'refuse'}", {"reason": reason})
    return Concluded(said["decision"], str(said["challenger"]), said["champion"], tuple(said.get("warnings", ())))


def _renewal(said: Mapping[str, Any]) -> Renewal:
    became = said["concluded"] or {}
    return Renewal(
        number=said["renewal"],
        **{name: said[name] for name in ("decision", "challenger", "champion", "batch", "decided_at", "waiting", "superseded_by")},
        reasons=tuple(said["reasons"]),
        gates=tuple(Gate(one["name"], one["value"], one["limit"], one["passed"]) for one in said["gates"]),
        became=became.get("decision"),
        by=became.get("who"),
        why=became.get("reason"),
    )
