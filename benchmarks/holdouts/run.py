"""One training of one side, and what makes its kept result this run's result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]
SPLIT_SEED = 42


@dataclass(frozen=True)
class Run:
    """One training of one side. `label` set: the spec is inferred; `truth`: CSV with the true probability of each row."""

    side: str
    table: str
    data: str
    sha256: str
    seed: int
    budget: str = ""
    model_seed: int | None = None
    spec: str | None = None
    label: str | None = None
    truth: str | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What makes a kept result this run's result; where the file lies does not matter."""
        return (self.side, self.table, self.sha256, self.seed, self.budget, self.model_seed)
