"""Predictions and the audit trail of events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables with their indexes."""
    op.create_table(
        "predictions",
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
    with_key = sa.text("idempotency_key IS NOT NULL")
    op.create_index(
        "predictions_idempotency_key", "predictions", ["idempotency_key"], unique=True, sqlite_where=with_key, postgresql_where=with_key
    )
    with_customer = sa.text("customer IS NOT NULL")
    op.create_index("predictions_customer", "predictions", ["customer"], sqlite_where=with_customer, postgresql_where=with_customer)
    op.create_index("predictions_created_at", "predictions", ["created_at"])
    op.create_table(
        "events",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
