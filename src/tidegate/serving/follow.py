"""Follow the champion pointer: a promotion reaches a running server without a restart, a broken bundle does not."""

from __future__ import annotations

import asyncio
import logging

from tidegate.bundle.champion import open_champion
from tidegate.errors import TidegateError
from tidegate.serving.service import Service
from tidegate.storage.files import Storage
from tidegate.storage.pointer import Pointer, read_pointer

EVERY_SECONDS = 1.0
logger = logging.getLogger("tidegate.serving")


async def follow_champion(service: Service, storage: Storage) -> None:
    """Until cancelled: load each new champion beside the serving one, then swap. A refused one is tried once and logged."""
    loop = asyncio.get_running_loop()
    seen = None
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            pointer: Pointer | None = await loop.run_in_executor(None, read_pointer, storage)
            if pointer is None or pointer == seen or (pointer.version, pointer.digest) == (service.scorer.version, service.scorer.digest):
                continue
            seen = pointer
            scorer = await loop.run_in_executor(None, open_champion, storage)
        except (TidegateError, OSError) as error:
            logger.warning("the new champion is refused, version %s serves on: %s", service.scorer.version, error)
            continue
        service.scorer = scorer
        service.metrics.serves(scorer)
        logger.info("version %s serves now", scorer.version)
