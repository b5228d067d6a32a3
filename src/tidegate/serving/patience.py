"""How long a request waits for the ledger: never longer than the setting, whatever the database does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from tidegate.errors import LedgerUnavailable
from tidegate.ledger.commit import allowed_seconds
from tidegate.ledger.predictions import Prediction
from tidegate.serving.service import Service

Result = TypeVar("Result")


async def recorded(service: Service, found: list[Prediction], *, patience_seconds: float | None = None) -> list[Prediction]:
    """The predictions once they are in the ledger; for a repeated key, those recorded first.

    Raises LedgerUnavailable after `ledger_seconds` (a batch has more, by its rows). What no group had begun to write is then never
    written. What one had may still be committed once the database goes on: no caller was told of it, a repeat with the same
    Idempotency-Key finds it and gets it as its answer, and a repeat without a key adds a row of its own, as any second request does.
    `patience_seconds` is for who has time, an upload: a longer wait, and no refusal because the database is slow just now.
    """
    if service.commit is None or not found:
        return found
    patient = patience_seconds is not None
    seconds = allowed_seconds(patience_seconds or service.settings.ledger_seconds, len(found))
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.wrap_future(service.commit.submit(found, patient=patient))
    except TimeoutError:
        raise LedgerUnavailable("The ledger did not record in time.", "Send the request again, with the same Idempotency-Key.") from None


async def asked_ledger(service: Service, rows: int, work: Callable[[], Result]) -> Result:
    """What `work` finds or records, in a thread of the ledger's own: a database that hangs holds up nobody who does not need it.

    Raises LedgerUnavailable after `ledger_seconds` (more by `rows`). Work that had begun goes on until the database answers or its
    connection is ended: outcomes sent again are then known already, and feedback sent again is the same where it has a key.
    """
    try:
        async with asyncio.timeout(allowed_seconds(service.settings.ledger_seconds, rows)):
            return await asyncio.get_running_loop().run_in_executor(service.asking, work)
    except TimeoutError:
        raise LedgerUnavailable("The ledger did not answer in time.", "Send the request again in a moment.") from None
