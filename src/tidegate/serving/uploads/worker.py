"""A file scored in a child process, and recorded in this one.

The child does what needs a processor: reading, judging, scoring, writing CSV. It is nicer than the service, so that on a busy machine
requests and liveness go first. The ledger stays with the service: one writer, where the requests of many callers take turns with a file's,
and where an idempotency key is settled. The two take turns as well: a batch's piece of CSV comes after the batch is recorded.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import ExitStack, suppress
from pathlib import Path

from tidegate.bundle.scorer import Scorer
from tidegate.errors import BundleRefused, InputRefused, TableRefused, TidegateError, TooLarge, WorkerLost
from tidegate.ledger.predictions import Prediction
from tidegate.serving.patience import recorded
from tidegate.serving.service import Service
from tidegate.serving.trial.arms import FileTrial, count_file, file_trial
from tidegate.serving.uploads.frames import CSV, DONE, HEAD, KEPT, LARGEST_FRAME, ORDER, PREDICTIONS, RECORD, REFUSED, framed

RECORD_SECONDS = 10.0  # a file has time: it need not fail because the database is slow for a moment
RECORDED_TOGETHER = 512  # small groups: a single customer's request shares the writer and must not wait for the whole file
_BUFFER_BYTES = 1 << 20
logger = logging.getLogger("tidegate.serving")


_REFUSALS: dict[str, type[TidegateError]] = {kind.__name__: kind for kind in (TableRefused, TooLarge, InputRefused, BundleRefused)}


async def scored_by_worker(service: Service, scorer: Scorer, path: Path, key: str | None, work: ExitStack) -> AsyncGenerator[bytes, None]:
    """CSV in pieces, as `scored_file`, from a child process that ends with `work`. Raises WorkerLost where it ends before."""
    trial, child = file_trial(service.arms, scorer), await _started(service, scorer, path, work)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(framed(ORDER, json.dumps([service.key.hex(), key, _told(trial)]).encode()))
        kept: list[Prediction] = []
        fresh: list[Prediction] = []
        as_sent = True
        while True:
            kind, length = HEAD.unpack(await child.stdout.readexactly(HEAD.size))
            body = await child.stdout.readexactly(min(length, LARGEST_FRAME))
            if kind == PREDICTIONS:
                found = [Prediction(*values) for values in json.loads(body)]
                # A few at a time: a whole batch would hold up the event loop for some 20 ms.
                count_file(service.arms, service.metrics, scorer, trial, found)
                fresh += found
            if fresh and (kind == RECORD or len(fresh) >= RECORDED_TOGETHER):
                lines = await recorded(service, fresh, patience_seconds=RECORD_SECONDS)
                as_sent = as_sent and all(one is other for one, other in zip(lines, fresh, strict=True))
                kept, fresh = kept + lines, []
            if kind == RECORD:
                service.metrics.counted(scorer, [], json.loads(body))
                answer = None if as_sent else [[one.probability, one.prediction, one.model_version] for one in kept]
                child.stdin.write(framed(KEPT, json.dumps(answer).encode()))
                kept, as_sent = [], True
            elif kind == CSV:
                yield body
            elif kind == REFUSED:
                name, detail, remedy = json.loads(body)
                raise _REFUSALS[name](detail, remedy)
            elif kind == DONE:
                return
    except (asyncio.IncompleteReadError, ConnectionError):
        logger.error("the process that scored a file ended with code %s", await child.wait())
        raise WorkerLost(
            "The process that scored the file ended unexpectedly.", "Send it again; in parts, if that fails as well."
        ) from None


def _told(trial: FileTrial | None) -> list[object] | None:
    """The experiment as the child is told of it: the treatment by its folder, version and digest."""
    if trial is None:
        return None
    treatment = trial.treatment and [str(trial.treatment.folder), trial.treatment.version, trial.treatment.digest]
    return [trial.number, trial.salt, trial.share, trial.phase, treatment]


async def _started(service: Service, scorer: Scorer, path: Path, work: ExitStack) -> Process:
    order = [str(scorer.folder), scorer.version, scorer.digest, str(path), str(service.settings.max_upload_rows)]
    command = [sys.executable, "-P", "-m", "tidegate.serving.uploads.worker_process", *order, str(int(service.settings.upload_seconds) + 1)]
    # Its complaints are not kept: a traceback may quote a customer.
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_BUFFER_BYTES)

    def end() -> None:
        with suppress(ProcessLookupError):
            child.kill()

    work.callback(end)
    return child
