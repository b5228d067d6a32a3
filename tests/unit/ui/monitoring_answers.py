"""What the operate API says to the monitoring page where nothing has happened yet, and the page itself."""

from __future__ import annotations

from typing import Any

from unit.operations.desk.runs import NOW

CHAMPION = {"champion": {"version": "1", "digest": "d", "since": NOW.isoformat()}, "models": []}
QUIET: dict[str, Any] = {"open": [], "undelivered": [], "channels": [], "deliveries": []}
EMPTY: dict[str, Any] = {
    "/monitoring": {"batches": [], "jobs": []},
    "/alerts": QUIET,
    "/models": CHAMPION,
    "/trends": {"batches": [], "performance": None},
}


def page() -> None:
    from tidegate.ui import session
    from tidegate.ui.pages import monitoring

    session.show_key()
    monitoring.show()


def with_(**changes: Any) -> dict[str, Any]:
    return {**EMPTY, **{f"/{path}": answer for path, answer in changes.items()}}
