"""`/predict-csv`: an uploaded table becomes a streamed CSV, every row recorded before it is sent."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tidegate.bundle.batches import ScoredBatch, score_batches, scored_columns
from tidegate.bundle.scorer import Scorer
from tidegate.customers.admit import Tally
from tidegate.customers.cells import objects_from_rows
from tidegate.customers.columns import as_text
from tidegate.customers.load import Table, open_table
from tidegate.errors import InputRefused, LedgerUnavailable
from tidegate.ledger.customer_key import keyed_digest
from tidegate.ledger.predictions import Prediction
from tidegate.serving.service import Service, continued, predict

RECORD_SECONDS = 60
RECORDED_TOGETHER = 512
_CHUNK_BYTES = 1 << 20
_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]")


class TooManyRows(InputRefused):
    """An uploaded table has more rows than the route scores."""

    status = 413


def stream_scored(service: Service, scorer: Scorer, upload: IO[bytes], name: str, key: str | None) -> Iterator[bytes]:
    """CSV in pieces. The first piece is made before this returns, so that a refused table is an error and not half an answer."""
    folder = tempfile.TemporaryDirectory(dir=service.scratch)
    try:
        path = _spooled(upload, Path(folder.name), name, service.settings.max_upload_rows)
        pieces = _pieces(service, scorer, open_table(path), key)
        first = next(pieces)
    except BaseException:
        folder.cleanup()
        raise
    return _closing(first, pieces, folder)


def _closing(first: bytes, pieces: Iterator[bytes], folder: tempfile.TemporaryDirectory[str]) -> Iterator[bytes]:
    with folder:
        yield first
        yield from pieces


def _spooled(upload: IO[bytes], folder: Path, name: str, most_rows: int) -> Path:
    """The upload as a file. Raises TooManyRows on more line ends than rows allowed (a quoted line end counts)."""
    path = folder / (_UNUSUAL.sub("_", name)[-60:].lstrip(".") or "upload")
    line_feeds = carriage_returns = 0
    with path.open("wb") as file:
        while chunk := upload.read(_CHUNK_BYTES):
            line_feeds += chunk.count(b"\n")
            carriage_returns += chunk.count(b"\r")
            file.write(chunk)
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    if (parquet and _parquet_rows(path) > most_rows) or (not parquet and max(line_feeds, carriage_returns) > most_rows + 1):
        raise TooManyRows(f"The file has more than {most_rows:,} rows.", "Split it, or score it with `tidegate score`.")
    return path


def _parquet_rows(path: Path) -> int:
    try:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError):
        return 0  # opening it as a table says what is wrong


def _pieces(service: Service, scorer: Scorer, table: Table, key: str | None) -> Iterator[bytes]:
    tally, header = Tally(), True
    for scored in score_batches(scorer, table, tally, most_bad=None):
        if tally.read > service.settings.max_upload_rows:
            raise TooManyRows(f"The file has more than {service.settings.max_upload_rows:,} rows.", "Split it, or use `tidegate score`.")
        before = tally.read - len(scored.admitted.kept) - len(scored.admitted.batch.ragged)
        scored = _recorded(service, scorer, scored, table, None if key is None else continued(key, before) if before else key)
        sink = io.BytesIO()
        options = pyarrow.csv.WriteOptions(include_header=header, quoting_style="needed")
        pyarrow.csv.write_csv(scored_columns(scored, table, with_refused=True), sink, write_options=options)
        header = False
        yield sink.getvalue()


def _recorded(service: Service, scorer: Scorer, scored: ScoredBatch, table: Table, key: str | None) -> ScoredBatch:
    """The batch as the ledger has it: for a repeated key, what was recorded and answered the first time."""
    rows = scored.admitted.rows
    if not len(rows):
        return scored
    customers = objects_from_rows(scorer.contract, rows)
    identity = scorer.contract.spec.id
    if identity in table.names:
        ids = as_text(scored.admitted.batch.table.column(table.names.index(str(identity)))).filter(scored.admitted.kept)
        customers = [{**customer, "customer_id": one} for customer, one in zip(customers, ids.to_pylist(), strict=True)]
    digest = None if key is None else keyed_digest(service.key, f"predict-csv {table.sha256}")
    predictions: list[Prediction] = predict(service, scorer, customers, rows, "predict-csv", key, digest)
    if service.commit is None:
        return scored
    kept: list[Prediction] = []
    try:
        # Small groups: a single customer's request shares the writer and must not wait for the whole file.
        for start in range(0, len(predictions), RECORDED_TOGETHER):
            kept += service.commit.submit(predictions[start : start + RECORDED_TOGETHER]).result(RECORD_SECONDS)
    except TimeoutError:
        raise LedgerUnavailable("The ledger did not record the file in time.", "Send it again.") from None
    return ScoredBatch(
        scored.admitted,
        np.array([one.probability for one in kept]),
        np.array([one.prediction for one in kept], np.int64),
        tuple(one.model_version for one in kept),
    )
