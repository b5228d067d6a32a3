"""Who counts in an experiment, and from when: each customer's first prediction in it, and when it was recorded what became of them.

Read in one pass and kept as columns: a row at a time with two look-ups of outcomes each, a million predictions took 24 s of processor time,
this takes 7. What was known at an earlier time is then a comparison of columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from tidegate.ledger import schema
from tidegate.ledger.connections import reading
from tidegate.ledger.experiments import Experiment
from tidegate.ledger.outcomes import in_chunks
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

NEVER = np.iinfo(np.int64).max
_predictions, _shadows, _outcomes = schema.predictions, schema.shadows, schema.outcomes
# Phases follow each other: the order of their index, which costs no sorting.
_ORDER = ("experiment_phase", "created_at", "prediction_id")
_PAGE = 5_000
# So many customers are looked up one by one; of more, reading all outcomes is cheaper.
_FEW = 50_000
Times = NDArray[np.int64]
Said = NDArray[np.float64]


@dataclass(frozen=True)
class Trials:
    """Customers of whom an outcome is known, one row each, by their first prediction in the experiment that has matured.

    One a customer, because a customer scored every day is one piece of evidence and not thirty; in a shadow, the first prediction that has
    a shadow score. `said` float64 (n, 2) is probability and threshold of the answer, `shadow` those of the shadow score (None elsewhere),
    `treated` bool (n,). Times are int64 (n,) in microseconds since 1970: `matured` when the horizon had passed, `seen` when it was first
    recorded that anything was seen of the customer within the horizon, `left` when it was first recorded that they had left (`NEVER`: they
    stayed).
    """

    treated: NDArray[np.bool_]
    said: Said
    shadow: Said | None
    matured: Times
    seen: Times
    left: Times

    def known(self, moment: datetime | None = None) -> tuple[NDArray[np.bool_], NDArray[np.int8]]:
        """Which rows (n,) counted at a time, by what was recorded by then, and the label (1 left) of each of these; None: by now."""
        if moment is None:
            return np.ones(len(self.seen), np.bool_), (self.left != NEVER).astype(np.int8)
        at = microseconds(moment)
        counted = (self.matured <= at) & (self.seen <= at)
        return counted, (self.left[counted] <= at).astype(np.int8)

    @property
    def last_change(self) -> datetime | None:
        """When the evidence became what it is; None where there is none."""
        if not len(self.seen):
            return None
        told = np.where(self.left == NEVER, self.seen, self.left)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(np.max(np.maximum(self.matured, told))))


def read_trials(ledger: Ledger, experiment: Experiment, now: datetime) -> Trials:
    """The customers of an experiment whose prediction has matured by now and has an outcome, in the order of their predictions.

    An outcome counts where it was observed from the prediction on and within the horizon; a customer seen to stay and later to leave has
    left. Raises LedgerUnavailable, and ValueError for a time without zone.
    """
    horizon = timedelta(days=experiment.horizon_days)
    with reading(ledger.engine) as connection:
        place, first = _first_predictions(connection, experiment, time_text(now - horizon))
        matured = first.created + horizon // timedelta(microseconds=1)
        seen, left = (np.full(len(place), NEVER) for _ in range(2))
        for told in _told_of(connection, experiment, place):
            within = (told.observed >= first.created[told.who]) & (told.observed <= matured[told.who])
            for times, counted in ((seen, within), (left, within & told.gone)):
                np.minimum.at(times, told.who[counted], told.recorded[counted])
    kept = seen != NEVER
    shadow = first.said[kept, 2:] if experiment.mode == "shadow" else None
    return Trials(first.treated[kept], first.said[kept, :2], shadow, matured[kept], seen[kept], left[kept])


def microseconds(moment: datetime) -> int:
    """Since 1970.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@dataclass(frozen=True)
class _First:
    """First predictions as columns: `said` (n, 2), with the shadow's (n, 4)."""

    created: Times
    treated: NDArray[np.bool_]
    said: Said


@dataclass(frozen=True)
class _Told:
    """Outcomes as columns; `who` is the number of the customer's first prediction."""

    who: Times
    observed: Times
    gone: NDArray[np.bool_]
    recorded: Times


def _first_predictions(connection: sa.Connection, experiment: Experiment, until: str) -> tuple[dict[str, int], _First]:
    """Customer → the number of the first row of theirs, in time order; and these rows."""
    table: sa.FromClause = _predictions
    columns = [_predictions.c[name] for name in ("customer", "created_at", "variant", "probability", "threshold")]
    if experiment.mode == "shadow":
        ours = (_shadows.c.prediction_id == _predictions.c.prediction_id) & (_shadows.c.experiment == experiment.number)
        table = _predictions.join(_shadows, ours)
        columns += [_shadows.c.probability, _shadows.c.threshold]
    mine = _predictions.c.experiment_phase.in_([one.phase for one in experiment.phases])
    made = _predictions.c.created_at.between(experiment.started_at, until) & _predictions.c.customer.is_not(None)
    query = sa.select(*columns).select_from(table).where(mine, made).order_by(*(_predictions.c[name] for name in _ORDER))
    place: dict[str, int] = {}
    parts = [_First(np.empty(0, np.int64), np.empty(0, np.bool_), np.empty((0, len(columns) - 3)))]
    for page in connection.execute(query.execution_options(yield_per=_PAGE)).partitions():
        fresh = []
        for row in page:
            if row[0] not in place:
                place[row[0]] = len(place)
                fresh.append(row)
        if fresh:
            _, created, variant, *said = zip(*fresh, strict=True)
            parts.append(_First(_times(created), np.array([one == "treatment" for one in variant]), np.array(said, np.float64).T))
    return place, _First(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("created", "treated", "said")))


def _told_of(connection: sa.Connection, experiment: Experiment, place: Mapping[str, int]) -> Iterator[_Told]:
    """Outcomes of these customers, in pieces."""
    query = sa.select(*(_outcomes.c[name] for name in ("customer", "observed_at", "outcome", "recorded_at")))
    query = query.where(_outcomes.c.observed_at >= experiment.started_at)
    few = len(place) <= _FEW
    for part in [query.where(_outcomes.c.customer.in_(chunk)) for chunk in in_chunks(list(place))] if few else [query]:
        for page in connection.execute(part.execution_options(yield_per=_PAGE)).partitions():
            ours = [row for row in page if row[0] in place]
            if ours:
                customer, observed, outcome, recorded = zip(*ours, strict=True)
                who = np.array([place[one] for one in customer], np.int64)
                yield _Told(who, _times(observed), np.array(outcome) == 1, _times(recorded))


def _times(texts: Sequence[str]) -> Times:
    """Times as the ledger writes them, all in UTC; NumPy knows no zone."""
    return np.array([text.removesuffix("+00:00") for text in texts], "M8[us]").astype(np.int64)
