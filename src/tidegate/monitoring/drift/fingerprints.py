"""Rows by value: which occur again, and samples of them that do not depend on their order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import Rows

Prints = NDArray[np.uint64]
_STEP = np.uint64(0x9E3779B97F4A7C15)


def fingerprints(rows: Rows) -> Prints:
    """A 64-bit hash of each row's values, uint64 (n,): equal where all values are equal (0 and -0 are, and missing is missing)."""
    found = np.zeros(len(rows), np.uint64)
    for values in rows.numbers:
        with np.errstate(invalid="ignore"):  # a damaged file may hold signalling NaNs
            known = np.where(np.isnan(values), np.nan, values + 0.0)
        found = _mixed(found * _STEP + known.view(np.uint64))
    for codes in rows.codes:
        found = _mixed(found * _STEP + codes.astype(np.int64).view(np.uint64))
    return found


def repeated_rows(reference: Rows, batch: Rows) -> int:
    """How many rows of the batch occur in the reference, all values equal."""
    return repeated(fingerprints(reference), fingerprints(batch))


def repeated(reference: Prints, batch: Prints) -> int:
    """The same from their fingerprints."""
    return int(np.isin(batch, reference).sum())


def twins(prints: Prints) -> int:
    """How many rows have another row like them in the same table: what chance explains of `repeated`."""
    _, counts = np.unique(prints, return_counts=True)
    return int(counts[counts > 1].sum())


def sample(prints: Prints, most: int, seed: int) -> tuple[NDArray[np.int64], Prints]:
    """Places of at most `most` rows drawn at random, int64 (k,), and their keys, rising: the same rows whatever order they come in.

    A key is a hash of the row's values and of how many like it came before, so that equal rows are drawn one by one.
    """
    order = np.argsort(prints, kind="stable")
    ordered = prints[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    earlier = np.arange(len(prints)) - np.repeat(first, np.diff(np.append(first, len(prints))))
    salt = _mixed(np.array([seed], np.uint64) + _STEP)
    keys = _mixed(ordered ^ _mixed(earlier.astype(np.uint64) * _STEP + salt))
    chosen = np.argpartition(keys, most)[:most] if len(keys) > most else np.arange(len(keys))
    chosen = chosen[np.argsort(keys[chosen], kind="stable")]
    return order[chosen], keys[chosen]


def _mixed(bits: Prints) -> Prints:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): every bit of the input moves about half of the output's."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
