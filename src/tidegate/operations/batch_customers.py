"""Customers of monitored batches: the ledger may have no prediction of them, and their outcomes are what monitoring waits for."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet

from tidegate.errors import HomeRefused
from tidegate.home import Home
from tidegate.ledger.customer_key import customer_hash

_ID = "customer_id"


def batch_customers(home: Home, key: bytes, asked: set[str]) -> set[str]:
    """Those of the customers (keyed hashes) who are in a batch kept in the home. Raises HomeRefused where one cannot be read."""
    found: set[str] = set()
    for path in sorted(home.batches.glob("*.parquet")):
        if len(found) == len(asked):
            break
        try:
            ids = pyarrow.parquet.read_table(path, columns=[_ID], use_threads=False)[_ID].drop_null()
        except (OSError, pa.ArrowException, KeyError, ValueError):
            raise HomeRefused(f"{path} is damaged, so it cannot be said whose outcomes these are.", "Restore or remove the file.") from None
        found.update(asked.intersection(customer_hash(key, one) for one in ids.to_pylist()))
    return found
