"""Predictions and what came after them: the outcome, and what people heard.

Both readers walk the whole ledger in pages, each a short transaction of its own: memory stays that of one page, and a slow consumer holds
neither a lock nor SQLite's write-ahead log.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    prediction on and within the horizon: left, or stayed, each with the time when it was first seen, or nothing.

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
    chosen = sa.select(*(_predictions.c[name] for name in names)).where(after, order[0] <= until).order_by(*order).limit(_PAGE)
    page = chosen.subquery()
    # Two look-ups in the primary key of the outcomes for each row: a join would let PostgreSQL read all outcomes for every page.
    seen = sa.select(_outcomes.c.observed_at).where(_outcomes.c.customer == page.c.customer, _outcomes.c.observed_at >= page.c.created_at)
    first = (
        query.order_by(_outcomes.c.observed_at).limit(1).correlate(page).scalar_subquery()
        for query in (seen.where(_outcomes.c.outcome == 1), seen)
    )
    query = sa.select(*(page.c[name] for name in names), *first).order_by(page.c.created_at, page.c.prediction_id)
    with reading(ledger.engine) as connection:
        rows = connection.execute(query).all()
    plain = (MaturedPrediction(**dict(zip(names, row, strict=False)), observed_at=None, outcome=None) for row in rows)
    return [_with_outcome(one, row[-2], row[-1], horizon) for one, row in zip(plain, rows, strict=True)]


def _with_outcome(one: MaturedPrediction, left: str | None, seen: str | None, horizon: timedelta) -> MaturedPrediction:
    """`left`: when its customer was first seen to have left; `seen`: when first seen at all; both from the prediction on."""
    if seen is None:
        return one
    last = time_text(datetime.fromisoformat(one.created_at) + horizon)
    if left is not None and left <= last:
        return replace(one, observed_at=left, outcome=1)
    return replace(one, observed_at=seen, outcome=0) if seen <= last else one
