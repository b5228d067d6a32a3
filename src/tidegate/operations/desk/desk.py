"""What the operate API works with, and who is asking. Knows no route."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fastapi import Request

from tidegate.home import Home
from tidegate.ledger.store import Ledger
from tidegate.operations.desk.jobs import MONITORING, RENEWAL, Jobs
from tidegate.operations.places import who
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings


@dataclass(frozen=True)
class Desk:
    """One per process. `scratch` takes uploaded files while they are worked on; `jobs` are trainings."""

    home: Home
    settings: Settings
    ledger: Ledger
    jobs: Jobs
    metrics: Metrics
    scratch: Path
    monitorings: Jobs = field(default_factory=lambda: Jobs(MONITORING))
    renewals: Jobs = field(default_factory=lambda: Jobs(RENEWAL))


def asking(request: Request) -> str:
    """Who asks, for the audit trail: the name of the key; without keys the account that runs this server."""
    return f"{getattr(request.state, 'key', None) or who()} (operate API)"


def now() -> datetime:
    """The clock of the routes."""
    return datetime.now(UTC)
