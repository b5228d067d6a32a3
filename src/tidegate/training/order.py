"""What to train."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tidegate.customers.spec import TableSpec
from tidegate.training.candidates import Candidate


@dataclass(frozen=True)
class Order:
    """The table, its spec, the candidates, the seed and the budget; `most_bad` is the share of rows that may break the contract."""

    data: Path
    spec: TableSpec
    seed: int
    budget: str
    most_bad: float
    candidates: tuple[Candidate, ...]
    who: str
    now: datetime
