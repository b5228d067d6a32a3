"""A ledger of any earlier version is migrated when it is opened, and keeps what it held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

import tidegate.ledger
from databases import Outsider
from tidegate.ledger import schema
from tidegate.ledger.campaigns import Assignment, find_campaign, record_campaign
from tidegate.ledger.connections import connect_engine, reading, writing
from tidegate.ledger.events import append_event, verify_events
from tidegate.ledger.feedback import Feedback, feedback_on, record_feedback
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.predictions import Prediction
from tidegate.ledger.store import Ledger, check_ledger, close_ledger, open_ledger
from tidegate.ledger.times import time_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# The columns of predictions in every version so far; 0004 added one.
HELD = [field.name for field in fields(Prediction) if field.name != "experiment_phase"]
_SECOND = ("predictions", "events", "campaigns", "assignments", "outcomes")
_THIRD = (*_SECOND, "feedback")
_FIFTH = (*_THIRD, "audit_outcomes")
TABLES = {"0001": ("predictions", "events"), "0002": _SECOND, "0003": _THIRD, "0004": _THIRD, "0005": _FIFTH}


def written_by(version: str, url: str, predictions: list[Prediction]) -> None:
    """A ledger as the Tidegate of that version left it, with rows in every table."""
    engine = connect_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(tidegate.ledger.__path__[0]) / "migrations"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.execute(sa.insert(sa.table("predictions", *map(sa.column, HELD))), [asdict(one) for one in predictions])
    old = Ledger(engine, url)
    append_event(old, "ana", "promote", {"version": 1}, NOON)
    if version >= "0002":
        customer = str(predictions[0].customer)
        record_campaign(old, "spring", {"seed": 1}, [Assignment(customer, "treated", 1, 0.5, 100.0, 10.0, "7")], "ana", NOON)
        record_outcomes(old, [Outcome(customer, time_text(NOON), 1, "file:a", time_text(NOON))], "ana", {}, NOON)
    if version >= "0003":
        record_feedback(old, Feedback("g", None, None, None, customer, "other", None, time_text(NOON), time_text(NOON)), "ana", {}, NOON)
    if version >= "0005":
        record_outcomes(old, [Outcome(customer, time_text(NOON), 0, "file:b", time_text(NOON))], "ana", {}, NOON, audit=True)
    close_ledger(old)


def test_each_earlier_version_is_tested_here() -> None:
    assert tuple(TABLES) == schema.SCHEMA_VERSIONS[:-1]


@pytest.mark.parametrize("version", TABLES)
def test_a_ledger_of_an_earlier_version_keeps_what_it_held(version: str, url: str, make: Callable[..., Prediction]) -> None:
    written_by(version, url, [make(number, key=f"k{number}", digest="d") for number in range(50)])
    outsider = Outsider(url)

    def held() -> dict[str, list[object]]:
        columns = {"predictions": ", ".join(HELD)}
        query = "SELECT {} FROM {} ORDER BY 1, 2"
        return {table: outsider.execute(query.format(columns.get(table, "*"), table)).fetchall() for table in TABLES[version]}

    before = held()
    assert all(before.values())
    assert outsider.execute("SELECT version_num FROM ledger_version").fetchall() == [(version,)]
    ledger = open_ledger(url)
    try:
        assert held() == before
        assert outsider.execute("SELECT version_num FROM ledger_version").fetchall() == [(schema.SCHEMA_VERSIONS[-1],)]
        with reading(ledger.engine) as connection:
            context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
            assert compare_metadata(context, schema.metadata) == []
        assert (check_ledger(ledger), verify_events(ledger)) == ("ok", "ok")
        assert (find_campaign(ledger, "spring") is not None) == (version >= "0002")
        heard = Feedback("f", None, None, "id-00000007", None, "other", None, time_text(NOON), time_text(NOON))
        record_feedback(ledger, heard, "ana", {}, NOON)
        assert feedback_on(ledger, "id-00000007")[0].customer == f"{7:032x}"
        assert verify_events(ledger) == "ok"
    finally:
        outsider.close()
        close_ledger(ledger)
