"""What happened in an experiment: who was in which arm, what servers counted, what the shadow said, what was heard."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.ledger import schema
from tidegate.ledger.connections import look_and_write, reading
from tidegate.ledger.experiments import Experiment
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

_predictions, _shadows, _counts, _feedback = schema.predictions, schema.shadows, schema.experiment_counts, schema.feedback
_CHUNK = 5_000


@dataclass(frozen=True)
class Counts:
    """What one variant did. `latency` and `scores` are counts in bins whose bounds are the reader's business.

    `requests` are single-customer answers, whose time `latency` counts; `errors` are answers that failed; `customers` have `scores`.
    """

    variant: str
    requests: int
    errors: int
    customers: int
    latency: tuple[int, ...]
    scores: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shadow:
    """What the treatment of an experiment would have answered, had it been asked."""

    prediction_id: str
    experiment: int
    probability: float
    threshold: float


def write_counts(ledger: Ledger, experiment: int, replica: str, counts: Sequence[Counts], now: datetime) -> None:
    """Replace what this server counted so far. Raises LedgerUnavailable."""

    def write(connection: sa.Connection) -> None:
        for one in counts:
            values = {**asdict(one), "latency": json.dumps(one.latency), "scores": json.dumps(one.scores), "written_at": time_text(now)}
            mine = (_counts.c.experiment == experiment) & (_counts.c.replica == replica) & (_counts.c.variant == one.variant)
            if connection.execute(sa.update(_counts).where(mine).values(values)).rowcount == 0:
                connection.execute(sa.insert(_counts), {**values, "experiment": experiment, "replica": replica})

    look_and_write(ledger.engine, write)


def read_counts(ledger: Ledger, experiment: int) -> dict[str, Counts]:
    """What all servers counted so far, added up: variant → counts. Raises LedgerUnavailable."""
    found: dict[str, Counts] = {}
    names = ("variant", "requests", "errors", "customers", "latency", "scores")
    query = sa.select(*(_counts.c[name] for name in names)).where(_counts.c.experiment == experiment)
    with reading(ledger.engine) as connection:
        for row in connection.execute(query):
            latency, scores = tuple(json.loads(row.latency)), tuple(json.loads(row.scores))
            one = Counts(row.variant, row.requests, row.errors, row.customers, latency, scores)
            found[one.variant] = _added(found[one.variant], one) if one.variant in found else one
    return found


def _added(first: Counts, second: Counts) -> Counts:
    latency, scores = (
        tuple(a + b for a, b in zip(mine, theirs, strict=True))
        for mine, theirs in ((first.latency, second.latency), (first.scores, second.scores))
    )
    requests, errors = first.requests + second.requests, first.errors + second.errors
    return Counts(first.variant, requests, errors, first.customers + second.customers, latency, scores)


def recent_predictions(ledger: Ledger, since: datetime, until: datetime) -> dict[str, tuple[int, int]]:
    """Predictions of customers with an id made between two times, in or out of an experiment: variant → how many, of how many customers.

    Raises LedgerUnavailable.
    """
    columns = (_predictions.c.variant, sa.func.count(), sa.func.count(_predictions.c.customer.distinct()))
    made = _predictions.c.created_at.between(time_text(since), time_text(until)) & _predictions.c.customer.is_not(None)
    with reading(ledger.engine) as connection:
        rows = connection.execute(sa.select(*columns).where(made).group_by(_predictions.c.variant))
        return {variant: (count, customers) for variant, count, customers in rows}


def split_by_phase(ledger: Ledger, experiment: Experiment) -> dict[int, dict[str, int]]:
    """Customers by the phase in which they were first seen: phase → variant → customers. Raises LedgerUnavailable.

    Phase and arm are one number, and the rows come in the order of the index, so that a customer's first row says both: to group 300,000
    of them in SQLite took twice as long.
    """
    both = 2 * _predictions.c.experiment_phase + sa.case((_predictions.c.variant == "treatment", 1), else_=0)
    mine = _predictions.c.experiment_phase.in_([one.phase for one in experiment.phases]) & _predictions.c.customer.is_not(None)
    query = sa.select(_predictions.c.customer, both).where(mine).order_by(_predictions.c.experiment_phase, _predictions.c.created_at)
    first: dict[str, int] = {}
    with reading(ledger.engine) as connection:
        for page in connection.execute(query.execution_options(yield_per=_CHUNK)).partitions():
            for customer, number in page:
                first.setdefault(customer, number)
    found: dict[int, dict[str, int]] = {}
    for number, count in Counter(first.values()).items():
        found.setdefault(number // 2, {})["treatment" if number % 2 else "champion"] = count
    return found


def record_shadows(ledger: Ledger, shadows: Sequence[Shadow]) -> set[str]:
    """Record those whose prediction is in the ledger, once; answers the ids of these predictions. Raises LedgerUnavailable.

    A prediction that was never recorded, or that a repeated key answered from an earlier one, was never given: it has no shadow.
    """
    ids = [one.prediction_id for one in shadows]

    def record(connection: sa.Connection) -> set[str]:
        there: set[str] = set()
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            there.update(
                connection.execute(sa.select(_predictions.c.prediction_id).where(_predictions.c.prediction_id.in_(chunk))).scalars()
            )
        if rows := [asdict(one) for one in shadows if one.prediction_id in there]:
            connection.execute(sa.insert(_shadows), rows)
        return there

    return look_and_write(ledger.engine, record)


def count_shadows(ledger: Ledger, experiment: int) -> int:
    """Shadow scores recorded so far. Raises LedgerUnavailable."""
    with reading(ledger.engine) as connection:
        return connection.execute(sa.select(sa.func.count()).where(_shadows.c.experiment == experiment)).scalar_one()


def count_exposed(ledger: Ledger, experiment: Experiment) -> int:
    """Predictions made in the experiment, whatever their arm. Raises LedgerUnavailable."""
    mine = _predictions.c.experiment_phase.in_([one.phase for one in experiment.phases])
    with reading(ledger.engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(_predictions).where(mine)).scalar_one()


def heard_in(ledger: Ledger, experiment: Experiment) -> dict[str, dict[str, int]]:
    """What contact persons heard of the experiment's predictions: variant → word → how often. Raises LedgerUnavailable."""
    mine = _predictions.c.experiment_phase.in_([one.phase for one in experiment.phases])
    joined = _feedback.join(_predictions, _predictions.c.prediction_id == _feedback.c.prediction_id)
    columns = (_predictions.c.variant, _feedback.c.heard)
    query = sa.select(*columns, sa.func.count()).select_from(joined).where(mine).group_by(*columns).order_by(*columns)
    found: dict[str, dict[str, int]] = {}
    with reading(ledger.engine) as connection:
        for variant, heard, count in connection.execute(query):
            found.setdefault(variant, {})[heard] = count
    return found
