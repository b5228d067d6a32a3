"""Bring a ledger's schema to the version this code reads and writes."""

from __future__ import annotations

import threading
from pathlib import Path

import sqlalchemy as sa

from tidegate.errors import HomeRefused
from tidegate.ledger.connections import reading, writing
from tidegate.ledger.schema import SCHEMA_VERSIONS, VERSION_TABLE

_MIGRATION_LOCK = 7_305_801
_alembic = threading.Lock()  # its context is a global of the process


def bring_to_head(engine: sa.Engine) -> None:
    """Create or migrate the tables in one transaction; loads alembic only when there is something to do.

    Raises `HomeRefused` when the ledger was written by a newer Tidegate and `LedgerUnavailable` when it cannot be reached.
    """
    with reading(engine) as connection:
        if stored_version(connection) == SCHEMA_VERSIONS[-1]:
            return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        # asked again under the lock: another process may have migrated meanwhile, then alembic stays unloaded
        if stored_version(connection) != SCHEMA_VERSIONS[-1]:
            _upgrade(connection)


def stored_version(connection: sa.Connection) -> str | None:
    """Version of the schema in the database, None when it holds no ledger; raises `HomeRefused` for one unknown here."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    version = connection.execute(sa.select(sa.column("version_num")).select_from(sa.table(VERSION_TABLE))).scalar()
    if version is not None and version not in SCHEMA_VERSIONS:
        raise HomeRefused(
            f"The ledger has schema version {version}, and this Tidegate knows none newer than {SCHEMA_VERSIONS[-1]}.",
            "Install the Tidegate that wrote it, or restore a backup made before that upgrade.",
        )
    return version


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    with _alembic:
        command.upgrade(config, "head")
