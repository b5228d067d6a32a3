"""A home with two customers in its ledger and in a table, for tests of what is erased, backed up and restored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from champions import write_linear_champion
from tidegate.home import Home, open_home
from tidegate.ledger.connections import writing
from tidegate.ledger.customer_key import customer_hash, load_or_create_key
from tidegate.ledger.events import append_event
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@contextmanager
def opened(home: Home) -> Iterator[Ledger]:
    ledger = open_ledger(sqlite_url(home.ledger))
    try:
        yield ledger
    finally:
        close_ledger(ledger)


def add(home: Home, number: int, customer: str | None, at: str = "2026-03-01T12:00:00.000000+00:00") -> None:
    who = None if customer is None else customer_hash(load_or_create_key(home.secrets / "customer.key"), customer)
    made = Prediction(f"p{number}", None, None, who, "1", "b" * 64, "champion", 0.1, 0.5, 0, '{"age":41}', "predict", at)
    with opened(home) as ledger, writing(ledger.engine) as connection:
        insert_predictions(connection, [made])


def kept_home(folder: Path) -> Home:
    """ana, ben and a nameless prediction; ana and ben in a table; a champion; an event."""
    home = open_home(folder)
    write_linear_champion(home)
    home.secrets.mkdir(mode=0o700)
    for number, who in enumerate(("ana", "ben", None)):
        add(home, number, who)
    with opened(home) as ledger:
        append_event(ledger, "test", "made", {}, NOON)
    home.data.mkdir()
    (home.data / "t.csv").write_text("customer_id\nana\nben\n")
    return home


def predictions(home: Home) -> set[str]:
    with opened(home) as ledger, ledger.engine.connect() as connection:
        return {row[0] for row in connection.exec_driver_sql("SELECT prediction_id FROM predictions")}
