"""How much each trial does: the full run by hand, the smoke run within five minutes on two cores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Counts of one run; `rate` is in requests per second."""

    name: str
    sqlite_kills: int
    postgres_kills: int
    database_kills: int
    synchronised: int
    swaps: int
    broken_swaps: int
    replayed: int
    cases: int
    files: int
    versions: int
    outage_seconds: float
    rate: int = 200
    connections: int = 32
    trained_rows: int = 1_500
    seed: int = 20_261_123


FULL = Sizes("full", 50, 50, 5, 1_000, 100, 10, 1_000, 10_000, 500, 3, 60.0)
SMOKE = Sizes("smoke", 4, 2, 1, 100, 10, 2, 200, 300, 60, 2, 6.0)
