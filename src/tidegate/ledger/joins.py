"""Predictions and what came after them: the outcome, and what people heard.

Both readers walk the whole ledger in pages, each a short transaction of its own: memory stays that of one page, and a slow consumer holds
neither a lock nor SQLite's write-ahead log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.ledger import schema
from tidegate.ledger.connections import reading
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

_predictions, _outcomes, _feedback = schema.predictions, schema.outcomes, schema.feedback
_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class MaturedPrediction:
    """A prediction whose horizon has passed. `outcome`: 1 left, 0 stayed, None where nothing was seen of the customer within it."""

    prediction_id: str
    customer: str | None
    model_version: str
    variant: str
    probability: float
    threshold: float
    prediction: int
    created_at: str
    observed_at: str | None
    outcome: int | None


@dataclass(frozen=True, slots=True)
class HeardPrediction:
    """One feedback and the prediction it is about; `at` is when it was heard."""

    feedback_id: str
    prediction_id: str
    customer: str | None
    model_version: str
    variant: str
    probability: float
    prediction: int
    created_at: str
    heard: str
    at: str


def matured_predictions(ledger: Ledger, now: datetime, horizon_days: int, since: datetime | None = None) -> Iterator[MaturedPrediction]:
    """Predictions made at least `horizon_days` ago (and from `since` on), oldest first, each with what was seen of its customer from the
    prediction on and within the horizon: left, with the time it was first seen, or stayed, with the time of the last look, or nothing.

    A customer who was seen to stay in one month and to leave in the next has left: each look only says how far it saw.
    Younger predictions are left out even where an outcome is known: those who left early are known early, and would count too often.
    Raises `LedgerUnavailable`, and `ValueError` for a negative horizon or a time without zone.
    """
    if horizon_days < 0:
        raise ValueError("a horizon is not negative")
    horizon = timedelta(days=horizon_days)
    until = time_text(now - horizon)
    start: tuple[str, str] = (time_text(since) if since else "", "")
    while page := _page_of_predictions(ledger, start, until, horizon):
        yield from page
        start = (page[-1].created_at, page[-1].prediction_id)


def heard_predictions(ledger: Ledger, since: datetime | None = None) -> Iterator[HeardPrediction]:
    """Feedback (heard from `since` on) with the prediction it is about, in the order of its ids; feedback without one is left out.

    Raises `LedgerUnavailable`, and `ValueError` for a time without zone.
    """
    joined = _feedback.join(_predictions, _predictions.c.prediction_id == _feedback.c.prediction_id)
    columns = [(_feedback if name in ("feedback_id", "heard", "at") else _predictions).c[name] for name in HeardPrediction.__slots__]
    query = sa.select(*columns).select_from(joined).order_by(_feedback.c.feedback_id).limit(_PAGE)
    if since is not None:
        query = query.where(_feedback.c.at >= time_text(since))
    last = ""
    while True:
        with reading(ledger.engine) as connection:
            page = [HeardPrediction(*row) for row in connection.execute(query.where(_feedback.c.feedback_id > last))]
        if not page:
            return
        yield from page
        last = page[-1].feedback_id


def _page_of_predictions(ledger: Ledger, start: tuple[str, str], until: str, horizon: timedelta) -> list[MaturedPrediction]:
    names = [name for name in MaturedPrediction.__slots__ if name not in ("observed_at", "outcome")]
    order = (_predictions.c.created_at, _predictions.c.prediction_id)
    after = sa.tuple_(*order) > sa.tuple_(*map(sa.literal, start))
    query = sa.select(*(_predictions.c[name] for name in names)).where(after, order[0] <= until).order_by(*order).limit(_PAGE)
    with reading(ledger.engine) as connection:
        page = [MaturedPrediction(**row, observed_at=None, outcome=None) for row in connection.execute(query).mappings()]
        seen = _looks(connection, page, horizon) if page else {}
    return [_with_outcome(one, seen.get(one.customer or "", ()), horizon) for one in page]


def _looks(connection: sa.Connection, page: list[MaturedPrediction], horizon: timedelta) -> dict[str, list[tuple[str, int]]]:
    """What was seen of the customers of a page, oldest first: customer → (time, outcome)."""
    customers = sorted({one.customer for one in page if one.customer is not None})
    within = _outcomes.c.observed_at.between(page[0].created_at, _later(page[-1].created_at, horizon))
    query = sa.select(_outcomes.c.customer, _outcomes.c.observed_at, _outcomes.c.outcome).where(_outcomes.c.customer.in_(customers), within)
    found: dict[str, list[tuple[str, int]]] = {}
    for customer, observed_at, outcome in connection.execute(query.order_by(_outcomes.c.observed_at)):
        found.setdefault(customer, []).append((observed_at, outcome))
    return found


def _with_outcome(one: MaturedPrediction, looks: Sequence[tuple[str, int]], horizon: timedelta) -> MaturedPrediction:
    if not looks:
        return one
    last = _later(one.created_at, horizon)
    within = [(at, outcome) for at, outcome in looks if one.created_at <= at <= last]
    if not within:
        return one
    at, outcome = next(((at, outcome) for at, outcome in within if outcome), within[-1])
    return replace(one, observed_at=at, outcome=outcome)


def _later(moment: str, horizon: timedelta) -> str:
    return time_text(datetime.fromisoformat(moment) + horizon)
