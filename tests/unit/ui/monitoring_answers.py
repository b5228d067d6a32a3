"""What the operate API says to the monitoring page where nothing has happened yet, and the page itself."""

from __future__ import annotations

from typing import Any

from unit.operations.desk.runs import NOW

FLOORS = {"wasserstein": 0.1, "psi": 0.1, "ks_distance": 0.05}
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


def column(name: str, value: float, drifted: bool) -> dict[str, Any]:
    """As monitoring writes one."""
    return {
        "column": name,
        "test": "kolmogorov_smirnov",
        "statistic": value,
        "p_value": 1e-20 if drifted else 0.5,
        "adjusted_p_value": 1e-19 if drifted else 0.75,
        "effect": "psi",
        "effects": {"psi": value},
        "drifted": drifted,
        "influence": 0.0125,
        "missing_batch": 0.0,
        "missing_reference": 0.0,
    }
