"""A fair sample of a stream of rows: every row of the file has the same chance, whatever its place."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MOST_ROWS = 50_000
MOST_CELLS = 10_000_000
MOST_BYTES = 256 << 20
SEED = 0


class RowSample:
    """Keeps the rows whose random keys are smallest; at most 50,000 rows, 10 million cells and 256 MB, so that memory stays flat."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(SEED)
        self._batches: list[pa.RecordBatch] = []
        self._keys: list[NDArray[np.float64]] = []
        self._cut = 1.0
        self._most = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Offer rows (at least one)."""
        if not self._most:
            by_bytes = MOST_BYTES * len(batch) // max(batch.nbytes, 1)
            self._most = max(1, min(MOST_ROWS, MOST_CELLS // max(batch.num_columns, 1), by_bytes))
        keys = self._random.random(len(batch))
        kept = keys < self._cut
        if kept.any():
            self._batches.append(batch if kept.all() else batch.filter(pa.array(kept)))
            self._keys.append(keys[kept])
        if sum(map(len, self._keys)) > 2 * self._most:
            self._prune()

    def rows(self) -> pa.RecordBatch:
        """The sample, in the order of the file."""
        self._prune()
        return self._batches[0]

    def _prune(self) -> None:
        batch, keys = pa.concat_batches(self._batches), np.concatenate(self._keys)
        if len(keys) > self._most:
            self._cut = float(np.partition(keys, self._most)[self._most])
            kept = keys < self._cut
            batch, keys = batch.filter(pa.array(kept)), keys[kept]
        self._batches, self._keys = [batch], [keys]
