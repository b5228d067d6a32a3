"""Outcomes of customers that somebody checked: an audit sample, beside what the ordinary outcomes say of the same customers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table with its index."""
    op.create_table(
        "audit_outcomes",
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("observed_at", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.Text, nullable=False),
    )
    op.create_index("audit_outcomes_source", "audit_outcomes", ["source"])
