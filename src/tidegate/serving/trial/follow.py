"""Follow the ledger: which experiment runs, what this server counted of it, and whether a canary has gone wrong.

All of it happens in one thread of its own, a step every second: a slow ledger or a busy pool of request threads holds up neither answers
nor the guard.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from tidegate.bundle.champion import open_version
from tidegate.bundle.scorer import Scorer
from tidegate.errors import TidegateError
from tidegate.ledger.experiments import Experiment, running_experiment
from tidegate.ledger.exposures import Counts, write_counts
from tidegate.ledger.store import Ledger
from tidegate.serving.service import Service
from tidegate.serving.trial.arms import Running
from tidegate.serving.trial.canary import CanaryGuard
from tidegate.storage.objects import Storage

EVERY_SECONDS = 1.0
SHADOW_SECONDS = 0.5
AGAIN_SECONDS = 30.0
"""A treatment that was refused is tried again: its storage may have been away."""
logger = logging.getLogger("tidegate.serving")


async def follow_experiment(service: Service, storage: Storage) -> None:
    """Until cancelled: a step a second. What it cannot read or write now it reads or writes at the next step."""
    if service.ledger is None:
        return
    loop, guard = asyncio.get_running_loop(), CanaryGuard()
    with ThreadPoolExecutor(1, "experiments") as alone:
        try:
            while True:
                await loop.run_in_executor(alone, step, service, service.ledger, storage, guard)
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            # What was counted since the last step, before the ledger is closed.
            alone.submit(_write, service, service.ledger)


def step(service: Service, ledger: Ledger, storage: Storage, guard: CanaryGuard) -> None:
    """Learn, write, score in the shadow, look after. Never raises: what fails is logged, and tried again."""
    parts: tuple[Callable[[], None], ...] = (
        partial(learn, service, ledger, storage),
        partial(_write, service, ledger),
        partial(service.arms.shadows.work, ledger, service.arms.counts, SHADOW_SECONDS),
        partial(guard.look, service, ledger, datetime.now(UTC)),
    )
    for part in parts:
        try:
            part()
        except TidegateError as error:
            logger.warning("the experiment is not followed: %s", error)
        except Exception as error:  # noqa: BLE001 - following must outlive every fault
            # The type and the place only, as for requests: an exception's text may quote a customer.
            place = traceback.extract_tb(error.__traceback__)[-1]
            logger.error("the experiment is not followed: %s at %s:%s", type(error).__name__, place.filename, place.lineno)


def learn(service: Service, ledger: Ledger, storage: Storage) -> None:
    """Make the ledger's running experiment the service's. Raises LedgerUnavailable, and then the one known so far goes on."""
    found, known = running_experiment(ledger), service.arms.running
    if found is None:
        if known is not None:
            logger.info("experiment %s has ended", known.experiment.number)
            _write(service, ledger)
            service.arms.running = None
        return
    mine = known if known is not None and known.experiment.number == found.number else None
    tried = mine is not None and (mine.treatment is not None or time.monotonic() - mine.opened_at < AGAIN_SECONDS)
    if mine is not None and tried:
        if mine.experiment != found:
            service.arms.running = replace(mine, experiment=found)
        return
    service.arms.running = Running(found, _opened(storage, found), time.monotonic())
    logger.info("experiment %s: version %s, %s, share %s", found.number, found.treatment_version, found.mode, found.phase.share)


def _opened(storage: Storage, experiment: Experiment) -> Scorer | None:
    try:
        return open_version(storage, experiment.treatment_version, experiment.treatment_digest)
    except (TidegateError, OSError) as error:
        logger.warning("version %s under trial is refused, the champion answers for it: %s", experiment.treatment_version, error)
        return None


def _write(service: Service, ledger: Ledger) -> None:
    """What was counted since the last time, if anything: a commit a second for nothing would keep the disk awake."""
    running = service.arms.running
    if running is not None and (counted := _counted(service, running)) and counted != service.arms.written:
        write_counts(ledger, running.experiment.number, service.arms.counts.replica, counted, datetime.now(UTC))
        service.arms.written = counted


def _counted(service: Service, running: Running) -> list[Counts]:
    return service.arms.counts.of(running.experiment.number)
