"""MLflow writes where a run's files lie as full paths: what has to change when its home lies elsewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

# Columns of MLflow's database that hold the place of files; those that a later MLflow adds or drops are looked for first.
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


def relocate_tracking(database: Path, old: Path, new: Path) -> int:
    """Let everything that MLflow recorded below the folder `old` be found below `new`; returns how many places changed.

    Both are the absolute folders of artifacts; places elsewhere stay. Does nothing where there is no database. Raises sqlite3.Error.
    """
    if not database.exists() or old == new:
        return 0
    before, after, changed = old.as_uri() + "/", new.as_uri() + "/", 0
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in _PLACES:
            known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if column in known:
                # names are constants of this module, values are bound
                statement = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column} || '/', 1, ?) = ?"  # noqa: S608
                values = (after[:-1], len(before), len(before), before)
                changed += connection.execute(statement, values).rowcount
    return changed
