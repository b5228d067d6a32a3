"""`tidegate deliver`: trainings that wait in the outbox are sent to the tracking server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidegate.disk import naming_full_disk
from tidegate.home import Home, exclusive, sweep
from tidegate.operations.places import opened_ledger
from tidegate.operations.registry_alias import BEHIND, CURRENT, told_registry
from tidegate.registry.deliver import Delivered, deliver_waiting
from tidegate.registry.outbox import waiting
from tidegate.settings import Settings


@dataclass(frozen=True)
class Deliveries:
    """What was sent, how many trainings still wait, and whether the registry's alias names the champion (current or behind)."""

    delivered: tuple[Delivered, ...]
    waiting: int
    registry: str = CURRENT
    warnings: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        sent = [{"model_version": one.version, "stage": one.stage, "training": one.identity} for one in self.delivered]
        return {"delivered": sent, "waiting": self.waiting, "registry": self.registry, "warnings": list(self.warnings)}

    def summary(self) -> str:
        """A line a version for a person."""
        if not self.delivered:
            return "Nothing waits to be delivered."
        return "\n".join(f"Delivered {one.identity} as version {one.version} ({one.stage})." for one in self.delivered)


def deliver_all(home: Home, settings: Settings, now: datetime) -> Deliveries:
    """Deliver whatever waits, oldest first, and tell the registry who is champion.

    Raises RegistryUnavailable where something waits and the server does not answer, HomeFull where the disk has no room; nothing is
    lost then.
    """
    with naming_full_disk(home.root), exclusive(home, "delivery"), opened_ledger(home, settings) as ledger:
        sweep(home)
        delivered = deliver_waiting(home, ledger, now)
        warning = told_registry(home)
        return Deliveries(tuple(delivered), len(waiting(home)), BEHIND if warning else CURRENT, (warning,) if warning else ())
