"""The index of an experiment's predictions holds what its readers read: without it every look fetched each whole row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the wider index in the place of the narrow one."""
    op.drop_index("predictions_experiment_phase", "predictions")
    in_one = sa.text("experiment_phase IS NOT NULL")
    columns = ["experiment_phase", "created_at", "prediction_id", "customer", "variant", "probability", "threshold"]
    op.create_index("predictions_experiment_phase", "predictions", columns, sqlite_where=in_one, postgresql_where=in_one)
