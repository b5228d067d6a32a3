"""`tidegate deliver`: trainings that wait in the outbox are sent to the tracking server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidegate.home import Home, exclusive
from tidegate.operations.places import opened_ledger
from tidegate.registry.deliver import Delivered, deliver_waiting
from tidegate.registry.outbox import waiting
from tidegate.settings import Settings


@dataclass(frozen=True)
class Deliveries:
    """What was sent, and how many trainings still wait."""

    delivered: tuple[Delivered, ...]
    waiting: int

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        sent = [{"model_version": one.version, "stage": one.stage, "training": one.identity} for one in self.delivered]
        return {"delivered": sent, "waiting": self.waiting}

    def summary(self) -> str:
        """A line a version for a person."""
        if not self.delivered:
            return "Nothing waits to be delivered."
        return "\n".join(f"Delivered {one.identity} as version {one.version} ({one.stage})." for one in self.delivered)


def deliver_all(home: Home, settings: Settings, now: datetime) -> Deliveries:
    """Deliver whatever waits, oldest first. Raises RegistryUnavailable where the server does not answer; nothing is lost then."""
    with exclusive(home, "delivery"), opened_ledger(home, settings) as ledger:
        delivered = deliver_waiting(home, ledger, now)
        return Deliveries(tuple(delivered), len(waiting(home)))
