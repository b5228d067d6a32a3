from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tidegate.home import open_home
from tidegate.registry.relocate import relocate_tracking
from tidegate.registry.store import open_registry


def test_files_of_a_home_that_moved_are_found_and_others_stay(tmp_path: Path) -> None:
    home = open_home(tmp_path / "old #1 %")
    registry = open_registry(home, "bank")
    run = registry.client.create_run(registry.experiment)
    elsewhere = registry.client.create_experiment("other", artifact_location=(tmp_path / "old #1 %x" / "mlflow" / "artifacts").as_uri())
    old, new = home.tracking / "artifacts", tmp_path / "new ü" / "mlflow" / "artifacts"
    database = home.tracking / "mlflow.db"
    assert relocate_tracking(database, old, new) >= 2
    assert relocate_tracking(database, old, new) == 0
    assert relocate_tracking(tmp_path / "none.db", old, new) == 0
    with closing(sqlite3.connect(database)) as connection:
        places = dict(connection.execute("SELECT experiment_id, artifact_location FROM experiments"))
        (run_place,) = connection.execute("SELECT artifact_uri FROM runs WHERE run_uuid = ?", [run.info.run_id]).fetchone()
    assert places[int(registry.experiment)] == new.as_uri()
    assert run_place == f"{new.as_uri()}/{run.info.run_id}/artifacts"
    assert "x/mlflow" in places[int(elsewhere)]
