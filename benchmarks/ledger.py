"""How long it takes to read back a million predictions with what became of the customers, and in how much memory.

    python benchmarks/ledger.py [--rows 1000000] [--url postgresql://…]

Every customer has three predictions and three outcomes, a month apart; the last month some have left. Building the ledger takes longer than
reading it. Prints processor and wall time and the peak memory of the process that reads.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidegate.ledger.connections import writing
from tidegate.ledger.joins import matured_predictions
from tidegate.ledger.outcomes import Outcome, known_customers, record_outcomes
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.ledger.times import time_text

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=365)
TOGETHER = 20_000
ROW = '{"age":41,"income":1.5,"plan":"basic","region":"north"}' * 5


def prediction(number: int, customers: int) -> Prediction:
    customer = f"{number * 7919 % customers:032x}"
    made = time_text(START + timedelta(seconds=number * 9))
    identity = f"018f-{number:012d}-{os.urandom(6).hex()}"
    return Prediction(identity, None, None, customer, "7", "b" * 64, "champion", 0.3, 0.5, 0, ROW, "predict-batch", made)


def build(url: str, rows: int) -> None:
    ledger, customers = open_ledger(url), max(1, rows // 3)
    for first in range(0, rows, TOGETHER):
        with writing(ledger.engine) as connection:
            insert_predictions(connection, [prediction(number, customers) for number in range(first, min(rows, first + TOGETHER))])
    for month in range(3):
        seen = time_text(START + timedelta(days=30 * month + 10))
        for first in range(0, customers, TOGETHER):
            people = range(first, min(customers, first + TOGETHER))
            told = [Outcome(f"{one:032x}", seen, int(month == 2 and one % 9 == 0), "benchmark", time_text(NOW)) for one in people]
            record_outcomes(ledger, told, "benchmark", {}, NOW)
    close_ledger(ledger)


@contextmanager
def timed(what: str) -> Iterator[None]:
    wall, processor = time.perf_counter(), time.process_time()
    yield
    print(f"{what}: {time.process_time() - processor:.2f} s processor, {time.perf_counter() - wall:.2f} s wall")


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--url", help="an empty PostgreSQL database; otherwise a temporary SQLite file")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.url or sqlite_url(Path(folder) / "ledger.db")
        builder = multiprocessing.get_context("spawn").Process(target=build, args=(url, given.rows))
        builder.start()
        builder.join()
        ledger = open_ledger(url)
        for horizon_days in (30, 90):
            with timed(f"{given.rows:,} predictions, horizon {horizon_days} days"):
                labelled = sum(one.outcome is not None for one in matured_predictions(ledger, NOW, horizon_days))
            print(f"  with an outcome: {labelled:,}")
        with timed("the last 10,000 predictions"):
            since = START + timedelta(seconds=9 * (given.rows - 10_000))
            sum(1 for _ in matured_predictions(ledger, NOW, 30, since))
        people = [f"{number:032x}" for number in range(10_000)]
        with timed("which of 10,000 customers are known"):
            known_customers(ledger, people)
        with timed("10,000 outcomes recorded"):
            record_outcomes(ledger, [Outcome(one, time_text(NOW), 0, "b", time_text(NOW)) for one in people], "benchmark", {}, NOW)
        close_ledger(ledger)
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
