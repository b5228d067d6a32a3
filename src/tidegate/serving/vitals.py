"""How this process is: the ledger's backlog, memory, processor time. Sampled, because nobody counts them as they happen."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from tidegate.serving.service import Service

EVERY_SECONDS = 5.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


async def watch_vitals(service: Service) -> None:
    """Until cancelled: sample every few seconds, so that what other workers answer for this one is no older than that."""
    while True:
        sample(service)
        await asyncio.sleep(EVERY_SECONDS)


def sample(service: Service) -> None:
    """Put the present state into the metrics."""
    backlog = None if service.commit is None else service.commit.backlog()
    rows, seconds = (backlog.rows, backlog.seconds) if backlog else (0, 0.0)
    service.metrics.vitals(rows, seconds, resident_bytes(), time.process_time())


def resident_bytes() -> int:
    """Memory of this process that is in RAM; 0 where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
