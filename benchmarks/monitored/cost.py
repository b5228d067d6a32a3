"""Seconds of CPU for one million rows against one million, 20 columns, with everything that is decided."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import Rows
from tidegate.customers.spec import parse_spec
from tidegate.monitoring.drift.decide import decide_drift
from tidegate.monitoring.drift.limits import DriftLimits

ROWS, NUMBERS, CATEGORIES, LEVELS = 1_000_000, 14, 6, 8
MOST_SECONDS = 10


def report(_batches: int, seed: int) -> bool:
    """Print the seconds; whether they stay below ten."""
    numbers = "".join(f'[columns.x{place}]\nkind = "number"\nnullable = true\n' for place in range(NUMBERS))
    levels = ", ".join(f'"l{level}"' for level in range(LEVELS))
    categories = "".join(f'[columns.c{place}]\nkind = "category"\nlevels = [{levels}]\n' for place in range(CATEGORIES))
    spec = parse_spec(f'name = "wide"\n{numbers}{categories}')
    generator = np.random.default_rng(seed)
    reference, batch = rows(generator, 0.0), rows(generator, 0.3)
    decide_drift(spec, reference.take(np.arange(500)), np.zeros(500), batch.take(np.arange(500)), np.zeros(500), DriftLimits(), 0, scored)
    started = time.process_time()
    drift = decide_drift(spec, reference, scored(reference), batch, scored(batch), DriftLimits(), seed, scored)
    seconds = time.process_time() - started
    print(f"{ROWS:,} rows against {ROWS:,}, {NUMBERS + CATEGORIES} columns: {seconds:.1f} s of CPU, {len(drift.drifted)} columns drifted.")
    return seconds <= MOST_SECONDS


def rows(generator: np.random.Generator, by: float) -> Rows:
    """Half of the numbers are whole, 1 % is missing, and the first five move."""
    numbers = generator.normal(size=(NUMBERS, ROWS)) * 10
    numbers[:5] += 10 * by
    numbers[NUMBERS // 2 :] = np.rint(numbers[NUMBERS // 2 :])
    numbers[generator.random(numbers.shape) < 0.01] = np.nan
    return Rows(numbers, generator.integers(0, LEVELS, (CATEGORIES, ROWS)).astype(np.int32))


def scored(customers: Rows) -> NDArray[np.float64]:
    """A stand-in for a model: the cost of a model is the model's."""
    return 1 / (1 + np.exp(-np.nan_to_num(customers.numbers[0]) / 10))
