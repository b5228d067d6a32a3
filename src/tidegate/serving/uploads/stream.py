"""`/predict-csv`: an uploaded table becomes a streamed CSV. Small ones are scored in a thread, all others in a child process."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tidegate.bundle.scorer import Scorer
from tidegate.errors import LedgerUnavailable, TooLarge
from tidegate.ledger.predictions import Prediction
from tidegate.serving.service import Service
from tidegate.serving.trial.arms import FileTrial, count_file, file_trial
from tidegate.serving.uploads.scored_file import scored_file
from tidegate.serving.uploads.worker import RECORD_SECONDS, RECORDED_TOGETHER, scored_by_worker

# Below it a child process would cost more than the work; a Parquet file says nothing of its rows by its size.
SMALL_FILE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20
_PARQUET = b"PAR1"


class ScoredFile(StreamingResponse):
    """The streamed answer. However it ends, `work` is undone: the child process is gone, and so is the uploaded file."""

    def __init__(self, first: bytes, pieces: AsyncGenerator[bytes, None], work: ExitStack, headers: Mapping[str, str]) -> None:
        super().__init__(_following(first, pieces), media_type="text/csv; charset=utf-8", headers=headers)
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._work:
            await super().__call__(scope, receive, send)


async def _following(first: bytes, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield first
    async for piece in pieces:
        yield piece


async def spooled(service: Service, upload: IO[bytes], work: ExitStack) -> Path:
    """The upload as a file in a folder that goes with `work`. Raises TooLarge on more line ends than rows (a quoted one counts).

    It has a name of ours: refusals name the file, and the caller's name for it may name a person.
    """
    folder = Path(work.enter_context(tempfile.TemporaryDirectory(dir=service.scratch)))
    path = folder / "upload"
    return await asyncio.get_running_loop().run_in_executor(None, _spooled, upload, path, service.settings.max_upload_rows)


def scored_pieces(service: Service, scorer: Scorer, path: Path, key: str | None, work: ExitStack) -> AsyncGenerator[bytes, None]:
    """CSV in pieces, each recorded before it comes; a child process goes with `work`."""
    if path.stat().st_size <= SMALL_FILE_BYTES and not _is_parquet(path):
        return _scored_here(service, scorer, path, key)
    return scored_by_worker(service, scorer, path, key, work)


async def unless_left(request: Request, working: Coroutine[Any, Any, bytes]) -> bytes:
    """What the work comes to; it is cancelled where the caller hangs up meanwhile. The request's body must have been read."""
    task = asyncio.ensure_future(working)
    leaving = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        for one in (task, leaving):
            one.cancel()
            with suppress(BaseException):
                await one


async def _scored_here(service: Service, scorer: Scorer, path: Path, key: str | None) -> AsyncGenerator[bytes, None]:
    trial = file_trial(service.arms, scorer)
    record = partial(_record, service, scorer, trial)
    pieces = partial(scored_file, scorer, trial, path, service.key, service.settings.max_upload_rows, key, record)
    for piece in await asyncio.get_running_loop().run_in_executor(None, lambda: list(pieces())):
        yield piece


def _record(
    service: Service, scorer: Scorer, trial: FileTrial | None, predictions: list[Prediction], outside: Mapping[str, int]
) -> list[Prediction]:
    count_file(service.arms, service.metrics, scorer, trial, predictions)
    service.metrics.counted(scorer, [], outside)
    if service.commit is None:
        return predictions
    kept: list[Prediction] = []
    for start in range(0, len(predictions), RECORDED_TOGETHER):
        future = service.commit.submit(predictions[start : start + RECORDED_TOGETHER], patient=True)
        try:
            kept += future.result(RECORD_SECONDS)
        except TimeoutError:
            future.cancel()
            raise LedgerUnavailable("The ledger did not record the file in time.", "Send it again.") from None
    return kept


def _spooled(upload: IO[bytes], path: Path, most_rows: int) -> Path:
    line_feeds = carriage_returns = 0
    with path.open("wb") as file:
        while chunk := upload.read(_CHUNK_BYTES):
            line_feeds += chunk.count(b"\n")
            carriage_returns += chunk.count(b"\r")
            file.write(chunk)
    parquet = _is_parquet(path)
    if (parquet and _parquet_rows(path) > most_rows) or (not parquet and max(line_feeds, carriage_returns) > most_rows + 1):
        raise TooLarge(f"The file has more than {most_rows:,} rows.", "Split it, or score it with `tidegate score`.")
    return path


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_PARQUET)) == _PARQUET


def _parquet_rows(path: Path) -> int:
    try:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError):
        return 0  # opening it as a table says what is wrong
