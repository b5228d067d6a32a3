"""What monitoring found: batches, and how much is scored."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.ui.client.http import Api


@dataclass(frozen=True)
class Batch:
    """One monitored batch; what is not known is None."""

    folder: str
    batch: str
    at: str | None
    health: str | None
    rows: float | None
    quarantined: float | None
    drifted_features: tuple[str, ...] | None
    estimated_roc_auc: float | None
    realised_roc_auc: float | None


@dataclass(frozen=True)
class Hour:
    """Predictions recorded in the hour that begins at `at` (ISO 8601, UTC)."""

    at: str
    predictions: int


def batches(api: Api, limit: int) -> tuple[Batch, ...]:
    """The newest monitored batches, newest first."""
    names = ("folder", "batch", "at", "health", "rows", "quarantined", "estimated_roc_auc", "realised_roc_auc")
    return tuple(
        Batch(**{name: one[name] for name in names}, drifted_features=_names(one["drifted_features"]))
        for one in api.get("/monitoring", {"limit": limit})["batches"]
    )


def traffic(api: Api) -> tuple[Hour, ...]:
    """Predictions of the last day by hour, oldest first; an hour without any is there."""
    return tuple(Hour(one["at"], one["predictions"]) for one in api.get("/traffic")["hours"])


def _names(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)
