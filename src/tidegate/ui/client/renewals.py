"""Renewals: which wait for a person's word."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.ui.client.http import Api


@dataclass(frozen=True)
class Held:
    """A renewal that waits for a person's word."""

    number: int
    challenger: str
    champion: str
    batch: str
    decided_at: str
    reasons: tuple[str, ...]


def held_renewals(api: Api) -> tuple[Held, ...]:
    """Renewals that wait for a person's word."""
    return tuple(
        Held(one["renewal"], one["challenger"], one["champion"], one["batch"], one["decided_at"], tuple(one["reasons"]))
        for one in api.get("/renewals")["renewals"]
        if one["waiting"] and one["decision"] == "held"
    )
