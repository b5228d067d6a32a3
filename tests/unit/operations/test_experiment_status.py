"""What an experiment says of the split of its customers, before there are any and after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tidegate.ledger.connections import writing
from tidegate.ledger.experiments import Terms, start_experiment
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text
from tidegate.operations.experiment_status import status
from tidegate.operations.experiment_words import status_document, status_text

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def begun(ledger: Ledger, mode: str = "ab") -> None:
    start_experiment(ledger, Terms(mode, ("2", "t" * 64), ("1", "b" * 64), 0.5, 10), "salt", "ana", START)  # type: ignore[arg-type]


def test_nobody_was_split_before_anybody_came(ledger: Ledger) -> None:
    begun(ledger)
    nobody = status(ledger, None, START + HOUR)
    assert (status_document(nobody)["sample_ratio"], nobody.split_as_meant) == (None, True)
    assert "split of customers: there are none yet" in status_text(nobody)

    values = ("1", "b" * 64, "champion", 0.2, 0.5, 0, "{}", "predict", time_text(START + HOUR), 1)
    with writing(ledger.engine) as connection:
        insert_predictions(connection, [Prediction("p-1", None, None, "0" * 32, *values)])
    first = status(ledger, None, START + 2 * HOUR)
    ratio = status_document(first)["sample_ratio"]
    assert (ratio["p"] > 0.5, ratio["as_meant"]) == (True, True)
    assert "as meant" in status_text(first)


def test_in_a_shadow_nobody_ever_is(ledger: Ledger) -> None:
    begun(ledger, "shadow")
    assert "split of customers" not in status_text(status(ledger, None, START + HOUR))
