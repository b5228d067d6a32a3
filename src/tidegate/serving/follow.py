"""Follow the champion pointer: a promotion reaches a running server without a restart, a broken bundle or an absent storage does not."""

from __future__ import annotations

import asyncio
import logging

from tidegate.bundle.champion import open_champion
from tidegate.errors import BundleRefused, StorageUnavailable, TidegateError
from tidegate.serving.front.logs import fault
from tidegate.serving.service import Service
from tidegate.storage.objects import Storage
from tidegate.storage.pointer import Pointer, read_pointer

EVERY_SECONDS = 1.0
_AWAY = "the storage is away"
logger = logging.getLogger("tidegate.serving")


async def follow_champion(service: Service, storage: Storage) -> None:
    """Until cancelled: load each new champion beside the serving one, then swap.

    A refused bundle is tried once. While the storage is away the serving one goes on, and is compared again when the storage returns.
    The log names each trouble once, not once a second.
    """
    loop = asyncio.get_running_loop()
    refused: Pointer | None = None
    trouble = ""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        pointer: Pointer | None = None
        try:
            pointer = await loop.run_in_executor(None, read_pointer, storage)
            serving = (service.scorer.version, service.scorer.digest)
            if pointer is None or pointer == refused or (pointer.version, pointer.digest) == serving:
                trouble = _over(trouble)
                continue
            scorer = await loop.run_in_executor(None, open_champion, storage)
        except (TidegateError, OSError) as error:
            if isinstance(error, BundleRefused):
                refused = pointer
            trouble = _said(service, error, trouble)
            continue
        except Exception as error:  # noqa: BLE001 - following must outlive every fault
            if trouble != type(error).__name__:
                # The type and the place only, as for requests.
                logger.error("the new champion cannot be loaded", extra={"fields": fault(error)})
            trouble = type(error).__name__
            continue
        trouble = _over(trouble)
        service.scorer = scorer
        service.metrics.serves(scorer)
        logger.info("version %s serves now", scorer.version)


def _said(service: Service, error: Exception, before: str) -> str:
    away = isinstance(error, StorageUnavailable)
    trouble = _AWAY if away else f"the new champion is refused: {error}"
    if trouble != before:
        # of an absent storage each request fails in a way of its own: refused, reset, too slow
        logger.warning("%s, version %s serves on%s", trouble, service.scorer.version, f": {error}" if away else "")
    return trouble


def _over(trouble: str) -> str:
    if trouble == _AWAY:
        logger.warning("the storage answers again")
    return ""
