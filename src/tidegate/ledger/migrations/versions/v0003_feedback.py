"""What the people who contacted customers heard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table with its indexes."""
    op.create_table(
        "feedback",
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
    for name, unique in (("idempotency_key", True), ("prediction_id", False), ("customer", False)):
        present = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"feedback_{name}", "feedback", [name], unique=unique, sqlite_where=present, postgresql_where=present)
