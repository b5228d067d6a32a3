"""Tables of the ledger, the same on SQLite and PostgreSQL.

Times are text, ISO-8601 in UTC with microseconds and a fixed width, so that text order is time order on every database.
A change here needs a revision in `migrations/versions` and its name at the end of `SCHEMA_VERSIONS`.
"""

from __future__ import annotations

import sqlalchemy as sa

# Oldest first; the last is what this code reads and writes. Kept here so that opening a current ledger loads no alembic.
SCHEMA_VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006")

# A name of our own: a PostgreSQL database shared with another alembic user (MLflow) already holds an `alembic_version`.
VERSION_TABLE = "ledger_version"

metadata = sa.MetaData()

predictions = sa.Table(
    "predictions",
    metadata,
    sa.Column("prediction_id", sa.Text, primary_key=True),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("request_digest", sa.Text),
    sa.Column("customer", sa.Text),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("bundle_digest", sa.Text, nullable=False),
    sa.Column("variant", sa.Text, nullable=False),
    sa.Column("probability", sa.Double, nullable=False),
    sa.Column("threshold", sa.Double, nullable=False),
    sa.Column("prediction", sa.Integer, nullable=False),
    sa.Column("row", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("experiment_phase", sa.Integer),
)

# Partial indexes hold no NULL: a prediction without key or customer pays nothing for them.
sa.Index(
    "predictions_idempotency_key",
    predictions.c.idempotency_key,
    unique=True,
    sqlite_where=predictions.c.idempotency_key.is_not(None),
    postgresql_where=predictions.c.idempotency_key.is_not(None),
)
sa.Index(
    "predictions_customer",
    predictions.c.customer,
    sqlite_where=predictions.c.customer.is_not(None),
    postgresql_where=predictions.c.customer.is_not(None),
)
sa.Index("predictions_created_at", predictions.c.created_at)
# All that readers of an experiment ask for, so that they need not fetch the rows; read in its own order, it costs no sorting either.
sa.Index(
    "predictions_experiment_phase",
    predictions.c.experiment_phase,
    predictions.c.created_at,
    predictions.c.prediction_id,
    predictions.c.customer,
    predictions.c.variant,
    predictions.c.probability,
    predictions.c.threshold,
    sqlite_where=predictions.c.experiment_phase.is_not(None),
    postgresql_where=predictions.c.experiment_phase.is_not(None),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)

campaigns = sa.Table(
    "campaigns",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
)

# The two primary keys below uphold the rules: nobody is in a campaign twice, and nobody has two outcomes at one time.
assignments = sa.Table(
    "assignments",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("customer", sa.Text, primary_key=True),
    sa.Column("arm", sa.Text, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("probability", sa.Double, nullable=False),
    sa.Column("customer_value", sa.Double, nullable=False),
    sa.Column("net_value", sa.Double, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("assigned_at", sa.Text, nullable=False),
)
sa.Index("assignments_customer", assignments.c.customer)

outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("customer", sa.Text, primary_key=True),
    sa.Column("observed_at", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Integer, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.Text, nullable=False),
)
sa.Index("outcomes_source", outcomes.c.source)

# Labels that somebody checked. A table of its own: they may contradict the ordinary ones of the same customer and time, which is what they
# are for, and no reader of outcomes can mistake one for the other.
audit_outcomes = sa.Table(
    "audit_outcomes",
    metadata,
    sa.Column("customer", sa.Text, primary_key=True),
    sa.Column("observed_at", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Integer, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.Text, nullable=False),
)
sa.Index("audit_outcomes_source", audit_outcomes.c.source)

# `note` is what a person wrote and may name anybody: nothing else is ever put into that column, so that it can be emptied by itself.
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("feedback_id", sa.Text, primary_key=True),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("request_digest", sa.Text),
    sa.Column("prediction_id", sa.Text),
    sa.Column("customer", sa.Text),
    sa.Column("heard", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.Text, nullable=False),
)
for _name, _unique in (("idempotency_key", True), ("prediction_id", False), ("customer", False)):
    sa.Index(
        f"feedback_{_name}",
        feedback.c[_name],
        unique=_unique,
        sqlite_where=feedback.c[_name].is_not(None),
        postgresql_where=feedback.c[_name].is_not(None),
    )

# Numbered by hand: of two processes that start one at the same time, the primary key lets one through, and the other looks again.
experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("treatment_version", sa.Text, nullable=False),
    sa.Column("treatment_digest", sa.Text, nullable=False),
    sa.Column("control_version", sa.Text, nullable=False),
    sa.Column("control_digest", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("horizon_days", sa.Integer, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("started_by", sa.Text, nullable=False),
    sa.Column("stopped_at", sa.Text),
    sa.Column("stopped_by", sa.Text),
    sa.Column("stop_reason", sa.Text),
)

# A phase is a stretch of an experiment with one share; a prediction names the phase it was made in, so that the split meant is known.
experiment_phases = sa.Table(
    "experiment_phases",
    metadata,
    sa.Column("phase", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("experiment", sa.Integer, nullable=False),
    sa.Column("share", sa.Double, nullable=False),
    sa.Column("since", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
)

# What a treatment would have said, of predictions that the champion answered. A table of its own: nothing here was ever an answer.
shadows = sa.Table(
    "shadows",
    metadata,
    sa.Column("prediction_id", sa.Text, primary_key=True),
    sa.Column("experiment", sa.Integer, nullable=False),
    sa.Column("probability", sa.Double, nullable=False),
    sa.Column("threshold", sa.Double, nullable=False),
)

# Each server counts since it began and writes its whole count over its last one; `latency` and `scores` are JSON lists of counts.
experiment_counts = sa.Table(
    "experiment_counts",
    metadata,
    sa.Column("experiment", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("replica", sa.Text, primary_key=True),
    sa.Column("variant", sa.Text, primary_key=True),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("errors", sa.Integer, nullable=False),
    sa.Column("customers", sa.Integer, nullable=False),
    sa.Column("latency", sa.Text, nullable=False),
    sa.Column("scores", sa.Text, nullable=False),
    sa.Column("written_at", sa.Text, nullable=False),
)
