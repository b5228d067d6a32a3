"""A table through the scorer to CSV, every batch recorded before it is written: the same in the service and in its child process."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow.csv

from tidegate.bundle.batches import ScoredBatch, score_batches, scored_columns
from tidegate.bundle.scorer import Scorer
from tidegate.customers.admit import Tally
from tidegate.customers.cells import objects_from_rows
from tidegate.customers.columns import as_text
from tidegate.customers.contract import outside_expected
from tidegate.customers.load import Table, open_table
from tidegate.errors import TooLarge
from tidegate.ledger.customer_key import keyed_digest
from tidegate.ledger.predictions import Prediction
from tidegate.serving.service import continued, customer_hashes, new_id, unrecorded
from tidegate.serving.trial.arms import FileTrial, drawn_again

# From predictions, and how many values of each column were outside the expected range, to the predictions that are now in the ledger.
Record = Callable[[list[Prediction], Mapping[str, int]], list[Prediction]]


def scored_file(
    scorer: Scorer, trial: FileTrial | None, path: Path, secret: bytes, most_rows: int, key: str | None, record: Record
) -> Iterator[bytes]:
    """CSV in pieces: every line of the file in its order, refused ones marked with their rule.

    Where an experiment runs, each customer is scored by their arm's version. Raises TableRefused, TooLarge and what `record` raises.
    """
    table, tally, header = open_table(path), Tally(), True
    for scored in score_batches(scorer, table, tally, most_bad=None):
        if tally.read > most_rows:
            raise TooLarge(f"The file has more than {most_rows:,} rows.", "Split it, or use `tidegate score`.")
        before = tally.read - len(scored.admitted.kept) - len(scored.admitted.batch.ragged)
        mine = None if key is None else continued(key, before) if before else key
        scored = _recorded(scorer, trial, scored, table, secret, mine, record)
        sink = io.BytesIO()
        options = pyarrow.csv.WriteOptions(include_header=header, quoting_style="needed")
        pyarrow.csv.write_csv(scored_columns(scored, table, with_refused=True), sink, write_options=options)
        header = False
        yield sink.getvalue()


def _recorded(
    scorer: Scorer, trial: FileTrial | None, scored: ScoredBatch, table: Table, secret: bytes, key: str | None, record: Record
) -> ScoredBatch:
    """The batch as the ledger has it: for a repeated key, what was recorded and answered the first time."""
    rows = scored.admitted.rows
    if not len(rows):
        return scored
    customers = objects_from_rows(scorer.contract, rows)
    identity = scorer.contract.spec.id
    if identity in table.names:
        ids = as_text(scored.admitted.batch.table.column(table.names.index(str(identity)))).filter(scored.admitted.kept)
        customers = [{**customer, "customer_id": one} for customer, one in zip(customers, ids.to_pylist(), strict=True)]
    digest = None if key is None else keyed_digest(secret, f"predict-csv {table.sha256}")
    hashes, prediction_ids = customer_hashes(secret, customers), [new_id() for _ in customers]
    scores = drawn_again(trial, scorer, rows, hashes, scored.probability.tolist())
    predictions = unrecorded(customers, scores, hashes, prediction_ids, "predict-csv", key, digest)
    kept = record(predictions, outside_expected(scorer.contract, rows))
    return ScoredBatch(
        scored.admitted,
        np.array([one.probability for one in kept]),
        np.array([one.prediction for one in kept], np.int64),
        tuple(one.model_version for one in kept),
    )
