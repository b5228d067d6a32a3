"""Tables of the ledger, the same on SQLite and PostgreSQL.

Times are text, ISO-8601 in UTC with microseconds and a fixed width, so that text order is time order on every database.
A change here needs a revision in `migrations/versions` and its name at the end of `SCHEMA_VERSIONS`.
"""

from __future__ import annotations

import sqlalchemy as sa

# Oldest first; the last is what this code reads and writes. Kept here so that opening a current ledger loads no alembic.
SCHEMA_VERSIONS = ("0001", "0002", "0003")

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
