"""Customers of monitored batches: the ledger may have no prediction of them, and their outcomes are what monitoring waits for."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from tidegate.errors import HomeRefused
from tidegate.ledger.customer_key import customer_hash

_ID = "customer_id"
_PREFIX_DIGITS = 16
_State = tuple[int, int, int]


class BatchCustomers:
    """Who is in the batches kept in `folder`. A file is read once for each state of it, and remembered with eight bytes a customer.

    Eight of the sixteen bytes of a keyed hash: of ten million customers in batches and a thousand that are asked for, one is taken for
    another with a probability below 10^-9. Threads may share one.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder, self._key = folder, key
        self._read: dict[Path, tuple[_State, NDArray[np.uint64]]] = {}
        self._lock = threading.Lock()

    def among(self, asked: set[str], skip_damaged: bool = False) -> set[str]:
        """Those of the customers (keyed hashes) who are in a batch.

        Raises HomeRefused where a file cannot be read and somebody was found in no other; with `skip_damaged` it is passed over.
        """
        if not asked:
            return set()
        wanted = sorted(asked)
        prefixes, found = _prefixes(wanted), np.zeros(len(wanted), bool)
        damaged = None
        with self._lock:
            paths = sorted(self._folder.glob("*.parquet"))
            self._read = {path: self._read[path] for path in paths if path in self._read}
            for path in paths:
                try:
                    found |= _held(self._customers(path), prefixes)
                except FileNotFoundError:
                    continue  # gone since it was listed
                except (OSError, pa.ArrowException, KeyError, ValueError):
                    damaged = damaged or path
        if damaged is not None and not found.all() and not skip_damaged:
            raise HomeRefused(f"{damaged} is damaged, so it cannot be said whose outcomes these are.", "Restore or remove the file.")
        return {one for one, known in zip(wanted, found.tolist(), strict=True) if known}

    def _customers(self, path: Path) -> NDArray[np.uint64]:
        found = path.stat()
        state = (found.st_mtime_ns, found.st_size, found.st_ino)
        before = self._read.get(path)
        if before is not None and before[0] == state:
            return before[1]
        ids = pyarrow.parquet.read_table(path, columns=[_ID], use_threads=False)[_ID].drop_null()
        prefixes = np.unique(_prefixes([customer_hash(self._key, one) for one in ids.to_pylist()]))
        self._read[path] = (state, prefixes)
        return prefixes


def _prefixes(hashes: list[str]) -> NDArray[np.uint64]:
    return np.array([int(one[:_PREFIX_DIGITS], 16) for one in hashes], np.uint64)


def _held(ordered: NDArray[np.uint64], asked: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of the asked are among the ordered: a search, which does not grow with a batch as a scan would."""
    places = np.searchsorted(ordered, asked)
    inside = places < len(ordered)
    return inside & (ordered[np.where(inside, places, 0)] == asked) if len(ordered) else inside
