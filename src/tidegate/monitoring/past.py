"""What became of the batches so far: labels that came meanwhile, realised performance, and whether estimates are to be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.bundle.scorer import Scorer
from tidegate.customers.kept_rows import UNKNOWN_LABEL, KeptRows, read_kept
from tidegate.customers.spec import TableSpec
from tidegate.errors import HomeRefused
from tidegate.home import Home
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.store import Ledger
from tidegate.monitoring.batches import Batch
from tidegate.monitoring.performance.calibration import CalibrationCheck, check_calibration
from tidegate.monitoring.performance.estimate import Estimated, estimate
from tidegate.monitoring.performance.labels import labels_of
from tidegate.monitoring.performance.realised import Realised, realise
from tidegate.monitoring.performance.timeline import Point, write_timeline

MOST_BATCHES = 36


@dataclass(frozen=True)
class Look:
    """What is known of past batches. `trust`: whether estimates are to be trusted, and the sentence why not; `realised` and `calibration`
    are those of the newest batch with labels, None where there is none; `points` one a batch, oldest first.
    """

    realised: Realised | None
    calibration: CalibrationCheck | None
    trust: tuple[bool, str]
    points: tuple[Point, ...]
    notes: tuple[str, ...]

    def draw(self, folder: Path) -> None:
        """`performance_timeline.png` and `.json`."""
        write_timeline(folder, self.points)
