"""Run the revisions on the connection that `tidegate.ledger.migrate` hands over; alembic executes this file."""

from __future__ import annotations

from alembic import context

from tidegate.ledger.schema import VERSION_TABLE, metadata

# The caller holds the transaction and the lock: all revisions happen or none, also on SQLite.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
