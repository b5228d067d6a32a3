"""Experiments, their phases, what servers count of them, shadow scores, and the phase that a prediction was made in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column with its index, and create the four tables."""
    op.add_column("predictions", sa.Column("experiment_phase", sa.Integer))
    in_one = sa.text("experiment_phase IS NOT NULL")
    columns = ["experiment_phase", "created_at"]
    op.create_index("predictions_experiment_phase", "predictions", columns, sqlite_where=in_one, postgresql_where=in_one)
    texts = ("mode", "treatment_version", "treatment_digest", "control_version", "control_digest", "salt")
    op.create_table(
        "experiments",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("horizon_days", sa.Integer, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("started_by", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text) for name in ("stopped_at", "stopped_by", "stop_reason")),
    )
    op.create_table(
        "experiment_phases",
        sa.Column("phase", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("experiment", sa.Integer, nullable=False),
        sa.Column("share", sa.Double, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
    )
    op.create_table(
        "shadows",
        sa.Column("prediction_id", sa.Text, primary_key=True),
        sa.Column("experiment", sa.Integer, nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("threshold", sa.Double, nullable=False),
    )
    op.create_table(
        "experiment_counts",
        sa.Column("experiment", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("replica", sa.Text, primary_key=True),
        sa.Column("variant", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("requests", "errors", "customers")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("latency", "scores", "written_at")),
    )
