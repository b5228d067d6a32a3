"""Opening, closing and checking a ledger."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import tidegate.ledger
from databases import Outsider
from tidegate.errors import HomeRefused, LedgerUnavailable, SettingRefused
from tidegate.ledger import connections, schema
from tidegate.ledger.connections import reading, writing
from tidegate.ledger.events import append_event
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import Ledger, check_ledger, close_ledger, open_ledger, sqlite_url


def run_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_files_are_for_the_owner_only(path: Path, ledger: Ledger) -> None:
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        assert stat.S_IMODE((path.parent / name).stat().st_mode) == 0o600, name


def test_every_connection_to_a_file_is_durable(path: Path, ledger: Ledger) -> None:
    with ledger.engine.connect() as first, ledger.engine.connect() as second:
        for connection in (first, second):
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000


def test_reopening_keeps_the_ledger_and_loads_no_alembic(ledger: Ledger) -> None:
    close_ledger(ledger)
    child = run_python(
        """
        import sys
        from tidegate.ledger.store import check_ledger, close_ledger, open_ledger
        import tidegate.ledger.commit, tidegate.ledger.events
        ledger = open_ledger(sys.argv[1])
        print(check_ledger(ledger), "alembic" in sys.modules)
        """,
        ledger.url,
    )
    assert child.communicate()[0].split() == ["ok", "False"]


def test_several_processes_may_open_a_fresh_ledger_at_once(url: str) -> None:
    code = """
        import sys
        from tidegate.ledger.store import check_ledger, open_ledger
        print("ready", flush=True)
        sys.stdin.readline()
        print(check_ledger(open_ledger(sys.argv[1])), flush=True)
        """
    children = [run_python(code, url) for _ in range(4)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    assert [child.communicate()[0] for child in children] == ["ok\n"] * 4


def test_connections_that_race_for_the_write_ahead_log_all_succeed(tmp_path: Path) -> None:
    # without patience of our own, 3 in 100 of these fail at once with "database is locked"
    for attempt in range(50):
        start = threading.Barrier(6)
        modes: list[object] = []

        def connect(
            url: str = sqlite_url(tmp_path / f"{attempt}.db"), start: threading.Barrier = start, modes: list[object] = modes
        ) -> None:
            engine = connections.connect_engine(url)
            start.wait()
            with reading(engine) as connection:
                modes.append(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
            engine.dispose()

        threads = [threading.Thread(target=connect) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert modes == ["wal"] * 6


def test_a_newer_ledger_is_refused(ledger: Ledger, outsider: Outsider) -> None:
    outsider.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(HomeRefused, match="9999") as refusal:
        open_ledger(ledger.url)
    assert refusal.value.remedy
    assert "9999" in check_ledger(ledger)


def test_the_constant_names_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(tidegate.ledger.__path__[0]) / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert [script.revision for script in reversed(list(scripts.walk_revisions()))] == list(schema.SCHEMA_VERSIONS)


def test_migrations_build_the_tables_the_code_declares(ledger: Ledger) -> None:
    with reading(ledger.engine) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert compare_metadata(context, schema.metadata) == []
        indexes = [index for table in schema.metadata.tables for index in sa.inspect(connection).get_indexes(table)]
    partial = {
        str(index["name"]): index["unique"] for index in indexes if f"{ledger.engine.dialect.name}_where" in index["dialect_options"]
    }
    assert {name for name, unique in partial.items() if unique} == {"predictions_idempotency_key", "feedback_idempotency_key"}
    assert {name for name, unique in partial.items() if not unique} == {
        "predictions_customer",
        "feedback_customer",
        "feedback_prediction_id",
        "predictions_experiment_phase",
    }


def test_a_failed_migration_leaves_nothing(url: str) -> None:
    engine = connections.connect_engine(url)
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE events (other TEXT)")
    with pytest.raises(LedgerUnavailable):
        open_ledger(url)
    with reading(engine) as connection:
        assert sa.inspect(connection).get_table_names() == ["events"]
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro", "mysql://host/name", "no url"])
def test_another_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(SettingRefused, match="ledger"):
        open_ledger(url)


def test_a_missing_folder_is_a_clear_failure(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="absent"):
        open_ledger(f"sqlite:///{tmp_path}/absent/ledger.db")


def test_a_file_that_is_no_database_is_a_clear_failure(path: Path) -> None:
    path.write_bytes(b"customer,churn\n" * 1000)
    with pytest.raises(LedgerUnavailable, match="not a database"):
        open_ledger(f"sqlite:///{path}")
    assert path.read_bytes() == b"customer,churn\n" * 1000


def test_a_path_with_unusual_characters_is_taken_literally(tmp_path: Path) -> None:
    path = tmp_path / "home #1? 50%41 ü&" / "ledger.db"
    path.parent.mkdir()
    ledger = open_ledger(sqlite_url(path))
    assert check_ledger(ledger) == "ok"
    close_ledger(ledger)
    assert [file.name for file in path.parent.iterdir()] == ["ledger.db"]


def test_a_vanished_database_is_missing_and_not_created_anew(path: Path, ledger: Ledger) -> None:
    path.rename(path.with_suffix(".away"))
    assert "absent" in check_ledger(ledger)
    assert not path.exists()
    path.with_suffix(".away").rename(path)
    assert check_ledger(ledger) == "ok"


def test_a_replaced_file_is_followed(path: Path, ledger: Ledger, tmp_path: Path) -> None:
    other = open_ledger(f"sqlite:///{tmp_path}/other.db")
    with writing(other.engine) as connection:
        connection.execute(sa.insert(schema.events).values(sequence=1, at="", who="", what="", evidence="", previous="", hash=""))
    close_ledger(other)
    for suffix in ("-wal", "-shm"):  # left in place, the old write-ahead log would be applied to the new file
        path.with_name(path.name + suffix).unlink()
    (tmp_path / "other.db").replace(path)
    with reading(ledger.engine) as connection:
        assert connection.execute(sa.select(schema.events.c.sequence)).scalars().all() == [1]


def test_a_commit_into_a_deleted_file_is_a_failure(path: Path, ledger: Ledger) -> None:
    with pytest.raises(LedgerUnavailable, match="deleted"), writing(ledger.engine):
        path.unlink()


def test_damage_is_found(path: Path, ledger: Ledger, make: Callable[..., Prediction]) -> None:
    with writing(ledger.engine) as connection:
        insert_predictions(connection, [make(number) for number in range(1000)])
    close_ledger(ledger)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    assert check_ledger(ledger, thorough=False) == "ok"
    assert "integrity" in check_ledger(ledger)


def test_a_database_without_tables_is_no_ledger(ledger: Ledger, outsider: Outsider) -> None:
    outsider.execute(f"DROP TABLE {schema.VERSION_TABLE}")
    assert "no ledger" in check_ledger(ledger)


def test_opening_waits_for_one_who_is_creating(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    ending = threading.Timer(0.3, other.execute, ["COMMIT"])
    ending.start()
    ledger = open_ledger(sqlite_url(path))
    assert check_ledger(ledger) == "ok"
    close_ledger(ledger)
    ending.join()
    other.close()


def test_a_lock_held_too_long_is_named(ledger: Ledger, outsider: Outsider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BUSY_TIMEOUT_MS", 100)
    impatient = open_ledger(ledger.url)
    outsider.hold()
    started = time.monotonic()
    with pytest.raises(LedgerUnavailable, match="locked"):
        append_event(impatient, "ana", "promote", {}, datetime.now(UTC))
    assert 0.05 < time.monotonic() - started < 2
    assert check_ledger(impatient) == "ok"  # readers are not held up
    outsider.release()
    assert append_event(impatient, "ana", "promote", {}, datetime.now(UTC)) == 1
    close_ledger(impatient)


def test_failures_tell_no_sql_and_no_value(ledger: Ledger) -> None:
    with pytest.raises(LedgerUnavailable) as failure, writing(ledger.engine) as connection:
        connection.execute(sa.text("INSERT INTO predictions (customer) VALUES (:who)"), {"who": "Jane Doe"})
    for text in (str(failure.value), str(failure.value.__cause__)):
        assert "Jane" not in text
    assert "INSERT" not in str(failure.value)


def test_the_password_of_a_url_is_not_shown(ledger: Ledger) -> None:
    assert "secret" not in repr(Ledger(ledger.engine, "postgresql://user:secret@host/name"))
