"""What the people who contacted customers heard: recorded once, beside the prediction it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Literal, get_args

import sqlalchemy as sa

from tidegate.errors import KeyReused, RowRefused
from tidegate.ledger import schema
from tidegate.ledger.connections import look_and_write, reading
from tidegate.ledger.events import add_event
from tidegate.ledger.store import Ledger

Heard = Literal["agreed_to_stay", "will_leave", "not_reached", "prediction_wrong", "other"]
HEARD: tuple[str, ...] = get_args(Heard)
LONGEST_NOTE = 500

_table, _predictions, _assignments = schema.feedback, schema.predictions, schema.assignments


@dataclass(frozen=True, slots=True)
class Feedback:
    """One thing heard about a prediction, or about a customer (keyed hash) of whom there is no prediction.

    `note` is what a person wrote, up to `LONGEST_NOTE` characters; it may hold personal data. `at` (when it was heard) and `recorded_at`
    are ISO-8601 in UTC with microseconds. `request_digest` is compared when `idempotency_key` comes back, and keyed: it covers the id of
    a customer and the note.
    """

    feedback_id: str
    idempotency_key: str | None
    request_digest: str | None
    prediction_id: str | None
    customer: str | None
    heard: str
    note: str | None
    at: str
    recorded_at: str


_select = sa.select(*(_table.c[field.name] for field in fields(Feedback)))


def record_feedback(ledger: Ledger, feedback: Feedback, who: str, evidence: Mapping[str, object], now: datetime) -> Feedback:
    """Record feedback and one event in one transaction; for a known idempotency key, the feedback recorded first and nothing new.

    Feedback that names a prediction gets that prediction's customer; feedback that names a customer gets the last prediction made of that
    customer until `at`, where there is one. Raises `RowRefused` where the ledger knows neither, `KeyReused` where the key came with
    another request digest and `LedgerUnavailable` when the database fails.
    """

    def record(connection: sa.Connection) -> Feedback:
        stored = _stored(connection, feedback)
        if stored is not None:
            return stored
        placed = _placed(connection, feedback)
        connection.execute(sa.insert(_table), asdict(placed))
        add_event(connection, who, "recorded feedback", {**evidence, "added": 1}, now)
        return placed

    return look_and_write(ledger.engine, record)


def feedback_on(ledger: Ledger, prediction_id: str) -> list[Feedback]:
    """Everything heard about a prediction, oldest first."""
    with reading(ledger.engine) as connection:
        found = connection.execute(_select.where(_table.c.prediction_id == prediction_id).order_by(_table.c.at, _table.c.feedback_id))
        return [Feedback(*row) for row in found]


def _stored(connection: sa.Connection, feedback: Feedback) -> Feedback | None:
    if feedback.idempotency_key is None:
        return None
    row = connection.execute(_select.where(_table.c.idempotency_key == feedback.idempotency_key)).one_or_none()
    if row is not None and row.request_digest != feedback.request_digest:
        raise KeyReused(
            "The idempotency key was already used for another request.", "Send a new key, or repeat the first request unchanged."
        )
    return None if row is None else Feedback(*row)


def _placed(connection: sa.Connection, feedback: Feedback) -> Feedback:
    """The feedback with its prediction and its customer, as far as the ledger knows them."""
    if feedback.prediction_id is not None:
        found = connection.execute(sa.select(_predictions.c.customer).where(_predictions.c.prediction_id == feedback.prediction_id)).first()
        if found is None:
            raise RowRefused("prediction_id: the ledger has no such prediction.", "(rule: unknown prediction)")
        return replace(feedback, customer=found.customer)
    theirs = _predictions.c.customer == feedback.customer
    newest_first = (
        sa.select(_predictions.c.prediction_id)
        .where(theirs)
        .order_by(_predictions.c.created_at.desc(), _predictions.c.prediction_id.desc())
    )
    last = connection.execute(newest_first.where(_predictions.c.created_at <= feedback.at).limit(1)).scalar()
    if last is None:
        assigned = sa.select(_assignments.c.customer).where(_assignments.c.customer == feedback.customer)
        if connection.execute(newest_first.limit(1)).first() is None and connection.execute(assigned.limit(1)).first() is None:
            raise RowRefused(
                "customer_id: the ledger has neither a prediction nor a campaign of this customer.", "(rule: unknown customer)"
            )
    return replace(feedback, prediction_id=last)
