from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from databases import Outsider
from tidegate.errors import LedgerUnavailable
from tidegate.home import Home
from tidegate.ledger.commit import GroupCommit, allowed_seconds
from tidegate.ledger.predictions import Prediction, count_predictions
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.serving.patience import asked_ledger, recorded
from tidegate.serving.service import Service, new_id
from tidegate.settings import Settings


def prediction() -> Prediction:
    return Prediction(new_id(), None, None, None, "1", "d", "champion", 0.5, 0.5, 1, "{}", "predict", "2026-01-01T00:00:00.000000+00:00")


def service_on(ledger: Ledger, commit: GroupCommit, seconds: float) -> Service:
    service = object.__new__(Service)
    service.ledger, service.commit, service.settings = ledger, commit, Settings(ledger_seconds=seconds)
    service.asking = Service.__dataclass_fields__["asking"].default_factory()  # type: ignore[misc]
    return service


def test_a_ledger_that_hangs_is_refused_in_time_then_at_once_and_goes_on_by_itself(own_home: Home) -> None:
    ledger = open_ledger(sqlite_url(own_home.ledger))
    before, outsider = count_predictions(ledger), Outsider(sqlite_url(own_home.ledger))
    commit = GroupCommit(ledger, patience_seconds=0.2)
    service = service_on(ledger, commit, 30)

    async def run() -> None:
        outsider.hold()
        for _ in range(100):  # what no group had begun to write by then was called off
            if commit.overdue():
                break
            with pytest.raises(LedgerUnavailable, match="in time"):
                await recorded(service, [prediction()], patience_seconds=0.2)
        with pytest.raises(LedgerUnavailable, match="does not answer"):
            await recorded(service, [prediction()])
        # who has time waits, as long as it may
        waiting = asyncio.ensure_future(recorded(service, [prediction()], patience_seconds=30))
        with pytest.raises(LedgerUnavailable, match="in time"):
            await recorded(service, [prediction()], patience_seconds=0.05)
        outsider.release()
        assert len(await waiting) == 1
        assert len(await recorded(service, [prediction()])) == 1

    asyncio.run(run())
    commit.close()
    # the one which had begun; the patient one; the last: not the one refused at once, nor the one that was called off in time
    assert count_predictions(ledger) - before == 3
    close_ledger(ledger)
    outsider.close()


def test_a_question_to_the_ledger_ends_in_time(own_home: Home) -> None:
    let = threading.Event()

    async def run() -> None:
        service = service_on(None, None, 30)  # type: ignore[arg-type]
        assert await asked_ledger(service, 1, lambda: 7) == 7
        service.settings = Settings(ledger_seconds=0.05)
        with pytest.raises(LedgerUnavailable, match="did not answer in time"):
            await asked_ledger(service, 1, let.wait)
        let.set()

    asyncio.run(run())


def test_a_batch_may_take_longer_by_its_rows() -> None:
    assert allowed_seconds(0.8, 1) == 0.8
    assert allowed_seconds(0.8, 10_000) == pytest.approx(5.8, abs=0.01)


def test_a_request_called_off_is_called_off_in_the_queue() -> None:
    queued: list[Future[Any]] = []

    class Stuck:
        def submit(self, _: object, patient: bool) -> Future[Any]:
            queued.append(Future())
            return queued[-1]

    async def run() -> None:
        service = service_on(None, Stuck(), 30)  # type: ignore[arg-type]
        task = asyncio.ensure_future(recorded(service, [prediction()]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert queued[0].cancelled()

    asyncio.run(run())
