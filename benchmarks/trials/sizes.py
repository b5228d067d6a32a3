"""How much each trial does: the full run by hand, the smoke run within five minutes on two cores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Counts of one run; `rate` is in requests per second.

    How long the service waits for its ledger, where a refusal is timed and where it would be a failure: its default in the full run. The
    smoke run judges on machines that have other work too: a second of theirs decides nothing.
    """

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
    refusing_seconds: float = 0.8
    patient_seconds: float = 0.8
    trained_rows: int = 1_500
    seed: int = 20_261_123


FULL = Sizes("full", 50, 50, 5, 1_000, 100, 10, 1_000, 10_000, 500, 3, 60.0)
SMOKE = Sizes("smoke", 4, 2, 1, 100, 10, 2, 200, 300, 60, 2, 6.0, refusing_seconds=0.4, patient_seconds=20)
