"""Campaigns, who was assigned to which arm, and what became of customers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the three tables with their indexes."""
    op.create_table(
        "campaigns",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
    )
    op.create_table(
        "assignments",
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
    op.create_index("assignments_customer", "assignments", ["customer"])
    op.create_table(
        "outcomes",
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("observed_at", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.Text, nullable=False),
    )
    op.create_index("outcomes_source", "outcomes", ["source"])
